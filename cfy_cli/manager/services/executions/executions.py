"""Executions: starting, steering and ending them."""

import uuid
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, update

from cfy_cli.contract.states import ENDED, RUNNING, STOPPING, SYSTEM_WORKFLOWS, ExecutionState
from cfy_cli.contract.timestamps import format_timestamp, now, parse_timestamp
from cfy_cli.errors import Conflict, ErrorCode, Invalid
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.deployments import dependencies, tree
from cfy_cli.manager.services.executions import exclusive_workflows, workflows
from cfy_cli.manager.services.runtime import journal
from cfy_cli.manager.store.advisory_locks import LockKey
from cfy_cli.manager.store.models import Deployment, Execution
from cfy_cli.manager.store.store import Store

ACTIONS = {
    "cancel": ExecutionState.CANCELLING,
    "force-cancel": ExecutionState.FORCE_CANCELLING,
    "kill": ExecutionState.KILL_CANCELLING,
}
RESUMING = ("resume", "force-resume")
VALID_ACTIONS = [*ACTIONS, *RESUMING]
WAITING = (ExecutionState.PENDING, ExecutionState.SCHEDULED, ExecutionState.QUEUED)
IS_NOT_SYSTEM = Execution.is_system_workflow.is_(False)
ANY_QUEUED = select(Execution.storage_id).where(Execution.status == ExecutionState.QUEUED).limit(1)
SPECIMEN = "Expected: 203001312230-0500 (YYYYMMDDHHMM and a zone), or 2030-01-31 22:30, which is in UTC"


def start(
    app: AppContext,
    store: Store,
    deployment_id: str,
    workflow_id: str,
    parameters: dict[str, Any],
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
    """Accept a workflow to run on a deployment; a worker takes it from there.

    `creator` is the dependency on the deployment that asks for this itself, if one does.
    """
    deployment = store.get(Deployment, deployment_id)
    store.acquire_lock(LockKey.DEPLOYMENT, deployment.storage_id)
    workflow = workflows.find(deployment, workflow_id)
    complete = workflows.complete_parameters(workflow_id, workflow, parameters, custom=allow_custom_parameters)
    workflows.check_instances(store, deployment, workflow, parameters)
    if not force:
        dependencies.check_workflow(store, deployment, workflow_id, complete, creator=creator)
    status, scheduled_for = ExecutionState.PENDING, None
    if scheduled_time:
        status, scheduled_for = ExecutionState.SCHEDULED, _later(scheduled_time)
    elif exclusive_workflows.must_wait(store, queue=queue):
        status = ExecutionState.QUEUED
    elif not force:
        if queue and _running(store, deployment.storage_id):
            status = ExecutionState.QUEUED
        else:
            _check_idle(store, deployment)
        if status is ExecutionState.PENDING:  # a queued one may be available once its turn comes
            workflows.check_available(deployment, workflow_id, workflow)
    execution = store.add(
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
            visibility=deployment.visibility,
            **belongs_to(deployment),
        )
    )
    _tell(store, deployment, execution)
    store.after_commit(app.work_available.notify)
    return execution


def start_system(
    store: Store,
    workflow_id: str,
    parameters: dict[str, Any],
    deployment: Deployment | None = None,
    *,
    execution_id: str | None = None,
) -> Execution:
    """A workflow of the manager itself. The caller notifies `work_available`."""
    exclusive_workflows.must_wait(store)
    execution = store.add(
        Execution(
            id=execution_id or str(uuid.uuid4()),
            workflow_id=workflow_id,
            parameters=parameters,
            allow_custom_parameters=True,
            **(belongs_to(deployment) if deployment else {}),
        )
    )
    if deployment:
        _tell(store, deployment, execution)
    return execution


def _tell(store: Store, deployment: Deployment, execution: Execution) -> None:
    """What is told of a deployment that something was accepted for."""
    deployment.latest_execution = execution.id
    if execution.status == ExecutionState.PENDING:
        tree.note_progress(store.unscoped, deployment)


def act(app: AppContext, store: Store, execution_id: str, action: str) -> Execution:
    """cancel, force-cancel or kill a running execution; one that only waits ends at once. resume one that ended."""
    execution = store.get_own(Execution, execution_id)
    if action not in VALID_ACTIONS:
        raise Invalid(f"Invalid action: {action}, Valid action values are: {VALID_ACTIONS}")
    if action in RESUMING:
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
        release_next(store, execution)
        store.after_commit(app.work_available.notify)
    else:
        execution.status = ACTIONS[action]
    return execution


