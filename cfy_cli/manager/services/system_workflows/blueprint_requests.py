"""Requests to upload a blueprint; the workflow `upload_blueprint` does the work."""

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TypedDict, cast

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.resources import BLUEPRINTS
from cfy_cli.contract.states import FAILED_UPLOAD_STATES, BlueprintState
from cfy_cli.errors import Invalid
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.executions import executions
from cfy_cli.manager.services.labels import Pair, replace
from cfy_cli.manager.services.names import check_name
from cfy_cli.manager.services.transfer import archives
from cfy_cli.manager.services.transfer.fetching import check_url
from cfy_cli.manager.services.visibility import check_visibility
from cfy_cli.manager.store.models import Blueprint, BlueprintLabel, Execution
from cfy_cli.manager.store.store import Store

DEFAULT_FILE = "blueprint.yaml"


class UploadParameters(TypedDict):
    """Parameters of the workflow `upload_blueprint`."""

    blueprint_id: str
    app_file_name: str  # the main file in the archive
    url: str | None  # of the archive, if the request has none
    validate_only: bool
    labels: list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Upload:
    """A request to upload a blueprint: an archive already received, or the URL of one."""

    blueprint_id: str
    archive: Path | None = None
    url: str | None = None
    main_file: str = DEFAULT_FILE
    visibility: str = "tenant"
    labels: list[Pair] = field(default_factory=list)
    validate_only: bool = False


def upload(app: AppContext, store: Store, request: Upload) -> tuple[Blueprint, Execution]:
    """Store the archive and start the workflow `upload_blueprint`, which unpacks and compiles it."""
    main_file = _check_main_file(request.main_file)
    blueprint = Blueprint(
        id=check_name(BLUEPRINTS, request.blueprint_id),
        main_file_name=main_file,
        visibility=request.visibility,
        state=BlueprintState.UPLOADING,
        is_hidden=request.validate_only,
    )
    check_visibility(store.scope, request.visibility)
    if (request.archive is None) == (request.url is None):
        raise Invalid("Send either an archive in the request or its address in `blueprint_archive_url`: one of the two")
    suffix = archives.detect_suffix(request.archive) if request.archive else ""
    if request.url:
        check_url(request.url)
    _remove_failed_upload(store, blueprint.id)
    store.add(blueprint)
    replace(blueprint.labels, BlueprintLabel, request.labels, store.scope.user)
    if request.archive:
        store.add_files(blueprint, {f"archive.{suffix}": request.archive})
    parameters: UploadParameters = {
        "blueprint_id": blueprint.id,
        "app_file_name": main_file,
        "url": request.url,
        "validate_only": request.validate_only,
        "labels": [{"key": key, "value": value} for key, value in request.labels],
    }
    execution = executions.start_system(store, "upload_blueprint", cast(JsonObject, parameters), blueprint)
    blueprint.upload_execution_id = execution.id
    store.after_commit(app.work_available.notify)
    return blueprint, execution


def _remove_failed_upload(store: Store, blueprint_id: str) -> None:
    """Remove a blueprint of this name whose upload failed, so that the new one can take its name."""
    existing = store.find(Blueprint, blueprint_id)
    if existing and existing.tenant_name == store.scope.tenant and existing.state in FAILED_UPLOAD_STATES:
        store.delete(existing)


def _check_main_file(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise Invalid(f"`{name}` is not the name of a file in the archive")
    return str(path)
