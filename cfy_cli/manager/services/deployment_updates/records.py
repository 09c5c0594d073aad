"""Rows of deployment updates: their state follows that of the execution that makes the update."""

from collections.abc import Mapping, Sequence

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, defer

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.states import ENDED, ExecutionState, UpdateState
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import Conflict, ErrorCode, Invalid
from cfy_cli.manager.store.models import Deployment, DeploymentUpdate, Execution
from cfy_cli.manager.store.store import Store

UPDATE = "update"
UPDATE_OF_GROUP = "csys_update_deployment"  # the name under which groups start it
WORKFLOWS = (UPDATE, UPDATE_OF_GROUP)
ACTIVE = (UpdateState.UPDATING, UpdateState.EXECUTING_WORKFLOW, UpdateState.FINALIZING)
FLAGS = (
    "skip_install", "skip_uninstall", "skip_reinstall", "skip_drift_check", "skip_heal", "force_reinstall",
    "ignore_failure", "install_first", "force", "update_plugins", "auto_correct_types", "reevaluate_active_statuses",
    "runtime_only_evaluation",
)  # fmt: skip
PARAMETERS: dict[str, type] = {
    "blueprint_id": str, "inputs": dict, "workflow_id": str, "reinstall_list": list, **dict.fromkeys(FLAGS, bool),
}  # fmt: skip
WITHOUT_PLANS = (
    defer(DeploymentUpdate.deployment_plan),
    defer(DeploymentUpdate.former_plan),
    defer(DeploymentUpdate.deployment_update_deployment),
    defer(DeploymentUpdate.steps),
)
IS_ACTIVE = DeploymentUpdate.state.in_(ACTIVE)


def check_parameters(given: Mapping[str, Json]) -> JsonObject:
    """Return the parameters of an update that a group starts, without empty ones. Raises Invalid."""
    values: JsonObject = {name: value for name, value in given.items() if value is not None}
    unknown = [name for name in values if name not in PARAMETERS]
    if unknown:
        raise Invalid(
            f"An update has no parameters {', '.join(unknown)}: it has {', '.join(PARAMETERS)}",
            code=ErrorCode.ILLEGAL_EXECUTION_PARAMETERS,
        )
    for name, value in values.items():
        if not isinstance(value, PARAMETERS[name]):
            kind = {str: "text", dict: "an object", list: "a list", bool: "true or false"}[PARAMETERS[name]]
            raise Invalid(f"`{name}` of an update must be {kind}", code=ErrorCode.ILLEGAL_EXECUTION_PARAMETERS)
    return values


def find_of_execution(session: Session, execution: Execution) -> DeploymentUpdate | None:
    """Return the update that an execution makes; its plans are read when they are used, in the same transaction."""
    if execution.workflow_id not in WORKFLOWS:  # a blueprint may have a workflow of the same name, without an update
        return None
    own = select(DeploymentUpdate).where(DeploymentUpdate.execution_id == execution.id)
    return session.scalar(own.options(*WITHOUT_PLANS))


def get_of_execution(session: Session, execution: Execution) -> DeploymentUpdate:
    """Return the update that an execution makes. Raises Invalid when its record was deleted."""
    update = find_of_execution(session, execution)
    if update is None:
        raise Invalid(f"The record of the update by execution {execution.id} was deleted")
    return update


def on_ended(store: Store, execution: Execution) -> None:
    """Store how an update has ended, with the end of its execution."""
    update = find_of_execution(store.unscoped, execution)  # of the execution
    if update is not None and update.state in ACTIVE:
        own = select(Execution.status).where(Execution.id == execution.id)
        _judge(store, update, store.unscoped.scalar(own))  # of the same