def _resume(store: Store, execution: Execution, action: str) -> None:
    """Let it go on where it stopped, trying again what failed; force-resume also what was begun and has not ended."""
    if execution.status not in (ExecutionState.FAILED, ExecutionState.CANCELLED):
        raise Conflict(f"Cannot {action} execution: `{execution.id}` in state: `{execution.status}`")
    if execution.workflow_id in SYSTEM_WORKFLOWS:
        raise Conflict(f"Cannot {action} execution: `{execution.id}` is the manager's own `{execution.workflow_id}`")
    exclusive_workflows.must_wait(store)
    deployment = store.unscoped.get(Deployment, execution.deployment_storage_id or 0)
    if deployment is not None:
        store.acquire_lock(LockKey.DEPLOYMENT, deployment.storage_id)
        _check_idle(store, deployment)
    if action == "force-resume":
        journal.reset_running_operations(store.unscoped, [execution.id])
    execution.status, execution.ended_at = ExecutionState.PENDING, None
    if deployment is not None:
        _tell(store, deployment, execution)
    execution.resume, execution.worker, execution.crashes = True, None, 0


def set_status(store: Store, execution_id: str, status: str, error: str | None) -> Execution:
    """Somebody outside says how an execution stands; what has ended stays ended."""
    execution = store.get_own(Execution, execution_id)
    if status not in list(ExecutionState):
        raise Invalid(f"`{status}` is not a status: there are {', '.join(ExecutionState)}")
    if execution.status in ENDED and status != execution.status:
        raise Invalid(
            f"Invalid relationship - can't change status from {execution.status} to {status} for "
            f'"{execution_id}" execution while running "{execution.workflow_id}" workflow.',
            code=ErrorCode.INVALID_EXCEPTION_STATUS_UPDATE,
        )
    execution.status = status
    if error is not None:
        execution.error = error
    if status in ENDED:
        execution.ended_at = execution.ended_at or now()
        release_next(store, execution)
    return execution


def release_next(store: Store, ended: Execution) -> bool:
    """Let the oldest queued execution of the same deployment have its turn, or one that waits for all others.

    Whether any may have it now, so that the bell is to ring.
    """
    if ended.deployment_storage_id is not None:
        store.acquire_lock(LockKey.DEPLOYMENT, ended.deployment_storage_id)
    if store.unscoped.scalar(ANY_QUEUED) is None:
        return False
    if not exclusive_workflows.release_next(store):
        queued = select(Execution.deployment_storage_id).where(Execution.status == ExecutionState.QUEUED).distinct()
        numbers = store.unscoped.scalars(queued) if ended.is_system_workflow else [ended.deployment_storage_id]
        for number in [each for each in numbers if each is not None]:
            _release_of(store, number)
    return True


def _release_of(store: Store, deployment: int) -> None:
    store.acquire_lock(LockKey.DEPLOYMENT, deployment)
    turn = (
        select(Execution.storage_id)
        .where(Execution.deployment_storage_id == deployment, Execution.status == ExecutionState.QUEUED)
        .order_by(Execution.created_at, Execution.storage_id)
        .limit(1)
    )
    if store.unscoped.scalar(turn) is None or _running(store, deployment):
        return
    store.unscoped.execute(
        update(Execution).where(Execution.storage_id == turn.scalar_subquery()).values(status=ExecutionState.PENDING)
    )


def belongs_to(deployment: Deployment) -> dict[str, Any]:
    return {
        "deployment_storage_id": deployment.storage_id,
        "deployment_id": deployment.id,
        "deployment_display_name": deployment.display_name,
        "blueprint_id": deployment.blueprint_id,
    }


def running_ids(store: Store, deployment: Deployment) -> list[str]:
    busy = (*RUNNING, ExecutionState.QUEUED)
    return list(
        store.unscoped.scalars(
            select(Execution.id).where(
                Execution.deployment_storage_id == deployment.storage_id, Execution.status.in_(busy)
            )
        )
    )


def _check_idle(store: Store, deployment: Deployment) -> None:
    others = _running(store, deployment.storage_id)
    if others:
        raise Invalid(
            f"The following executions are currently running for this deployment: {', '.join(others)}. "
            'To execute this workflow anyway, pass "force=true" as a query parameter to this request',
            hint="Wait for them to end, queue it with --queue, or force it with --force.",
            code=ErrorCode.EXISTING_RUNNING_EXECUTION,
        )


def _running(store: Store, deployment: int) -> list[str]:
    rows = store.unscoped.execute(
        select(Execution.id, Execution.workflow_id, Execution.status).where(
            Execution.deployment_storage_id == deployment,
            Execution.status.in_((ExecutionState.PENDING, ExecutionState.STARTED, *STOPPING)),
        )
    )
    return [f"{workflow} ({status}, {id_})" for id_, workflow, status in rows]


def _later(text: str) -> str:
    moment = _moment(text)
    if moment <= datetime.now(UTC):
        raise Invalid(f"Date `{text}` has already passed.", hint=f"It is {now()} now; give a later time.")
    return format_timestamp(moment)


def _moment(text: str) -> datetime:
    """As the API writes times to start at, or as most others do."""
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%z")
    except ValueError:
        pass
    try:
        return parse_timestamp(text)
    except ValueError:
        raise Invalid(f"`{text}` is not a time. {SPECIMEN}") from None
