"""Blueprints: labels, deletion, and those that deployments can be created from."""

from collections.abc import Sequence

from sqlalchemy import select

from cfy_cli.contract.states import FAILED_UPLOAD_STATES, UPLOADING_STATES, BlueprintState
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import ErrorCode, Invalid
from cfy_cli.manager.services.blueprints import blueprint_imports, icons
from cfy_cli.manager.services.deployment_updates import records as updates
from cfy_cli.manager.services.labels import parse, replace
from cfy_cli.manager.services.plugins_updates import records as plugins_updates
from cfy_cli.manager.services.visibility import set_creator
from cfy_cli.manager.store.models import Blueprint, BlueprintLabel, Deployment, Execution
from cfy_cli.manager.store.row_locks import lock_rows
from cfy_cli.manager.store.store import Store

MAX_LISTED = 10  # deployments in an error
IS_LISTED = Blueprint.is_hidden.is_(False)


def find_upload_execution(store: Store, blueprint: Blueprint) -> Execution | None:
    """Return the execution that unpacked and compiled the blueprint, which is as visible as that."""
    if blueprint.upload is not None and blueprint.upload.id == blueprint.upload_execution_id:
        return blueprint.upload
    return store.find(Execution, blueprint.upload_execution_id) if blueprint.upload_execution_id else None


def delete(store: Store, blueprint_id: str, *, force: bool = False) -> None:
    """Delete a blueprint and its files.

    Raises Invalid while deployments of it exist or are updated, and, without `force`, while other blueprints import it
    or its upload has not ended.
    """
    blueprint = store.get_own(Blueprint, blueprint_id)
    if not force:
        blueprint_imports.check_deletable(store, blueprint)
    deployments = _find_deployments(store, blueprint)
    if deployments:
        raise Invalid(
            f"Can't delete blueprint {blueprint_id} - There exist deployments for this blueprint; "
            f"Deployments ids: {','.join(deployments)}",
            hint=_describe_other_tenants(store, blueprint),
            code=ErrorCode.DEPENDENT_EXISTS,
        )
    if blueprint.state in UPLOADING_STATES and not force:
        raise Invalid(
            f"Blueprint `{blueprint_id}` is still {blueprint.state}",
            hint="Wait until the upload has ended, or delete it with --force.",
            code=ErrorCode.DEPENDENT_EXISTS,
        )
    updates.check_blueprint_unused(store, blueprint.storage_id)
    plugins_updates.check_blueprint_unused(store, blueprint)
    icons.remove(store, blueprint)
    store.delete(blueprint)


def _find_deployments(store: Store, blueprint: Blueprint) -> Sequence[str]:
    """Return the ids of the first deployments of a blueprint."""
    ids = select(Deployment.id).where(Deployment.blueprint_storage_id == blueprint.storage_id)
    return store.unscoped.scalars(ids.limit(MAX_LISTED)).all()  # private ones of other users too


def _describe_other_tenants(store: Store, blueprint: Blueprint) -> str | None:
    """Say which deployments of a global blueprint are in other tenants, and who can delete them."""
    is_elsewhere = Deployment.tenant_name != blueprint.tenant_name
    elsewhere = select(Deployment.tenant_name).where(Deployment.blueprint_storage_id == blueprint.storage_id)
    tenants = sorted(set(store.unscoped.scalars(elsewhere.where(is_elsewhere))))  # of all users
    if not tenants:
        return None
    return (
        f"Some of them are in other tenants, which may use it because it is global: {', '.join(tenants[:MAX_LISTED])}. "
        "Users of those, or a system administrator, can delete them: cfy deployments delete DEPLOYMENT -t TENANT"
    )


def update(store: Store, blueprint_id: str, *, labels_given: object = None, creator: str | None = None) -> Blueprint:
    """Replace the labels and the owner, where they are not None; labels have one of the forms that the API accepts."""
    blueprint = store.get_own(Blueprint, blueprint_id)
    if creator is not None:
        set_creator(store, blueprint, creator)
    if labels_given is not None:
        lock_rows(store.unscoped, [blueprint], ["labels"])  # a row in scope
        replace(blueprint.labels, BlueprintLabel, parse(labels_given), store.scope.user)
    blueprint.updated_at = now()
    return blueprint


def check_not_failed(blueprint: Blueprint) -> None:
    """Raise Invalid with the reason for which the upload of a blueprint failed, if it did."""
    if blueprint.state in FAILED_UPLOAD_STATES:
        is_invalid = blueprint.state == BlueprintState.INVALID
        raise Invalid(
            blueprint.error or f"Blueprint `{blueprint.id}` is {blueprint.state}",
            code=ErrorCode.INVALID_BLUEPRINT if is_invalid else None,
        )


def get_uploaded(store: Store, blueprint_id: str) -> Blueprint:
    """Return a blueprint that deployments can be created from. Raises Invalid with the state of another one."""
    return check_uploaded(store.get(Blueprint, blueprint_id))


def check_uploaded(blueprint: Blueprint) -> Blueprint:
    """Return a blueprint that can be used. Raises Invalid with the state of another one."""
    if blueprint.state != BlueprintState.UPLOADED:
        state = "still being uploaded" if blueprint.state in UPLOADING_STATES else f"in state `{blueprint.state}`"
        raise Invalid(f"Blueprint `{blueprint.id}` cannot be used: it is {state}", code=ErrorCode.INVALID_BLUEPRINT)
    return blueprint
