"""Icons of blueprints for the web page: a blueprint without one is no error there, which browsers would report."""

from http import HTTPStatus

from fastapi import Response

from cfy_cli.manager.rest.api import Call, Routes
from cfy_cli.manager.rest.downloads import download
from cfy_cli.manager.services.blueprints import icons

routes = Routes("web")


@routes.get("/web/icons/{key}", "blueprint_download")
def show_icon(call: Call, key: str) -> Response:
    """Answer the icon of a blueprint; 204 when it has none."""
    found = icons.find_file(call.store, key)
    if found is None:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return download(call.app, found, icons.FILE, f"{key}.png")
