"""Plugins over HTTP."""

import contextlib
import os
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import Depends, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel
from starlette.background import BackgroundTask

from cfy_cli.contract.resources import PLUGINS
from cfy_cli.errors import Forbidden, Invalid
from cfy_cli.manager.rest.api import Call, Deferred, Routes, listed
from cfy_cli.manager.rest.paging import flag, listing
from cfy_cli.manager.rest.uploads import Received, received
from cfy_cli.manager.rest.wire import item
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity.permissions import allowed
from cfy_cli.manager.services.plugins import bundles, plugins
from cfy_cli.manager.services.plugins.installation import environment_of
from cfy_cli.manager.services.plugins.wagons import Package, look_into
from cfy_cli.manager.services.transfer.fetching import fetch
from cfy_cli.manager.services.visibility import widen
from cfy_cli.manager.store.listing import Listing
from cfy_cli.manager.store.models import Plugin

routes = Routes("plugins")
EXTRA = ("_get_data",)  # older clients ask for it; everything is shown anyway


class Forcing(BaseModel):
    force: bool = False


class Change(BaseModel):
    creator: str | None = None
    labels: Any = None
    blueprint_labels: Any = None
    resource_tags: dict[str, Any] | None = None


class Installing(BaseModel):
    action: Literal["install"]
    managers: list[str] = []
    agents: list[str] = []


class Showing(BaseModel):
    visibility: str


@dataclass(frozen=True, slots=True)
class Sent:
    packages: list[Package]
    bundle: bool  # many plugins in one archive


def sent(request: Request, body: Annotated[Received, Depends(received)]) -> Iterator[Sent]:
    """The plugins that were sent or are to be fetched, taken apart before any transaction begins."""
    app: AppContext = request.app.state.app_context
    url = body.params.get("plugin_archive_url")
    if (body.archive is None) == (url is None):
        raise Invalid("A plugin is uploaded as an archive in the request, or as `plugin_archive_url`: one of them")
    with app.files.open_temporary() as (file, fetched), app.files.open_temporary() as (_, wagon):
        if url:
            fetch(url, file)
            file.flush()
        archive = body.archive or fetched
        if bundles.is_bundle(archive):
            with bundles.unpacked(archive, app.files.incoming) as packages:
                yield Sent(packages, bundle=True)
        else:
            yield Sent([look_into(archive, wagon)], bundle=False)


@routes.get("/plugins", "plugin_list")
def list_plugins(
    call: Call, asked: Annotated[Listing, Depends(listing(sort=PLUGINS.order, extra=EXTRA))]
) -> dict[str, Any]:
    page = call.store.list(Plugin, asked, search=PLUGINS.search)
    return listed(page, [shown(row, asked.include) for row in page.items])


@routes.get("/plugins/{plugin_id}", "plugin_get")
def get_plugin(call: Call, plugin_id: str) -> dict[str, Any]:
    return shown(call.store.get(Plugin, plugin_id), call.include)


@routes.post("/plugins", "plugin_upload", status=201)
def upload_plugin(call: Call, what: Annotated[Sent, Depends(sent)]) -> dict[str, Any]:
    """Upload a plugin: a wagon, or a zip of a wagon, its yaml files and an icon; or `plugin_archive_url`.

    A bundle, a tar of wagons and yaml files with METADATA that says which belong together, is answered by a list of
    the plugins that were not here already.
    """
    visibility = call.query.get("visibility") or "tenant"
    if what.bundle:
        new = plugins.take_in_new(call.app, call.store, what.packages, visibility=visibility)
        pagination = {"total": len(new), "offset": 0, "size": len(new)}
        items = [shown(plugin, call.include) for plugin in new]
        return {"items": items, "metadata": {"pagination": pagination, "filtered": None}}
    (package,) = what.packages
    plugin = plugins.take_in(call.app, call.store, package, title=call.query.get("title"), visibility=visibility)
    return shown(plugin, call.include)


@routes.post("/plugins/{plugin_id}", "plugin_upload")
def install_plugin(call: Call, plugin_id: str, body: Installing) -> Deferred:
    """Install it now instead of at its first operation; answers when that is done."""
    plugin = call.store.get(Plugin, plugin_id)
    app, scope = call.app, call.scope
    elsewhere = [name for name in (*body.managers, *body.agents) if name != app.hostname]
    if elsewhere:
        raise Invalid(f"`{elsewhere[0]}` is no place to install plugins on: there is only `{app.hostname}`")

    def once_installed() -> dict[str, Any]:
        with contextlib.suppress(Invalid):  # its installation state tells that
            environment_of(app, plugin, lambda _level, _message: None)
        with app.reading(scope) as store:
            return shown(store.get(Plugin, plugin_id))

    return Deferred(once_installed)


@routes.patch("/plugins/{plugin_id}", "plugin_upload")
def change_plugin(call: Call, plugin_id: str, body: Change) -> dict[str, Any]:
    """Replace labels, blueprint labels, resource tags or the owner."""
    if body.creator is not None:
        _check_may_give_away(call)
    return shown(plugins.change(call.store, plugin_id, body.model_dump()))


@routes.patch("/plugins/{plugin_id}/set-visibility", "resource_set_visibility")
def set_plugin_visibility(call: Call, plugin_id: str, body: Showing) -> dict[str, Any]:
    plugin = call.store.get_own(Plugin, plugin_id)
    widen(call.store, plugin, body.visibility)
    return shown(plugin)


@routes.delete("/plugins/{plugin_id}", "plugin_delete")
def delete_plugin(call: Call, plugin_id: str, body: Forcing | None = None) -> None:
    force = flag(call.query, "force") or bool(body and body.force)
    plugins.delete(call.app, call.store, plugin_id, force=force)


@routes.get("/plugins/{plugin_id}/archive", "plugin_download")
def download_plugin(call: Call, plugin_id: str) -> Response:
    """The wagon; with `full_archive` a zip of it and all that was uploaded with it."""
    plugin = call.store.get(Plugin, plugin_id)
    folder = call.app.files.plugin_folder(plugin.storage_id)
    if not flag(call.query, "full_archive"):
        return _file(folder / plugins.WAGON, plugin.archive_name)
    handle, name = tempfile.mkstemp(dir=call.app.files.incoming)
    whole = Path(name)
    with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w") as packed:
        packed.write(folder / plugins.WAGON, plugin.archive_name)
        for name in (*plugin.yaml_files, plugins.ICON):
            if (folder / name).is_file():
                packed.write(folder / name, name)
    return _file(whole, f"{plugin.id}.zip", BackgroundTask(whole.unlink, missing_ok=True))


@routes.get("/plugins/{plugin_id}/yaml", "plugin_download")
def download_yaml(call: Call, plugin_id: str) -> Response:
    """The plugin's yaml file; `dsl_version`, such as 1_4, chooses among several."""
    plugin = call.store.get(Plugin, plugin_id)
    file = plugins.yaml_file(call.app, plugin, call.query.get("dsl_version"))
    return _file(file, file.name)


def shown(row: Plugin, include: tuple[str, ...] | None = None) -> dict[str, Any]:
    return item(row, include, labels=lambda: row.deployment_labels)


def _check_may_give_away(call: Call) -> None:
    if not allowed("set_owner", {call.identity.role}):
        raise Forbidden("Only those who have the permission `set_owner` may give a plugin to another user")


def _file(path: Path, name: str, afterwards: BackgroundTask | None = None) -> FileResponse:
    return FileResponse(path, media_type="application/octet-stream", filename=name, background=afterwards)
