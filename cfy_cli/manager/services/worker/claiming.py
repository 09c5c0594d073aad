"""Claiming of executions, so that exactly one worker runs each."""

from dataclasses import dataclass

from sqlalchemy import and_, bindparam, exists, or_, select
from sqlalchemy.orm import Session, aliased

from cfy_cli.contract.states import RUNNING, STOPPING, ExecutionState
from cfy_cli.contract.timestamps import now
from cfy_cli.manager.engine.ports import StartMode
from cfy_cli.manager.services import maintenance_mode
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.deployments import tree
from cfy_cli.manager.services.execution_groups import group_queues
from cfy_cli.manager.services.executions import exclusive_workflows
from cfy_cli.manager.store.advisory_locks import Lock, LockKey, acquire_locks
from cfy_cli.manager.store.compiled_query import CompiledQuery
from cfy_cli.manager.store.models import Deployment, Execution
from cfy_cli.manager.store.query import is_one_of
from cfy_cli.manager.store.row_changes import write_changes

LOCKS = (  # the maintenance mode is not turned on before the commit
    Lock(LockKey.CONFIGURATION, is_shared=True),
    Lock(LockKey.CLAIMING),
)
CLAIM_BATCH = 4  # executions in one claim at most, which leaves some to other workers
_other = aliased(Execution)
IS_BLOCKED = exists().where(
    is_one_of(_other.status, ExecutionState.STARTED, *STOPPING),
    or_(_other.is_system_workflow, Execution.is_system_workflow),
)
IS_DUE = and_(
    or_(
        is_one_of(Execution.status, ExecutionState.PENDING),
        and_(is_one_of(Execution.status, ExecutionState.SCHEDULED), Execution.scheduled_for <= bindparam("now")),
    ),
    ~IS_BLOCKED,
)
OLDEST_DUE = (
    select(Execution).where(IS_DUE).order_by(Execution.created_at, Execution.storage_id).limit(bindparam("limit"))
)
WORK = CompiledQuery(select(exists().where(IS_DUE), group_queues.IS_ANY_OPEN, group_queues.WAITS_FOR_BATCH))
# Each with the maintenance mode, which costs no further round trip.
OLDEST_UNCLAIMED = OLDEST_DUE.add_columns(maintenance_mode.MODE).with_for_update(skip_locked=True, of=Execution)


@dataclass(frozen=True, slots=True)
class Work:
    """Tells a worker whether there are due executions, some that groups may start, and some to complete together."""

    is_due: bool
    is_in_groups: bool
    has_batches: bool


def find_work(app: AppContext, *, group_was_open: bool = False) -> Work:
    """Look for work without a lock, since there is none most of the time.

    Where a group was just found open, it is not looked into: the claim, which does that, will mostly find something.
    """
    with app.database.read() as session:
        [(is_due, is_open, has_batches)] = WORK.fetch(session.connection(), {"now": _latest_start(app)})
        may_claim = is_open and not maintenance_mode.is_on(app)
        is_in_groups = may_claim and (group_was_open or group_queues.has_next(session))
    return Work(bool(is_due), bool(is_in_groups), bool(has_batches))


def claim(
    app: AppContext, worker: str, limit: int, *, is_due: bool = True, from_groups: bool = True
) -> list[tuple[Execution, StartMode]]:
    """Claim the oldest due executions, at most `limit` and CLAIM_BATCH, and return them with their start modes.

    `is_due` and `from_groups` tell where `find_work` has found some.
    """
    until = _latest_start(app)
    with app.database.write(locks=LOCKS, reuse_plans=True) as session:
        limit = min(limit, CLAIM_BATCH)
        rows = session.execute(OLDEST_UNCLAIMED, {"now": until, "limit": limit}).all() if is_due else []
        mode = rows[0][1] if rows else None
        due = [execution for execution, _ in rows if mode is None or execution.status == ExecutionState.PENDING]
        if from_groups and until and len(due) < limit:
            due += group_queues.find_next(session, limit - len(due))
        scheduled = [execution for execution in due if execution.status == ExecutionState.SCHEDULED]
        acquire_locks(session, LockKey.DEPLOYMENT, [execution.deployment_storage_id or 0 for execution in scheduled])
        claimed: list[tuple[Execution, StartMode]] = []
        for execution in exclusive_workflows.select_compatible(due):
            if execution.status == ExecutionState.SCHEDULED and not _can_start_scheduled(session, execution):
                execution.status = ExecutionState.QUEUED
                continue
            claimed.append((execution, _start_mode(execution)))
            execution.status, execution.started_at, execution.worker = ExecutionState.STARTED, now(), worker
            execution.claim += 1
        write_changes(session, due)
    return claimed


def _latest_start(app: AppContext) -> str:
    """Return until when executions that start now were scheduled for; nothing scheduled starts in maintenance mode."""
    return "" if maintenance_mode.is_on(app) else now()


def _can_start_scheduled(session: Session, execution: Execution) -> bool:
    """Return whether a scheduled execution that is due can start: no other runs on its deployment, or it is forced.

    The caller holds the lock of the deployment.
    """
    deployment_storage_id = execution.deployment_storage_id or 0
    others = exists().where(_other.deployment_storage_id == deployment_storage_id, _other.status.in_(RUNNING))
    if not execution.force and session.scalar(select(others)):
        return False
    tree.mark_in_progress(session, session.get_one(Deployment, deployment_storage_id))
    return True


def _start_mode(execution: Execution) -> StartMode:
    if execution.started_at is None:
        return StartMode.NEW
    return StartMode.RECOVERED if execution.worker else StartMode.RESUMED
