"""Queues of execution groups: workers start what waits in them as far as the concurrency of each group allows.

Nothing but the states of the executions is counted, so neither a crash nor a second worker changes what may run.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import and_, bindparam, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from cfy_cli.contract.states import RUNNING, ExecutionState
from cfy_cli.manager.services import maintenance_mode
from cfy_cli.manager.services.executions.queue import IS_BEHIND_ANOTHER
from cfy_cli.manager.services.labels import PARENT
from cfy_cli.manager.store.advisory_locks import LockKey, acquire_locks
from cfy_cli.manager.store.models import DeploymentLabel, Execution, ExecutionGroup
from cfy_cli.manager.store.query import Condition, is_any, is_one_of

# Workflows whose executions workers complete many at a time; deletions only of deployments that have nothing inside.
MADE_TOGETHER, DELETED_TOGETHER = "create_deployment_environment", "delete_deployment_environment"
HAS_CHILDREN = Execution.deployment_id.in_(select(DeploymentLabel.value).where(DeploymentLabel.key == PARENT))
IS_TOGETHER = or_(
    is_one_of(Execution.workflow_id, MADE_TOGETHER),
    and_(is_one_of(Execution.workflow_id, DELETED_TOGETHER), ~HAS_CHILDREN),
)
_exclusive, _member = aliased(Execution), aliased(Execution)
EXCLUSIVE_GOES_FIRST = exists().where(
    _exclusive.is_system_workflow, is_one_of(_exclusive.status, *RUNNING, ExecutionState.QUEUED)
)
RUNNING_NOW = (
    select(func.count())
    .where(_member.execution_group_id == ExecutionGroup.id, is_one_of(_member.status, *RUNNING))
    .scalar_subquery()
)
HAS_QUEUED = is_any(
    _member.execution_group_id == ExecutionGroup.id,
    is_one_of(_member.status, ExecutionState.QUEUED),
    first_by=_member.storage_id,
)
OPEN_GROUPS = (
    select(ExecutionGroup.id, ExecutionGroup.concurrency - RUNNING_NOW)
    .where(ExecutionGroup.is_waiting, ExecutionGroup.concurrency > RUNNING_NOW, HAS_QUEUED, ~EXCLUSIVE_GOES_FIRST)
    .where(~is_one_of(ExecutionGroup.workflow_id, MADE_TOGETHER), maintenance_mode.MODE.is_(None))
    .order_by(ExecutionGroup.storage_id)
)
IS_ANY_OPEN = OPEN_GROUPS.with_only_columns(ExecutionGroup.id).order_by(None).exists()
WITH_TOGETHER = select(ExecutionGroup.id).where(
    ExecutionGroup.is_waiting, ExecutionGroup.concurrency > 0, HAS_QUEUED, ~EXCLUSIVE_GOES_FIRST
)
OF_TOGETHER = WITH_TOGETHER.where(ExecutionGroup.workflow_id == bindparam("workflow")).order_by(
    ExecutionGroup.storage_id
)
WAITS_FOR_BATCH = WITH_TOGETHER.where(is_one_of(ExecutionGroup.workflow_id, MADE_TOGETHER, DELETED_TOGETHER)).exists()
CAN_START = and_(is_one_of(Execution.status, ExecutionState.QUEUED), or_(Execution.force, ~IS_BEHIND_ANOTHER))
NEXT = (
    select(Execution.storage_id, Execution.deployment_storage_id)
    .where(Execution.execution_group_id == bindparam("group_id"), CAN_START, ~IS_TOGETHER)
    .order_by(Execution.storage_id)
    .limit(bindparam("limit"))
)
CHOSEN = (
    select(Execution)
    .where(Execution.storage_id.in_(bindparam("ids", expanding=True)), CAN_START)
    .order_by(Execution.storage_id)
    .with_for_update(skip_locked=True, of=Execution)
)


def has_next(session: Session) -> bool:
    """Return whether an execution of a group could start."""
    return bool(_find_candidates(session, 1))


def find_next(session: Session, limit: int) -> list[Execution]:
    """Return queued executions to start now, at most `limit`, the oldest group first.

    The caller holds the lock CLAIMING. Their deployments are locked until the transaction ends, so that nothing else
    starts on them.
    """
    found = _find_candidates(session, limit)
    if not found:
        return []
    acquire_locks(session, LockKey.DEPLOYMENT, [deployment for _, deployment in found if deployment is not None])
    ids = [storage_id for storage_id, _ in found]  # looked at again, now that their deployments are locked
    return list(session.scalars(CHOSEN, {"ids": ids}))


def find_together(session: Session, workflow_id: str, limit: int, share: tuple[int, int]) -> list[Execution]:
    """Return queued executions of one group to complete together, at most `limit`; nothing is locked.

    `share` is the number of this worker and that of all: each takes others first.
    """
    index, count = share
    for group_id in session.scalars(OF_TOGETHER, {"workflow": workflow_id}).all():
        queued = select(Execution).where(Execution.execution_group_id == group_id, CAN_START, IS_TOGETHER)
        in_order = queued.order_by(Execution.storage_id).limit(limit)
        for chosen in (in_order.where(Execution.storage_id % count == index), in_order):
            if found := session.scalars(chosen).all():
                return list(found)
    return []


def lock_together(
    session: Session, executions: Sequence[Execution], condition: Condition | None = None
) -> list[Execution]:
    """Return those that can still be completed and match the condition, locked until the transaction ends.

    Their deployments are locked too. The caller holds the lock CLAIMING.
    """
    if session.scalar(select(EXCLUSIVE_GOES_FIRST)):
        return []
    acquire_locks(session, LockKey.DEPLOYMENT, [each.deployment_storage_id or 0 for each in executions])
    ids = [each.storage_id for each in executions]
    can_start = select(Execution).where(Execution.storage_id.in_(ids), CAN_START)
    chosen = (can_start if condition is None else can_start.where(condition)).order_by(Execution.storage_id)
    return list(session.scalars(chosen.with_for_update(skip_locked=True, of=Execution)))


def forget_empty(session: Session, group_ids: Collection[str | None]) -> None:
    """Note which of the groups have nothing queued any more."""
    ids = [group_id for group_id in group_ids if group_id is not None]
    if ids:
        empty = update(ExecutionGroup).where(ExecutionGroup.id.in_(ids), ExecutionGroup.is_waiting, ~HAS_QUEUED)
        session.connection().execute(empty.values(is_waiting=False))


def _find_candidates(session: Session, limit: int) -> list[tuple[int, int | None]]:
    """Return the storage ids of executions that could start, with those of their deployments."""
    found: list[tuple[int, int | None]] = []
    for group_id, free in session.execute(OPEN_GROUPS).all():
        queued = session.execute(NEXT, {"group_id": group_id, "limit": min(free, limit - len(found))})
        found += [(storage_id, deployment) for storage_id, deployment in queued]
        if len(found) >= limit:
            break
    return found
