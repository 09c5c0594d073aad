"""What workers left running when they ended or died: it goes on, unless it is what they died of."""

from collections.abc import Collection, Iterable

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from cfy_cli.contract.states import STOPPING, ExecutionState
from cfy_cli.contract.timestamps import now
from cfy_cli.manager.engine import orphans
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.runtime import journal
from cfy_cli.manager.services.runtime.execution_context import MAX_CRASHES
from cfy_cli.manager.services.worker.completion import on_completed
from cfy_cli.manager.store.models import Execution, WorkerRecord
from cfy_cli.manager.store.scope import system_scope
from cfy_cli.manager.store.store import Store

LEFT = (ExecutionState.STARTED, *STOPPING)


def recover(app: AppContext, gone: Collection[str]) -> int:
    """Let what these workers left running go on, as soon as somebody claims it; returns how many that are.

    Their operations that may have begun are to run once more, and what is left of their processes is ended before.
    What was told to end has ended by now.
    """
    with app.database.write() as session:
        left = session.scalars(select(Execution).where(Execution.status.in_(LEFT), Execution.worker.in_(gone))).all()
        _count_deaths(session, gone, left)
        goes_on = [each for each in left if each.status == ExecutionState.STARTED]
        stopped = [each for each in left if each.status != ExecutionState.STARTED]
        deadly = [each for each in goes_on if each.crashes >= MAX_CRASHES]  # whoever claims it will end it
        orphans.kill(*journal.running(session, _ids([*stopped, *deadly])))
        journal.rewind(session, _ids(goes_on))
        for execution in goes_on:
            execution.status = ExecutionState.PENDING
        for execution in stopped:
            execution.status, execution.error, execution.ended_at = ExecutionState.CANCELLED, "", now()
            on_completed(Store(session, system_scope(execution.tenant_name)), execution)
    return len(left)


def workers_without_successor(app: AppContext, own: str, in_use: Collection[str]) -> list[str]:
    """Workers of our data folder that left something running and will not start again: there are fewer of us now."""
    place = own.rpartition("/")[0] + "/"
    with app.database.read() as session:
        names = session.scalars(select(Execution.worker).where(Execution.status.in_(LEFT)).distinct()).all()
    return sorted(name for name in names if name and name.startswith(place) and name not in in_use)


def _count_deaths(session: Session, gone: Collection[str], left: Iterable[Execution]) -> None:
    """How often in a row the worker of each died without anything more of it being done.

    One that was told to end takes its row with it, so those that still have one died.
    """
    died = set(session.scalars(select(WorkerRecord.name).where(WorkerRecord.name.in_(gone))))
    session.execute(delete(WorkerRecord).where(WorkerRecord.name.in_(gone)))
    for execution in left:
        if execution.worker in died:
            done = journal.progress(session, execution.id)
            execution.crashes = execution.crashes + 1 if done == execution.progress_at_crash else 1
            execution.progress_at_crash = done


def _ids(executions: Iterable[Execution]) -> list[str]:
    return [each.id for each in executions]
