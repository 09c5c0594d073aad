"""Queues of execution groups: workers start what waits in them as far as the concurrency of each group allows.

Nothing but the states of the executions is counted, so neither a crash nor a second worker changes what may run.
"""

from collections.abc import Collection, Sequence
from functools import cache

from sqlalchemy import and_, bindparam, exists, literal_column, or_, select, update
from sqlalchemy.orm import Session, aliased

from cfy_cli.contract.states import RUNNING, ExecutionState
from cfy_cli.manager.services import maintenance_mode
from cfy_cli.manager.services.executions.queue import IS_BEHIND_ANOTHER
from cfy_cli.manager.services.labels import PARENT
from cfy_cli.manager.store.advisory_locks import LockKey, acquire_locks
from cfy_cli.manager.store.compiled_query import CompiledQuery
from cfy_cli.manager.store.list_parameters import is_among
from cfy_cli.manager.store.models import DeploymentLabel, Execution, ExecutionGroup
from cfy_cli.manager.store.query import Condition, column, count_in_each, is_any, is_one_of

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
RUNNING_NOW = count_in_each(_member.status, RUNNING, _member.execution_group_id == ExecutionGroup.id)
HAS_QUEUED = is_any(
    _member.execution_group_id == ExecutionGroup.id,
    is_one_of(_member.status, ExecutionState.QUEUED),
    last_by=_member.storage_id,
)
OPEN_GROUPS = (
    select(ExecutionGroup.id, ExecutionGroup.concurrency - RUNNING_NOW)
    .where(ExecutionGroup.is_waiting, ExecutionGroup.concurrency > RUNNING_NOW, HAS_QUEUED, ~EXCLUSIVE_GOES_FIRST)
    .where(~is_one_of(ExecutionGroup.workflow_id, MADE_TOGETHER), maintenance_mode.MODE.is_(None))
    .order_by(ExecutionGroup.storage_id)
)
FIND_OPEN = CompiledQuery(OPEN_GROUPS)
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
)


@cache
def _next_few(limit: int) -> CompiledQuery:
    """Return the query for so many; a limit that is a parameter has PostgreSQL plan each call anew."""
    return CompiledQuery(NEXT.limit(literal_column(str(limit))))


CHOSEN = (  # with a column instead of a condition, for which PostgreSQL may read all that is queued
    select(Execution, CAN_START)
    .where(is_among(column(Execution, "storage_id"), "ids"))
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
    return [execution for execution, can_start in session.execute(CHOSEN, {"ids": ids}) if can_start]


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
    chosen = CHOSEN if condition is None else CHOSEN.where(condition)
    return [execution for execution, can_start in session.execute(chosen, {"ids": ids}) if can_start]


def forget_empty(session: Session, group_ids: Collection[str | None]) -> None:
    """Note which of the groups have nothing queued any more."""
    ids = [group_id for group_id in group_ids if group_id is not None]
    if ids:
        empty = update(ExecutionGroup).where(ExecutionGroup.id.in_(ids), ExecutionGroup.is_waiting, ~HAS_QUEUED)
        session.connection().execute(empty.values(is_waiting=False))


def _find_candidates(session: Session, limit: int) -> list[tuple[int, int | None]]:
    """Return the storage ids of executions that could start, with those of their deployments."""
    found: list[tuple[int, int | None]] = []
    connection = session.connection()
    for group_id, free in FIND_OPEN.fetch(connection):
        queued = _next_few(min(free, limit - len(found))).fetch(connection, {"group_id": group_id})
        found += [(storage_id, deployment) for storage_id, deployment in queued]
        if len(found) >= limit:
            break
    return found
