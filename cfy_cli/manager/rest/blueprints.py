"""Blueprints over HTTP."""

from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import Depends, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel
from sqlalchemy import select

from cfy_cli.contract.resources import BLUEPRINTS
from cfy_cli.errors import NotFound
from cfy_cli.manager.rest.api import Call, Deferred, Routes, listed
from cfy_cli.manager.rest.paging import flag, listing
from cfy_cli.manager.rest.uploads import Received, received
from cfy_cli.manager.rest.wire import item
from cfy_cli.manager.services import labels
from cfy_cli.manager.services.blueprints import blueprints
from cfy_cli.manager.services.runtime.waiter import WAIT_TIMEOUT, ExecutionWaiter
from cfy_cli.manager.services.system_workflows import blueprint_requests
from cfy_cli.manager.services.visibility import widen
from cfy_cli.manager.store.listing import Listing
from cfy_cli.manager.store.models import Blueprint, Execution
from cfy_cli.manager.store.store import Store

routes = Routes("blueprints")


class Labelling(BaseModel):
    labels: Any = None


class Showing(BaseModel):
    visibility: str


@routes.get("/blueprints", "blueprint_list")
def list_blueprints(call: Call, asked: Annotated[Listing, Depends(listing(sort=BLUEPRINTS.order))]) -> dict[str, Any]:
    page = call.store.list(Blueprint, asked, search=BLUEPRINTS.search, where=Blueprint.is_hidden.is_(False))
    return listed(page, [shown(call.store, row, asked.include) for row in page.items])


@routes.get("/blueprints/{blueprint_id}", "blueprint_get")
def get_blueprint(call: Call, blueprint_id: str) -> dict[str, Any]:
    return shown(call.store, call.store.get(Blueprint, blueprint_id), call.include)


@routes.put("/blueprints/{blueprint_id}", "blueprint_upload", status=201)
def upload_blueprint(call: Call, blueprint_id: str, body: Annotated[Received, Depends(received)]) -> Any:
    """Upload a blueprint: an archive as `blueprint_archive` or as the body, or `blueprint_archive_url`."""
    blueprint, execution = blueprint_requests.upload(call.app, call.store, _upload(blueprint_id, body))
    if flag(body.params, "async_upload"):
        return shown(call.store, blueprint)
    scope = call.scope

    def once_uploaded() -> dict[str, Any]:
        call.app.service(ExecutionWaiter).wait(execution.id, WAIT_TIMEOUT)
        with call.app.reading(scope) as store:
            return shown(store, store.get(Blueprint, blueprint_id))

    return Deferred(once_uploaded)


@routes.put("/blueprints/{blueprint_id}/validate", "blueprint_upload", status=201)
def validate_blueprint(call: Call, blueprint_id: str, body: Annotated[Received, Depends(received)]) -> dict[str, Any]:
    """Upload a blueprint for its problems alone; nothing of it is kept."""
    _, execution = blueprint_requests.upload(call.app, call.store, _upload(blueprint_id, body, validate_only=True))
    return item(execution)


@routes.delete("/blueprints/{blueprint_id}", "blueprint_delete")
def delete_blueprint(call: Call, blueprint_id: str) -> None:
    blueprints.delete(call.app, call.store, blueprint_id, force=flag(call.query, "force"))


@routes.get("/blueprints/{blueprint_id}/archive", "blueprint_download")
def download_blueprint(call: Call, blueprint_id: str) -> Response:
    blueprint = call.store.get(Blueprint, blueprint_id)
    archive = call.app.files.find_archive(blueprint.storage_id)
    if archive is None:
        raise NotFound(f"Blueprint `{blueprint_id}` has no archive: its upload did not end well")
    name = f"{blueprint_id}.{archive.name.removeprefix('archive.')}"
    return FileResponse(archive, media_type="application/octet-stream", filename=name)


@routes.patch("/blueprints/{blueprint_id}/set-visibility", "resource_set_visibility")
def set_blueprint_visibility(call: Call, blueprint_id: str, body: Showing) -> dict[str, Any]:
    blueprint = call.store.get_own(Blueprint, blueprint_id)
    widen(call.store, blueprint, body.visibility)
    return shown(call.store, blueprint)


@routes.patch("/blueprints/{blueprint_id}", "blueprint_upload")
def update_blueprint(call: Call, blueprint_id: str, body: Labelling) -> dict[str, Any]:
    """Replace the labels."""
    return shown(call.store, blueprints.relabel(call.store, blueprint_id, body.labels))


def shown(store: Store, row: Blueprint, include: tuple[str, ...] | None = None) -> dict[str, Any]:
    def upload_execution() -> dict[str, Any] | None:
        execution = store.unscoped.scalar(select(Execution).where(Execution.id == row.upload_execution_id))
        return item(execution) if execution else None

    return item(row, include, upload_execution=upload_execution)


def _upload(blueprint_id: str, body: Received, *, validate_only: bool = False) -> blueprint_requests.Upload:
    params = body.params
    return blueprint_requests.Upload(
        blueprint_id,
        archive=body.archive,
        url=params.get("blueprint_archive_url"),
        main_file=unquote(params.get("application_file_name") or blueprint_requests.DEFAULT_FILE),
        visibility=params.get("visibility") or "tenant",
        labels=labels.parse(params.get("labels")),
        validate_only=validate_only,
    )
