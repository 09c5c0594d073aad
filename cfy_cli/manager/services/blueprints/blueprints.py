"""Blueprints: taking them in, showing and forgetting them."""

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from sqlalchemy import select

from cfy_cli.contract.states import BlueprintState
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import ErrorCode, Invalid
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.executions import executions
from cfy_cli.manager.services.labels import Pair, parse, replace
from cfy_cli.manager.services.names import check_name
from cfy_cli.manager.services.transfer import archives
from cfy_cli.manager.services.transfer.fetching import check_url
from cfy_cli.manager.services.visibility import check_visibility
from cfy_cli.manager.store.models import Blueprint, BlueprintLabel, Deployment, Execution
from cfy_cli.manager.store.store import Store

DEFAULT_FILE = "blueprint.yaml"
ON_THE_WAY = (BlueprintState.PENDING, BlueprintState.UPLOADING, BlueprintState.EXTRACTING, BlueprintState.PARSING)

FAILED = (
    BlueprintState.INVALID,
    BlueprintState.FAILED_UPLOADING,
    BlueprintState.FAILED_EXTRACTING,
    BlueprintState.FAILED_PARSING,
)


@dataclass(frozen=True, slots=True)
class Upload:
    """What somebody sends: an archive already received, or the address of one."""

    blueprint_id: str
    archive: Path | None = None
    url: str | None = None
    main_file: str = DEFAULT_FILE
    visibility: str = "tenant"
    labels: list[Pair] = field(default_factory=list)
    validate_only: bool = False


def take_in(app: AppContext, store: Store, upload: Upload) -> tuple[Blueprint, Execution]:
    """Keep the archive and start its `upload_blueprint`, which unpacks and compiles it."""
    blueprint = Blueprint(
        id=check_name("blueprint", upload.blueprint_id),
        main_file_name=_main_file(upload.main_file),
        visibility=upload.visibility,
        state=BlueprintState.UPLOADING,
        is_hidden=upload.validate_only,
    )
    check_visibility(store.scope, upload.visibility)
    if (upload.archive is None) == (upload.url is None):
        raise Invalid(
            "A blueprint is uploaded as an archive in the request, or as `blueprint_archive_url`: one of them"
        )
    suffix = archives.suffix_of(upload.archive) if upload.archive else ""
    if upload.url:
        check_url(upload.url)
    _make_room(app, store, blueprint.id)
    store.add(blueprint)
    replace(blueprint.labels, BlueprintLabel, upload.labels, store.scope.user)
    if upload.archive:
        app.files.save_archive(upload.archive, blueprint.storage_id, suffix)
    execution = executions.start_system(
        store,
        "upload_blueprint",
        {
            "blueprint_id": blueprint.id,
            "app_file_name": blueprint.main_file_name,
            "url": upload.url,
            "validate_only": upload.validate_only,
            "labels": [{"key": key, "value": value} for key, value in upload.labels],
        },
    )
    blueprint.upload_execution_id = execution.id
    store.after_commit(app.work_available.notify)
    return blueprint, execution


def delete(app: AppContext, store: Store, blueprint_id: str, *, force: bool = False) -> None:
    """Refused while deployments are made from it; `force` only passes over imports by other blueprints."""
    blueprint = store.get_own(Blueprint, blueprint_id)
    used_by = store.unscoped.scalars(
        select(Deployment.id).where(Deployment.blueprint_storage_id == blueprint.storage_id).limit(10)
    ).all()
    if used_by:
        raise Invalid(
            f"Can't delete blueprint {blueprint_id} - There exist deployments for this blueprint; "
            f"Deployments ids: {','.join(used_by)}",
            code=ErrorCode.DEPENDENT_EXISTS,
        )
    if blueprint.state in ON_THE_WAY and not force:
        raise Invalid(
            f"Blueprint `{blueprint_id}` is still {blueprint.state}",
            hint="Wait for it to end, or force it.",
            code=ErrorCode.DEPENDENT_EXISTS,
        )
    number = blueprint.storage_id
    store.delete(blueprint)
    store.after_commit(lambda: app.files.delete_blueprint(number))


def relabel(store: Store, blueprint_id: str, given: Any) -> Blueprint:
    blueprint = store.get_own(Blueprint, blueprint_id)
    replace(blueprint.labels, BlueprintLabel, parse(given), store.scope.user)
    blueprint.updated_at = now()
    return blueprint


def uploaded(store: Store, blueprint_id: str) -> Blueprint:
    """A blueprint that deployments can be made from. Raises Invalid with the reason it is not one."""
    blueprint = store.get(Blueprint, blueprint_id)
    if blueprint.state != BlueprintState.UPLOADED:
        state = "still being uploaded" if blueprint.state in ON_THE_WAY else f"in state `{blueprint.state}`"
        raise Invalid(f"Blueprint `{blueprint_id}` cannot be used: it is {state}", code=ErrorCode.INVALID_BLUEPRINT)
    return blueprint


def _make_room(app: AppContext, store: Store, blueprint_id: str) -> None:
    """An upload that failed does not keep its name: the next one takes it."""
    found = store.find(Blueprint, blueprint_id)
    if found and found.tenant_name == store.scope.tenant and found.state in FAILED:
        number = found.storage_id
        store.delete(found)
        store.after_commit(lambda: app.files.delete_blueprint(number))


def _main_file(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise Invalid(f"`{name}` is not the name of a file in the archive")
    return str(path)
