"""Cancelling and resuming of all executions of a group."""

from collections.abc import Sequence

from sqlalchemy import Update, exists, select, update
from sqlalchemy.orm import aliased

from cfy_cli.contract.states import STOPPING, WAITING, ExecutionState
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import Conflict, Forbidden, Invalid
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.execution_groups import deployment_states, group_queues
from cfy_cli.manager.services.executions import group_members, queue
from cfy_cli.manager.services.executions.executions import CANCEL_ACTIONS, RESUME_ACTIONS, can_resume, refresh_above
from cfy_cli.manager.services.identity.execution_user import set_user
from cfy_cli.manager.services.runtime import journal
from cfy_cli.manager.services.runtime.batch import INSERT_EVENT
from cfy_cli.manager.store.advisory_locks import LockKey
from cfy_cli.manager.store.bulk import split
from cfy_cli.manager.store.models import Execution, ExecutionGroup
from cfy_cli.manager.store.query import Condition
from cfy_cli.manager.store.store import Store

VALID_ACTIONS = [*CANCEL_ACTIONS, *RESUME_ACTIONS]
START_PERMISSION = "execution_start"
RESUMABLE = (ExecutionState.FAILED, ExecutionState.CANCELLED)
_member = aliased(Execution)


def apply_action(app: AppContext, store: Store, group_id: str, action: str) -> ExecutionGroup:
    """Cancel, force-cancel or kill the executions of a group, or resume those that failed or were cancelled.

    Those that the user may not see are left alone. Raises Invalid for another action, and Conflict where nothing can be
    resumed.
    """
    if action not in VALID_ACTIONS:
        raise Invalid(f"Invalid action: {action}, Valid action values are: {VALID_ACTIONS}")
    group = store.get_permitted(ExecutionGroup, group_id)
    store = store.in_tenant(group.tenant_name)
    store.acquire_lock(LockKey.CLAIMING)  # no worker starts one meanwhile
    store.acquire_lock(LockKey.EVENTS)
    if action in CANCEL_ACTIONS:
        _cancel(store, group, CANCEL_ACTIONS[action])
    else:
        if not store.scope.has_permission(START_PERMISSION):
            raise Forbidden(f"The permission `{START_PERMISSION}` is required to resume executions")
        _resume(store, group, reset_operations=action == "force-resume")
    store.after_commit(app.work_available.notify)
    store.after_commit(app.execution_ended.notify)
    return group


def release_others(store: Store, group: ExecutionGroup) -> None:
    """Release what waits behind executions of a group that do not wait any more, or whose group is paused."""
    behind = (
        select(Execution.deployment_storage_id)
        .where(Execution.status == ExecutionState.QUEUED, Execution.execution_group_id.is_(None))
        .where(
            exists().where(
                _member.deployment_storage_id == Execution.deployment_storage_id,
                _member.execution_group_id == group.id,
            )
        )
        .distinct()
    )
    storage_ids = store.unscoped.scalars(behind).all()  # executions of all users wait for each other
    queue.release_of_deployments(store, [each for each in storage_ids if each is not None])


def _cancel(store: Store, group: ExecutionGroup, state: ExecutionState) -> None:
    """Cancel what waits at once, and request it of what runs."""
    of_group = update(Execution).where(_is_visible(store, group))
    end = {"status": ExecutionState.CANCELLED, "ended_at": now()}
    waiting = _change(store, of_group.where(Execution.status.in_(WAITING)).values(end))
    running = (ExecutionState.STARTED, *(each for each in STOPPING if each != state))
    _change(store, of_group.where(Execution.status.in_(running)).values(status=state))
    group_queues.forget_empty(store.unscoped, [group.id])  # a group in scope
    deployment_states.mark_cancelled(store, _by_deployment(waiting))
    refresh_above(store, waiting)
    release_others(store, group)


def _resume(store: Store, group: ExecutionGroup, *, reset_operations: bool) -> None:
    """Queue again what failed or was cancelled."""
    if not can_resume(group.workflow_id):
        raise Conflict(
            f"Cannot resume execution group: `{group.id}` runs the system workflow `{group.workflow_id}`",
            hint="Repeat the request that it is part of.",
        )
    acting = Execution()
    set_user(store, acting)
    values = {
        "status": ExecutionState.QUEUED,
        "ended_at": None,
        "resume": True,
        "worker": None,
        "crashes": 0,
        "acts_for": acting.acts_for,
        "acts_for_storage_id": acting.acts_for_storage_id,
    }
    ended = update(Execution).where(_is_visible(store, group), Execution.status.in_(RESUMABLE))
    resumed = _change(store, ended.values(values))
    if reset_operations:
        for some in split([execution.id for execution in resumed]):
            journal.reset_running_operations(store.unscoped, some)  # of executions in scope
    if resumed:  # whatever was read before the lock of events, which the end of the group holds
        own = update(ExecutionGroup).where(ExecutionGroup.storage_id == group.storage_id)
        store.unscoped.execute(own.values(is_waiting=True))  # a group in scope
    deployment_states.mark_started(store, _by_deployment(resumed))


def _is_visible(store: Store, group: ExecutionGroup) -> Condition:
    """Match the executions of a group that the user may see."""
    visible = store.visible(Execution).where(Execution.execution_group_id == group.id)
    return Execution.storage_id.in_(visible.with_only_columns(Execution.storage_id))


def _change(store: Store, statement: Update) -> Sequence[Execution]:
    """Change the state of executions of a group, store the events of that, and return them in their order."""
    returning = statement.returning(Execution)
    options = {"populate_existing": True, "synchronize_session": False}
    found = store.unscoped.scalars(returning, execution_options=options).all()  # of a group in scope
    changed = sorted(found, key=lambda execution: execution.storage_id)
    events = [
        group_members.event_row(each, group_members.describe_change(each.id, each.status, each.error))
        for each in changed
    ]
    INSERT_EVENT.execute(store.unscoped.connection(), events)  # of the same executions
    return changed


def _by_deployment(executions: Sequence[Execution]) -> dict[int, str]:
    return {each.deployment_storage_id: each.id for each in executions if each.deployment_storage_id is not None}
