"""Blueprints: labels, deletion, and whether deployments can be created from them."""

from sqlalchemy import select

from cfy_cli.contract.states import BlueprintState
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import ErrorCode, Invalid
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.labels import parse, replace
from cfy_cli.manager.store.models import Blueprint, BlueprintLabel, Deployment, Execution
from cfy_cli.manager.store.store import Store

UPLOADING = (BlueprintState.PENDING, BlueprintState.UPLOADING, BlueprintState.EXTRACTING, BlueprintState.PARSING)

IS_LISTED = Blueprint.is_hidden.is_(False)
FAILED = (
    BlueprintState.INVALID,
    BlueprintState.FAILED_UPLOADING,
    BlueprintState.FAILED_EXTRACTING,
    BlueprintState.FAILED_PARSING,
)


def upload_execution(store: Store, blueprint: Blueprint) -> Execution | None:
    """Return the execution that unpacked and compiled the blueprint."""
    return store.find(Execution, blueprint.upload_execution_id) if blueprint.upload_execution_id else None


def delete(app: AppContext, store: Store, blueprint_id: str, *, force: bool = False) -> None:
    """Delete a blueprint and its files.

    Raises Invalid while deployments of it exist; `force` ignores only an upload that has not ended.
    """
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
    if blueprint.state in UPLOADING and not force:
        raise Invalid(
            f"Blueprint `{blueprint_id}` is still {blueprint.state}",
            hint="Wait until the upload has ended, or delete it with --force.",
            code=ErrorCode.DEPENDENT_EXISTS,
        )
    storage_id = blueprint.storage_id
    store.delete(blueprint)
    store.after_commit(lambda: app.files.delete_blueprint(storage_id))


def replace_labels(store: Store, blueprint_id: str, given: object) -> Blueprint:
    """Replace all labels; `given` has one of the forms that the API accepts."""
    blueprint = store.get_own(Blueprint, blueprint_id)
    replace(blueprint.labels, BlueprintLabel, parse(given), store.scope.user)
    blueprint.updated_at = now()
    return blueprint


def uploaded(store: Store, blueprint_id: str) -> Blueprint:
    """Return a blueprint that deployments can be created from. Raises Invalid with the state of another one."""
    blueprint = store.get(Blueprint, blueprint_id)
    if blueprint.state != BlueprintState.UPLOADED:
        state = "still being uploaded" if blueprint.state in UPLOADING else f"in state `{blueprint.state}`"
        raise Invalid(f"Blueprint `{blueprint_id}` cannot be used: it is {state}", code=ErrorCode.INVALID_BLUEPRINT)
    return blueprint
