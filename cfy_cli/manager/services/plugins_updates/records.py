"""Rows of plugins updates: their state follows that of the execution that makes the update."""

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from cfy_cli.contract.states import ENDED, ExecutionState, PluginsUpdateState, Visibility
from cfy_cli.errors import Conflict, ErrorCode, Invalid
from cfy_cli.manager.store.models import Blueprint, Deployment, DeploymentUpdate, Execution, PluginsUpdate
from cfy_cli.manager.store.row_locks import lock_rows
from cfy_cli.manager.store.store import Store

WORKFLOW = "update_plugin"
ACTIVE = (PluginsUpdateState.UPDATING, PluginsUpdateState.EXECUTING_WORKFLOW, PluginsUpdateState.FINALIZING)
IS_ACTIVE = PluginsUpdate.state.in_(ACTIVE)


def find_of_execution(session: Session, execution: Execution) -> PluginsUpdate | None:
    """Return the update that an execution makes; None when it was deleted with its blueprint."""
    return session.scalar(select(PluginsUpdate).where(PluginsUpdate.execution_id == execution.id))


def get_of_execution(session: Session, execution: Execution) -> PluginsUpdate:
    """Return the update that an execution makes. Raises Invalid when it was deleted with its blueprint."""
    update = find_of_execution(session, execution)
    if update is None:
        raise Invalid(f"Blueprint `{execution.parameters['blueprint_id']}` was deleted while its plugins were updated")
    return update


def check_none_active(store: Store, blueprint: Blueprint, *, reevaluate: bool) -> None:
    """Raise Conflict while another update of the plugins of a blueprint is active; the next request waits for this one.

    With `reevaluate`, active ones whose executions have ended are judged by these first.
    """
    lock_rows(store.unscoped, [blueprint], ["updated_at"])  # a row in scope
    own = select(PluginsUpdate).where(PluginsUpdate.blueprint_storage_id == blueprint.storage_id, IS_ACTIVE)
    for update in store.unscoped.scalars(own).all():  # of a blueprint in scope
        status = _status(store, update)
        has_ended = status in (None, *ENDED)
        if not (has_ended and reevaluate):
            raise Conflict(
                f"The plugins of blueprint `{blueprint.id}` are being updated already: {update.id}",
                hint="Use --reevaluate-active-statuses: its execution has ended."
                if has_ended
                else f"Wait for it: cfy executions wait {update.execution_id}",
            )
        _judge(store, update, status)


def check_blueprint_unused(store: Store, blueprint: Blueprint) -> None:
    """Raise Invalid while an active update needs a blueprint."""
    own = or_(
        PluginsUpdate.blueprint_storage_id == blueprint.storage_id,
        PluginsUpdate.temp_blueprint_storage_id == blueprint.storage_id,
    )
    update = store.unscoped.scalars(select(PluginsUpdate).where(own, IS_ACTIVE).limit(1)).first()  # of any user
    if update is not None and _status(store, update) not in (None, *ENDED):
        raise Invalid(
            f"Blueprint `{blueprint.id}` cannot be deleted: its plugins are being updated",
            hint=f"Wait for it: cfy executions wait {update.execution_id}",
            code=ErrorCode.DEPENDENT_EXISTS,
        )


def on_ended(store: Store, execution: Execution) -> None:
    """Store how an update has ended, with the end of its execution."""
    if execution.workflow_id != WORKFLOW:
        return
    update = find_of_execution(store.unscoped, execution)  # of the execution
    if update is not None and update.state in ACTIVE:
        _judge(store, update, _status(store, update))


def visible_deployments(store: Store, update: PluginsUpdate) -> dict[str, list[str]]:
    """Return the ids of the deployments that an update is about, by tenant, as far as the user may see them."""
    named = update.deployments_per_tenant or {}
    visible = store.visible(Deployment, all_tenants=True).with_only_columns(Deployment.storage_id)
    others = select(Deployment.tenant_name, Deployment.id).where(
        Deployment.tenant_name.in_(named),
        Deployment.visibility == Visibility.PRIVATE,
        Deployment.storage_id.not_in(visible),
    )
    hidden = {(row.tenant_name, row.id) for row in store.unscoped.execute(others)}  # to leave them out
    return {
        tenant: [each for each in ids if (tenant, each) not in hidden]
        for tenant, ids in named.items()
        if store.scope.is_permitted_in(tenant)
    }


def is_used(store: Store, temporary_storage_id: int) -> bool:
    """Return whether a temporary blueprint is used by deployments, or will be by active updates of them."""
    deployments = exists().where(Deployment.blueprint_storage_id == temporary_storage_id)
    updates = exists().where(
        DeploymentUpdate.new_blueprint_storage_id == temporary_storage_id,
        DeploymentUpdate.execution_id == Execution.id,
        Execution.status.not_in(ENDED),
    )
    return bool(store.unscoped.scalar(select(or_(deployments, updates))))  # of any user


def _judge(store: Store, update: PluginsUpdate, status: str | None) -> None:
    """Set the final state by the status of the execution, None if that was deleted.

    A temporary blueprint becomes visible if it is used, and is deleted otherwise.
    """
    is_done = status == ExecutionState.TERMINATED
    update.state = PluginsUpdateState.SUCCESSFUL if is_done else PluginsUpdateState.FAILED
    temporary = store.unscoped.get(Blueprint, update.temp_blueprint_storage_id or 0)  # of the update
    if temporary is not None and is_used(store, temporary.storage_id):
        temporary.is_hidden = False
    else:
        update.temp_blueprint_id = update.temp_blueprint_storage_id = None
        if temporary is not None:
            store.delete(temporary)
    store.flush()


def _status(store: Store, update: PluginsUpdate) -> str | None:
    # the execution of the update
    return store.unscoped.scalar(select(Execution.status).where(Execution.id == update.execution_id))
