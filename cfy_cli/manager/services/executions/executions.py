"""Executions: starting, cancelling and resuming them, and releasing queued ones."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypedDict

from sqlalchemy import bindparam, or_, select, true, update

from cfy_cli.contract.datetimes import parse_datetime
from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.states import ENDED, RUNNING, STOPPING, SYSTEM_WORKFLOWS, WAITING, ExecutionState
from cfy_cli.contract.timestamps import format_timestamp, now
from cfy_cli.errors import Conflict, ErrorCode, Invalid, Usage
from cfy_cli.manager.services import archive_rows
from cfy_cli.manager.services.blueprints import uploads
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.deployment_updates import records as updates
from cfy_cli.manager.services.deployments import dependencies, deployments, tree
from cfy_cli.manager.services.executions import exclusive_workflows, group_members, operation_inputs, workflows
from cfy_cli.manager.services.executions import parameters as workflow_parameters
from cfy_cli.manager.services.executions.queue import check_idle, describe_running, release_next
from cfy_cli.manager.services.identity.execution_user import set_user
from cfy_cli.manager.services.plugins_updates import records as plugins_updates
from cfy_cli.manager.services.runtime import journal
from cfy_cli.manager.store.advisory_locks import LockKey
from cfy_cli.manager.store.bulk import split
from cfy_cli.manager.store.compiled_query import CompiledQuery
from cfy_cli.manager.store.models import Blueprint, Deployment, Execution, ExecutionGroup
from cfy_cli.manager.store.models.owned import inherited_columns
from cfy_cli.manager.store.query import column, is_any, is_one_of
from cfy_cli.manager.store.store import Store

CANCEL_ACTIONS = {
    "cancel": ExecutionState.CANCELLING,
    "force-cancel": ExecutionState.FORCE_CANCELLING,
    "kill": ExecutionState.KILL_CANCELLING,
}
RESUME_ACTIONS = ("resume", "force-resume")
REQUEUE = "requeue"
CREATE_ENVIRONMENT = "create_deployment_environment"  # it can be resumed: a deployment is of no use without it
VALID_ACTIONS = [*CANCEL_ACTIONS, *RESUME_ACTIONS, REQUEUE]
UNFINISHED = tuple(state for state in ExecutionState if state not in ENDED)
_OF_GROUP = Execution.execution_group_id == bindparam("group_id")
IS_GROUP_UNFINISHED = CompiledQuery(  # each state is looked up, since PostgreSQL may read all rows for several at once
    select(
        or_(
            *(
                is_any(_OF_GROUP, is_one_of(Execution.status, state), last_by=column(Execution, "storage_id"))
                for state in UNFINISHED
            )
        )
    )
)
NOTHING_WAITS = (
    update(ExecutionGroup)
    .where(ExecutionGroup.id == bindparam("id_of_group"), ExecutionGroup.is_waiting)
    .values(is_waiting=False)
)
IS_NOT_SYSTEM = Execution.is_system_workflow.is_(False)


class DeploymentColumns(TypedDict, total=False):
    """Columns of an execution that describe its deployment."""

    deployment_storage_id: int
    deployment_id: str
    deployment_display_name: str
    blueprint_id: str


def start(
    app: AppContext,
    store: Store,
    deployment_id: str,
    workflow_id: str,
    parameters: JsonObject,
    *,
    allow_custom_parameters: bool = False,
    force: bool = False,
    queue: bool = False,
    dry_run: bool = False,
    scheduled_time: str | None = None,
    wait_after_fail: int = 600,
    execution_id: str | None = None,
    creator: str | None = None,
) -> Execution:
    """Check a request to run a workflow on a deployment, and store it for a worker to run.

    `wait_after_fail` is in seconds. `creator` is that of a dependency on the deployment which makes the request itself,
    and does not block it. Raises Invalid; Forbidden for a global deployment of a tenant in which the user may not.
    """
    deployment = store.get_permitted(Deployment, deployment_id)
    store = store.in_tenant(deployment.tenant_name)  # parameters name things there, whichever tenant is asked through
    store.acquire_lock(LockKey.DEPLOYMENT, deployment.storage_id)
    workflow = workflows.find(deployment, workflow_id)
    complete = workflow_parameters.complete(
        app, store, deployment, workflow_id, workflow, parameters, custom=allow_custom_parameters
    )
    operation_inputs.check_inputs(store, deployment, workflow, complete)
    if not force:
        dependencies.check_workflow(store, deployment, workflow_id, complete, creator=creator)
    status, scheduled_for = ExecutionState.PENDING, None
    if scheduled_time:
        status, scheduled_for = ExecutionState.SCHEDULED, _parse_scheduled_time(scheduled_time)
    elif exclusive_workflows.must_wait(store, queue=queue):
        status = ExecutionState.QUEUED
    elif not force:
        if queue and describe_running(store, deployment.storage_id):
            status = ExecutionState.QUEUED
        else:
            check_idle(store, deployment)
        if status is ExecutionState.PENDING:  # a queued workflow may be available when it is released
            workflows.check_available(deployment, workflow_id, workflow)
    execution = _add(
        store,
        Execution(
            id=execution_id or str(uuid.uuid4()),
            workflow_id=workflow_id,
            status=status,
            parameters=complete,
            is_dry_run=dry_run,
            force=force,
            allow_custom_parameters=allow_custom_parameters,
            wait_after_fail=wait_after_fail,
            scheduled_for=scheduled_for,
            **inherited_columns(deployment),  # its tenant too, whichever the request names
            **deployment_columns(deployment),
        ),
    )
    _update_deployment(store, deployment, execution)
    store.after_commit(app.work_available.notify)
    return execution


def start_system(
    store: Store,
    workflow_id: str,
    parameters: JsonObject,
    owner: Deployment | Blueprint,
    *,
    execution_id: str | None = None,
    is_latest: bool = True,
) -> Execution:
    """Start a workflow that the manager runs itself, on a deployment or blueprint.

    The caller notifies `work_available`. One that changes nothing is not the latest that the deployment shows.
    """
    deployment = owner if isinstance(owner, Deployment) else None
    exclusive_workflows.must_wait(store)
    execution = _add(
        store,
        Execution(
            id=execution_id or str(uuid.uuid4()),
            workflow_id=workflow_id,
            parameters=parameters,
            allow_custom_parameters=True,
            **inherited_columns(owner),
            **deployment_columns(deployment),
        ),
    )
    if deployment and is_latest:
        _update_deployment(store, deployment, execution)
    return execution


def _add(store: Store, execution: Execution) -> Execution:
    set_user(store, execution)
    return store.add(execution)


def apply_action(app: AppContext, store: Store, execution_id: str, action: str) -> Execution:
    """Cancel, force-cancel or kill an execution, resume one that has ended, or requeue one that is scheduled.

    An execution that waits is cancelled at once. Raises Invalid and Conflict.
    """
    execution = store.get_permitted(Execution, execution_id)
    if action not in VALID_ACTIONS:
        raise Invalid(f"Invalid action: {action}, Valid action values are: {VALID_ACTIONS}")
    if action == REQUEUE and execution.status != ExecutionState.SCHEDULED:
        raise Conflict(f"Cannot {action} execution: `{execution.id}` in state: `{execution.status}`")
    if action == REQUEUE or action in RESUME_ACTIONS:
        if action != REQUEUE:  # a scheduled execution is in the queue already: workers only have to look again
            _resume(store, execution, action)
        store.after_commit(app.work_available.notify)
        return execution
    if execution.status in ENDED:
        raise Invalid(
            f"Can't {action} execution {execution_id} because it's in status {execution.status}",
            code=ErrorCode.ILLEGAL_ACTION,
        )
    if execution.status in WAITING:
        execution.status, execution.ended_at = ExecutionState.CANCELLED, now()
        group_members.on_state_change(store, execution, execution.status)  # it locks events: before the row is changed
        store.flush()
        on_ended(store, execution)
        refresh_above(store, [execution])
        store.after_commit(app.work_available.notify)
    else:
        execution.status = CANCEL_ACTIONS[action]
        group_members.on_state_change(store, execution, execution.status)
    return execution


def can_start(store: Store, execution_id: str) -> bool:
    """Return whether no other execution runs that this one would have to wait for."""
    execution = store.get(Execution, execution_id)
    is_other = Execution.id != execution.id, Execution.status.in_(RUNNING)
    blocks = or_(Execution.is_system_workflow, Execution.deployment_storage_id == execution.deployment_storage_id)
    others = select(Execution.storage_id).where(*is_other, true() if execution.is_system_workflow else blocks)
    return store.unscoped.scalar(others.limit(1)) is None  # executions of all users


def set_status(app: AppContext, store: Store, execution_id: str, status: str, error: str | None) -> Execution:
    """Set the status on behalf of a client. A worker that runs the execution stops, and leaves an end status as it is.

    Raises Invalid for a status that cannot follow the present one.
    """
    execution = store.get_permitted(Execution, execution_id)
    if status not in list(ExecutionState):
        raise Invalid(f"`{status}` is not a status: there are {', '.join(ExecutionState)}")
    if not _can_follow(ExecutionState(execution.status), ExecutionState(status)):
        raise Invalid(
            f"Invalid relationship - can't change status from {execution.status} to {status} for "
            f'"{execution_id}" execution while running "{execution.workflow_id}" workflow.',
            code=ErrorCode.INVALID_EXCEPTION_STATUS_UPDATE,
        )
    is_stopped_at_once = execution.status in WAITING and status in STOPPING  # no worker would ever end it
    former, execution.status = execution.status, ExecutionState.CANCELLED if is_stopped_at_once else status
    status = execution.status
    if error is not None:
        execution.error = error
    if status != former:
        group_members.on_state_change(store, execution, status, error)
    if status in ENDED:
        execution.ended_at = execution.ended_at or now()
        store.flush()
        on_ended(store, execution)
        refresh_above(store, [execution])
        store.after_commit(app.work_available.notify)
        store.after_commit(app.execution_ended.notify)
    return execution


def _can_follow(present: ExecutionState, status: ExecutionState) -> bool:
    """Return whether a client may set the status of an execution that has the present one."""
    if present in ENDED or status == present:
        return status == present
    if present in STOPPING:
        return status in STOPPING or status in (ExecutionState.FAILED, ExecutionState.CANCELLED)
    return present in WAITING or status not in WAITING


def on_ended(store: Store, execution: Execution) -> bool:
    """Release the next queued execution and refresh the status of the deployment; `refresh_above` does the rest.

    Returns whether there may be an execution to claim.
    """
    store_outcome(store, execution)
    may_claim = release_next(store, execution)
    deployment = find_deployment(store, execution)
    if deployment is not None:
        deployments.refresh_own_status(store, deployment)
    return may_claim


def store_outcome(store: Store, execution: Execution) -> None:
    """Store in the archive, blueprint or update that an execution was about how it has ended."""
    archive_rows.on_ended(store, execution)
    uploads.on_ended(store, execution)
    updates.on_ended(store, execution)
    plugins_updates.on_ended(store, execution)


def refresh_above(store: Store, ended: Sequence[Execution]) -> None:
    """Update the summaries of everything above the deployments of executions that have ended.

    Above those of an execution group they are updated once, when its last execution ends.
    """
    session = store.unscoped  # deployments of all users
    session.flush()
    storage_ids = [each.deployment_storage_id for each in ended if each.execution_group_id is None]
    of_groups = {each.execution_group_id for each in ended} - {None}
    if of_groups:
        store.acquire_lock(LockKey.EVENT_IDS)  # the last two that end see each other
    for group_id in of_groups:
        [(is_unfinished,)] = IS_GROUP_UNFINISHED.fetch(session.connection(), {"group_id": group_id})
        if not is_unfinished:
            of_group = Execution.execution_group_id == group_id
            storage_ids += session.scalars(select(Execution.deployment_storage_id).where(of_group))
            session.connection().execute(NOTHING_WAITS, {"id_of_group": group_id})
    tree.refresh(session, tree.find_parents_of_all(session, [each for each in storage_ids if each is not None]))


def find_deployment(store: Store, execution: Execution) -> Deployment | None:
    """Return the deployment of an execution, without its large columns."""
    # the execution's own deployment
    return store.unscoped.get(Deployment, execution.deployment_storage_id or 0, options=deployments.SLIM)


def find_running_ids(store: Store, deployment_storage_ids: Sequence[int]) -> dict[int, list[str]]:
    """Return the ids of running and queued executions by deployment, for those of the deployments that have any."""
    found: dict[int, list[str]] = {}
    for some in split(deployment_storage_ids):
        busy = select(Execution.deployment_storage_id, Execution.id).where(
            Execution.deployment_storage_id.in_(some), Execution.status.in_((*RUNNING, ExecutionState.QUEUED))
        )
        for deployment, execution_id in store.unscoped.execute(busy.order_by(Execution.storage_id)):  # of all users
            found.setdefault(deployment or 0, []).append(execution_id)
    return found


def _update_deployment(store: Store, deployment: Deployment, execution: Execution) -> None:
    """Store in the deployment that an execution was started."""
    deployment.latest_execution = execution.id
    if execution.status == ExecutionState.PENDING:
        tree.mark_in_progress(store.unscoped, deployment)  # and everything above it, of any user


def can_resume(workflow_id: str) -> bool:
    """Return whether executions of a workflow can be resumed."""
    return workflow_id not in SYSTEM_WORKFLOWS or workflow_id == CREATE_ENVIRONMENT


def _resume(store: Store, execution: Execution, action: str) -> None:
    """Make an execution pending again; failed operations are retried.

    `force-resume` also repeats operations that were started and have not ended.
    """
    if execution.status not in (ExecutionState.FAILED, ExecutionState.CANCELLED):
        raise Conflict(f"Cannot {action} execution: `{execution.id}` in state: `{execution.status}`")
    if not can_resume(execution.workflow_id):
        raise Conflict(
            f"Cannot {action} execution: `{execution.id}` runs the system workflow `{execution.workflow_id}`"
        )
    exclusive_workflows.must_wait(store)
    if execution.execution_group_id is not None:
        store.acquire_lock(LockKey.EVENTS)  # before that of the deployment
    session = store.unscoped  # the deployment and the operations of an execution in scope
    deployment = session.get(Deployment, execution.deployment_storage_id or 0)
    if deployment is not None:
        store.acquire_lock(LockKey.DEPLOYMENT, deployment.storage_id)
        check_idle(store, deployment)
    if action == "force-resume":
        journal.reset_running_operations(session, [execution.id])
    execution.status, execution.ended_at = ExecutionState.PENDING, None
    if deployment is not None:
        _update_deployment(store, deployment, execution)
    execution.resume, execution.worker, execution.crashes = True, None, 0
    updates.on_resumed(store, execution)
    set_user(store, execution)  # who may have other rights than the one who started it
    group_members.on_state_change(store, execution, execution.status)


def deployment_columns(deployment: Deployment | None) -> DeploymentColumns:
    """Return the columns of an execution of the deployment, or of one without a deployment."""
    if deployment is None:
        return {}
    return {
        "deployment_storage_id": deployment.storage_id,
        "deployment_id": deployment.id,
        "deployment_display_name": deployment.display_name,
        "blueprint_id": deployment.blueprint_id,
    }


def _parse_scheduled_time(text: str) -> str:
    """Return a timestamp in the future. Raises Invalid."""
    try:
        time = parse_datetime(text)
    except Usage as error:
        raise Invalid(error.message, hint=error.hint) from None
    if time <= datetime.now(UTC):
        raise Invalid(f"Date `{text}` has already passed.", hint=f"It is {now()} now; give a later time.")
    return format_timestamp(time)
