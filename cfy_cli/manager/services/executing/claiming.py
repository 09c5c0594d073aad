"""Taking what may start now, so that nobody else does."""

from collections.abc import Sequence

from sqlalchemy import and_, bindparam, exists, or_, select, update
from sqlalchemy.orm import Session, aliased

from cfy_cli.contract.clock import now
from cfy_cli.contract.states import RUNNING, STOPPING, ExecutionState
from cfy_cli.manager.engine.ports import Beginning
from cfy_cli.manager.services import family, system_wide
from cfy_cli.manager.services.manager import Manager
from cfy_cli.manager.store.database import Turn, take_turn
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


def claim(manager: Manager, worker: str, most: int) -> list[tuple[Execution, Beginning]]:
    """The oldest executions that are due, each with how it begins; AT_A_TIME of them however many are wanted."""
    with manager.database.read() as session:
        if session.scalar(IS_ANY_DUE, {"now": now(), "most": 1}) is None:
            return []  # the usual answer, without disturbing those who write
    with manager.database.write() as session:
        take_turn(session, Turn.CLAIMING)
        due = session.scalars(CLAIM, {"now": now(), "most": min(most, AT_A_TIME)}).all()
        claimed = []
        for execution in system_wide.compatible(due):
            if _must_queue(session, execution):
                execution.status = ExecutionState.QUEUED
                continue
            claimed.append((execution, _beginning(execution)))
            execution.status, execution.started_at, execution.worker = ExecutionState.STARTED, now(), worker
        _note_starts(session, [execution for execution, _ in claimed])
    return claimed


def _must_queue(session: Session, execution: Execution) -> bool:
    """Whether something else runs on the deployment when the time of a scheduled one has come."""
    if execution.status != ExecutionState.SCHEDULED or execution.force:
        return False
    take_turn(session, Turn.STARTING, execution.deployment_storage_id or 0)
    others = exists().where(_other.deployment_storage_id == execution.deployment_storage_id, _other.status.in_(RUNNING))
    return bool(session.scalar(select(others)))


def _beginning(execution: Execution) -> Beginning:
    if execution.started_at is None:
        return Beginning.ANEW
    return Beginning.GOES_ON if execution.worker else Beginning.RESUMED


def _note_starts(session: Session, executions: Sequence[Execution]) -> None:
    """What they mean for what is told of their deployments."""
    numbers = {each.deployment_storage_id for each in executions if each.deployment_storage_id is not None}
    if not numbers:
        return
    chosen = Deployment.storage_id.in_(sorted(numbers))
    session.execute(
        update(Deployment)
        .where(chosen)
        .values(deployment_status=family.IN_PROGRESS)
        .execution_options(synchronize_session=False)
    )
    for number in family.inside_others(session, numbers):
        family.refresh_above(session, session.get_one(Deployment, number))
