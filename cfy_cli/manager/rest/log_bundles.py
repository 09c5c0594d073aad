"""Endpoints of log bundles."""

from fastapi import Response

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.manager_resources import LOG_BUNDLES
from cfy_cli.manager.rest.api import Call
from cfy_cli.manager.rest.bodies import Body
from cfy_cli.manager.rest.downloads import download
from cfy_cli.manager.rest.nouns import Noun
from cfy_cli.manager.rest.schemas import FILE, row_answer
from cfy_cli.manager.rest.serialize import serialize
from cfy_cli.manager.services import archive_rows
from cfy_cli.manager.services.names import check_name
from cfy_cli.manager.services.system_workflows import log_bundles
from cfy_cli.manager.store.models import Execution, LogBundle


class NewLogBundle(Body):
    queue: bool = False


class LogBundleChange(Body):
    status: str
    error: str | None = None


noun = Noun(LOG_BUNDLES, LogBundle)
routes = noun.routes
noun.add_list()
noun.add_get()


@routes.put("/log-bundles/{key}", "log_bundle_create", (), row_answer(Execution), 201, new=LOG_BUNDLES)
def create_log_bundle(call: Call, key: str, body: NewLogBundle | None = None) -> JsonObject:
    """Start an execution that creates a log bundle; 400 while others run, unless it is to `queue`."""
    queue = body is not None and body.queue
    return serialize(log_bundles.start(call.app, call.store, check_name(LOG_BUNDLES, key), queue=queue))


@routes.delete("/log-bundles/{key}", "log_bundle_delete", (), noun.answer, 200)
def delete_log_bundle(call: Call, key: str) -> JsonObject:
    """Delete a log bundle and answer it; 400 while it is created."""
    bundle = call.store.get_own(LogBundle, key)
    archive_rows.delete(call.store, bundle)
    return noun.show(call, bundle)


@routes.patch("/log-bundles/{key}", "log_bundle_status_update", (), noun.answer)
def update_log_bundle(call: Call, key: str, body: LogBundleChange) -> JsonObject:
    """Change the status and the error."""
    bundle = call.store.get_own(LogBundle, key)
    archive_rows.set_status(call.app.files, bundle, body.status, body.error)
    return noun.show(call, bundle)


@routes.get("/log-bundles/{key}/archive", "log_bundle_download", (), FILE)
def download_log_bundle(call: Call, key: str) -> Response:
    archive = archive_rows.find_archive(call.store.get(LogBundle, key))
    return download(call.app, archive, archive_rows.ARCHIVE, f"{key}.zip")