def on_resumed(store: Store, execution: Execution) -> None:
    """Store that an update goes on. Raises Conflict when another one has changed the deployment since."""
    update = find_of_execution(store.unscoped, execution)  # of the execution
    if update is None:
        return
    later = select(DeploymentUpdate.id).where(
        DeploymentUpdate.deployment_storage_id == update.deployment_storage_id,
        DeploymentUpdate.storage_id > update.storage_id,
        DeploymentUpdate.is_preview.is_(False),
        DeploymentUpdate.changes.is_not(None),
    )
    latest = store.unscoped.scalar(later.order_by(DeploymentUpdate.storage_id.desc()).limit(1))  # of the deployment
    if latest is not None:
        raise Conflict(
            f"Cannot resume execution: `{execution.id}`: the update {latest} has changed the deployment since",
            hint=f"Update it again: cfy deployments update {update.deployment_id} -b {update.new_blueprint_id}",
        )
    update.state = UpdateState.UPDATING if update.changes is None else UpdateState.EXECUTING_WORKFLOW


def check_none_active(store: Store, deployment: Deployment, *, reevaluate: bool, force: bool) -> None:
    """Raise Conflict while another update of a deployment is active.

    With `reevaluate`, active ones whose executions have ended are judged by these first; with `force` they do not
    count.
    """
    own = select(DeploymentUpdate).where(DeploymentUpdate.deployment_storage_id == deployment.storage_id, IS_ACTIVE)
    active = store.unscoped.scalars(own).all()  # of a deployment in scope
    ids = [update.execution_id for update in active if update.execution_id]
    rows = store.unscoped.execute(select(Execution.id, Execution.status).where(Execution.id.in_(ids)))  # of the same
    statuses = {row.id: row.status for row in rows}
    stale = [update for update in active if statuses.get(update.execution_id or "") in (None, *ENDED)]
    if reevaluate:
        for update in stale:
            _judge(store, update, statuses.get(update.execution_id or ""))
    running = [update for update in active if update not in stale or not (reevaluate or force)]
    if running:
        first = running[0]
        hint = (
            "Use --reevaluate-active-statuses, or force the update with --force."
            if first in stale
            else f"Wait for it: cfy executions wait {first.execution_id}"
        )
        raise Conflict(f"Deployment `{deployment.id}` has updates that are still active: {_join(running)}", hint=hint)


def check_blueprint_unused(store: Store, blueprint_storage_id: int) -> None:
    """Raise Invalid while an active update needs the files of a blueprint."""
    needs = or_(
        DeploymentUpdate.old_blueprint_storage_id == blueprint_storage_id,
        DeploymentUpdate.new_blueprint_storage_id == blueprint_storage_id,
    )
    update = store.unscoped.scalars(select(DeploymentUpdate).where(needs, IS_ACTIVE).limit(1)).first()  # of any user
    if update is not None:
        raise Invalid(
            f"The blueprint cannot be deleted: the update {update.id} of deployment `{update.deployment_id}` uses it",
            hint=f"Wait for it: cfy executions wait {update.execution_id}",
        )


def find_unfinished(store: Store, deployment: Deployment) -> list[str]:
    """Return the node instances that the latest update had to install before it failed."""
    latest = (
        select(DeploymentUpdate)
        .where(
            DeploymentUpdate.deployment_storage_id == deployment.storage_id,
            DeploymentUpdate.is_preview.is_(False),
            DeploymentUpdate.changes.is_not(None),
            DeploymentUpdate.state.in_((UpdateState.FAILED, UpdateState.SUCCESSFUL)),
        )
        .order_by(DeploymentUpdate.storage_id.desc())
        .limit(1)
    )
    update = store.unscoped.scalar(latest)  # of the execution's own deployment
    return [] if update is None else list(update.unfinished)


def _judge(store: Store, update: DeploymentUpdate, status: str | None) -> None:
    """Set the final state of an update by the status of its execution, None if that was deleted."""
    if status != ExecutionState.TERMINATED:
        update.state = UpdateState.FAILED
    elif update.is_preview:
        update.state = UpdateState.PREVIEW
    else:
        update.state, update.unfinished = UpdateState.SUCCESSFUL, []
        # of the update
        store.unscoped.get_one(Deployment, update.deployment_storage_id).updated_at = now()
    store.flush()


def _join(updates: Sequence[DeploymentUpdate]) -> str:
    return ", ".join(update.id for update in updates)
