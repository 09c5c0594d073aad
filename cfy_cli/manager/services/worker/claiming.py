"""Taking what may start now, so that nobody else does."""

from sqlalchemy import and_, bindparam, exists, or_, select
from sqlalchemy.orm import Session, aliased

from cfy_cli.contract.states import RUNNING, STOPPING, ExecutionState
from cfy_cli.contract.timestamps import now
from cfy_cli.manager.engine.ports import StartMode
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.deployments import tree
from cfy_cli.manager.services.executions import exclusive_workflows
from cfy_cli.manager.store.advisory_locks import LockKey, acquire_lock
from cfy_cli.manager.store.models import Deployment, Execution

AT_A_TIME = 4  # so that other workers find some too
_other = aliased(Execution)
IN_THE_WAY = exists().where(
    _other.status.in_((ExecutionState.STARTED, *STOPPING)), or_(_other.is_system_workflow, Execution.is_system_workflow)
)
DUE = and_(
    or_(
        Execution.status == ExecutionState.PENDING,
        and_(Execution.status == ExecutionState.SCHEDULED, Execution.scheduled_for <= bindparam("now")),
    ),
    ~IN_THE_WAY,
)
OLDEST = select(Execution).where(DUE).order_by(Execution.created_at, Execution.storage_id).limit(bindparam("most"))
IS_ANY_DUE = OLDEST.with_only_columns(Execution.storage_id)
CLAIM = OLDEST.with_for_update(skip_locked=True)


def claim(app: AppContext, worker: str, most: int) -> list[tuple[Execution, StartMode]]:
    """The oldest executions that are due, each with how it begins; AT_A_TIME of them however many are wanted."""
    with app.database.read() as session:
        if session.scalar(IS_ANY_DUE, {"now": now(), "most": 1}) is None:
            return []  # the usual answer, without disturbing those who write
    with app.database.write() as session:
        acquire_lock(session, LockKey.CLAIMING)
        due = session.scalars(CLAIM, {"now": now(), "most": min(most, AT_A_TIME)}).all()
        claimed = []
        for execution in exclusive_workflows.compatible(due):
            if execution.status == ExecutionState.SCHEDULED and not _has_its_turn(session, execution):
                execution.status = ExecutionState.QUEUED
                continue
            claimed.append((execution, _beginning(execution)))
            execution.status, execution.started_at, execution.worker = ExecutionState.STARTED, now(), worker
    return claimed


def _has_its_turn(session: Session, execution: Execution) -> bool:
    """Whether nothing else runs on the deployment of a scheduled one, now that its time has come."""
    number = execution.deployment_storage_id or 0
    acquire_lock(session, LockKey.DEPLOYMENT, number)
    others = exists().where(_other.deployment_storage_id == number, _other.status.in_(RUNNING))
    if not execution.force and session.scalar(select(others)):
        return False
    tree.note_progress(session, session.get_one(Deployment, number))
    return True


def _beginning(execution: Execution) -> StartMode:
    if execution.started_at is None:
        return StartMode.NEW
    return StartMode.RECOVERED if execution.worker else StartMode.RESUMED
