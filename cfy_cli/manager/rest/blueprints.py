"""Endpoints of blueprints."""

from collections.abc import Callable
from typing import Annotated
from urllib.parse import unquote

from fastapi import Depends, Request, Response

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.resources import BLUEPRINTS
from cfy_cli.errors import Invalid, NotFound
from cfy_cli.manager.rest.api import Call, Deferred
from cfy_cli.manager.rest.bodies import LabeledChange
from cfy_cli.manager.rest.downloads import download
from cfy_cli.manager.rest.nouns import Noun, check_change
from cfy_cli.manager.rest.query import FORCE, Parameter, parse_flag
from cfy_cli.manager.rest.requests import FileBody, received_file
from cfy_cli.manager.rest.schemas import FILE, row_answer
from cfy_cli.manager.rest.serialize import serialize
from cfy_cli.manager.rest.summaries import add_summary
from cfy_cli.manager.rest.uploads import UploadedFile, uploaded_file
from cfy_cli.manager.services import labels
from cfy_cli.manager.services.blueprints import blueprints, icons
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.runtime.waiter import WAIT_TIMEOUT, ExecutionWaiter
from cfy_cli.manager.services.system_workflows import blueprint_requests
from cfy_cli.manager.store.models import Blueprint, Execution

UPLOAD = (
    Parameter("blueprint_archive_url", "URL of the archive, instead of an archive in the body."),
    Parameter("application_file_name", "The blueprint's file in the archive; `blueprint.yaml` by default."),
    Parameter("visibility", "private, tenant or global."),
    Parameter("labels", "Labels instead of those in the blueprint: key=value,key=value."),
    Parameter("async_upload", "Answer before the archive is unpacked and compiled.", "boolean"),
    Parameter("skip_execution", "Must be false: an upload always validates the blueprint.", "boolean"),
)

ICON = FileBody("icon", "image/png", required=False)


def prepared_upload(request: Request, body: Annotated[UploadedFile, Depends(uploaded_file)]) -> UploadedFile:
    """Transfer the archive to the storage before the transaction begins."""
    if body.archive:
        app: AppContext = request.app.state.app_context
        app.files.storage.prepare(body.archive)
    return body


Upload = Annotated[UploadedFile, Depends(prepared_upload)]


def _computed(call: Call, row: Blueprint) -> dict[str, Callable[[], object]]:
    def upload_execution() -> JsonObject | None:
        execution = blueprints.find_upload_execution(call.store, row)
        return serialize(execution) if execution else None

    return {"upload_execution": upload_execution}


noun = Noun(
    BLUEPRINTS,
    Blueprint,
    conditions=lambda call: () if "is_hidden" in call.query else (blueprints.IS_LISTED,),
    computed=_computed,
    computed_types={"upload_execution": JsonObject | None, "plan": JsonObject | None},
)
routes = noun.routes
noun.add_list()
noun.add_search()
noun.add_get()
noun.add_set_visibility("resource_set_visibility")
add_summary(noun, "tenant_name", "visibility")


@routes.put(
    "/blueprints/{key}", "blueprint_upload", UPLOAD, noun.answer, 201, new=BLUEPRINTS, archive="blueprint_archive"
)
def upload_blueprint(call: Call, key: str, body: Upload) -> JsonObject | Deferred:
    """Upload a blueprint: an archive as `blueprint_archive` or as the body, or `blueprint_archive_url`.

    Without `async_upload`, answer when it is compiled; 400 when it is not valid. Its row then tells why, and the next
    upload replaces it.
    """
    blueprint, execution = blueprint_requests.upload(call.app, call.store, _request(key, body))
    if parse_flag(body.params, "async_upload"):
        return noun.show(call, blueprint)

    def when_uploaded() -> JsonObject:
        call.app.service(ExecutionWaiter).wait(execution.id, WAIT_TIMEOUT)
        with call.reopen() as reopened:
            uploaded = reopened.store.get(Blueprint, key)
            blueprints.check_not_failed(uploaded)
            return noun.show(reopened, uploaded)

    return Deferred(when_uploaded)


@routes.put(
    "/blueprints/{key}/validate",
    "blueprint_upload",
    UPLOAD,
    row_answer(Execution),
    201,
    new=BLUEPRINTS,
    archive="blueprint_archive",
)
def validate_blueprint(call: Call, key: str, body: Upload) -> JsonObject:
    """Upload a blueprint only to validate it; answer the execution that does."""
    _, execution = blueprint_requests.upload(call.app, call.store, _request(key, body, validate_only=True))
    return serialize(execution)


@routes.delete("/blueprints/{key}", "blueprint_delete", (FORCE,))
def delete_blueprint(call: Call, key: str) -> None:
    blueprints.delete(call.store, key, force=call.flag("force"))


@routes.get("/blueprints/{key}/archive", "blueprint_download", (), FILE)
def download_blueprint(call: Call, key: str) -> Response:
    blueprint = call.store.get(Blueprint, key)
    archive = call.app.files.find_archive(blueprint.storage_id)
    if archive is None:
        raise NotFound(f"Blueprint `{key}` has no archive: its upload failed")
    name = f"{key}.{archive.removeprefix('archive.')}"
    return download(call.app, (Blueprint.FOLDER, blueprint.storage_id), archive, name)


@routes.patch("/blueprints/{key}/icon", "blueprint_upload", (), noun.answer, request_body=ICON)
def set_blueprint_icon(call: Call, key: str, image: Annotated[bytes, Depends(received_file)]) -> JsonObject:
    """Set the icon to the PNG image in the body; a request without a body removes it."""
    return noun.show(call, icons.set_icon(call.store, key, image))


@routes.get("/blueprints/{key}/icon", "blueprint_download", (), FILE)
def download_blueprint_icon(call: Call, key: str) -> Response:
    return download(call.app, icons.get_file(call.store, key), icons.FILE, f"{key}.png")


@routes.patch("/blueprints/{key}", "blueprint_upload", (), noun.answer)
def update_blueprint(call: Call, key: str, body: LabeledChange) -> JsonObject:
    """Replace the labels, or the owner; leave what is not given."""
    check_change(call, "blueprint", body)
    return noun.show(call, blueprints.update(call.store, key, labels_given=body.labels, creator=body.creator))


def _request(key: str, body: UploadedFile, *, validate_only: bool = False) -> blueprint_requests.Upload:
    if parse_flag(body.params, "skip_execution"):
        raise Invalid("An upload always validates the blueprint: `skip_execution` must be false")
    return blueprint_requests.Upload(
        key,
        archive=body.archive,
        url=body.text("blueprint_archive_url"),
        main_file=unquote(body.text("application_file_name") or blueprint_requests.DEFAULT_FILE),
        visibility=body.text("visibility") or "tenant",
        labels=labels.parse(body.params.get("labels")),
        validate_only=validate_only,
    )
