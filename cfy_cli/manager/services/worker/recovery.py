"""Recovery of executions whose workers have exited: they run on, unless they are what the workers crash from."""

import logging
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from cfy_cli.contract.states import STOPPING, ExecutionState
from cfy_cli.contract.timestamps import now, seconds_ago
from cfy_cli.errors import Busy
from cfy_cli.manager.engine import orphans
from cfy_cli.manager.services.blueprints import uploads
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.executions import executions, group_members
from cfy_cli.manager.services.identity.access import DEFAULT_TENANT
from cfy_cli.manager.services.runtime import journal
from cfy_cli.manager.services.runtime.execution_context import MAX_CRASHES
from cfy_cli.manager.store.advisory_locks import LockKey, acquire_lock
from cfy_cli.manager.store.audit import MANAGER
from cfy_cli.manager.store.models import Execution, Token, WorkerRecord
from cfy_cli.manager.store.scope import system_scope

log = logging.getLogger(__name__)
T = TypeVar("T")
MAX_TRIES = 20
RETRY_INTERVAL = 0.5  # seconds
MAX_LOST_AGE = 24 * 3600.0  # seconds that a worker is shown which nobody brings back or removes
CLAIMED = (ExecutionState.STARTED, *STOPPING)


@dataclass(frozen=True, slots=True)
class Silence:
    """A worker that was not seen for long, and when it was seen last; empty if it never was."""

    worker: str
    seen_at: str


def recover(app: AppContext, exited_workers: Collection[str], silent: Silence | None = None) -> int:
    """Make the running executions of these workers claimable again, and return how many these workers had.

    Processes of their operations that still run on this machine are killed, and the operations run once more.
    Executions that a user has cancelled are completed as cancelled. A worker that was only `silent` keeps what it has
    when it was seen again meanwhile.
    """
    number, cancelled = _repeat_if_busy(lambda: _recover(app, exited_workers, silent))
    for (
        execution_id,
        tenant,
    ) in cancelled:  # each in a transaction of its own, which therefore locks one deployment only
        _repeat_if_busy(partial(_complete_cancelled, app, execution_id, tenant))
    _repeat_if_busy(partial(_fail_interrupted_uploads, app))
    return number


def _recover(
    app: AppContext, exited_workers: Collection[str], silent: Silence | None = None
) -> tuple[int, list[tuple[str, str]]]:
    """Make executions claimable again.

    Returns how many the workers had, and the ids and tenants of the cancelled ones.
    """
    with app.database.write() as session:
        acquire_lock(session, LockKey.CLAIMING)
        if silent is not None and not _is_still_silent(session, silent):
            return 0, []
        acquire_lock(session, LockKey.EVENTS)  # held by those that write for many executions at once
        claimed = session.scalars(  # waits for what these workers are writing at this moment
            select(Execution)
            .where(Execution.status.in_(CLAIMED), Execution.worker.in_(exited_workers))
            .order_by(Execution.storage_id)
            .with_for_update()
        ).all()
        _count_crashes(session, exited_workers, claimed)
        _forget(session, exited_workers, is_lost=silent is not None)
        for execution in claimed:
            execution.claim += 1
            if silent is not None:
                session.execute(delete(Token).where(Token.execution_id == execution.id))  # scripts that still run
        recoverable = [execution for execution in claimed if execution.status == ExecutionState.STARTED]
        cancelled = [execution for execution in claimed if execution.status != ExecutionState.STARTED]
        # The worker that claims one of these fails it (`check_crashes`), so nothing else kills its processes.
        crashing = [execution for execution in recoverable if execution.crashes >= MAX_CRASHES]
        orphans.kill(*journal.find_running_operations(session, _ids([*cancelled, *crashing])))
        if not app.settings.broker:  # else they may go on elsewhere, which the engine finds out
            journal.reset_running_operations(session, _ids(recoverable))
        for execution in recoverable:
            execution.status = ExecutionState.PENDING
        return len(claimed), [(execution.id, execution.tenant_name) for execution in cancelled]


def _complete_cancelled(app: AppContext, execution_id: str, tenant: str) -> None:
    """Complete an execution as cancelled, if a user has cancelled it."""
    with app.writing(system_scope(tenant), MANAGER) as store:
        own = select(Execution).where(Execution.id == execution_id, Execution.status.in_(STOPPING))
        execution = store.unscoped.scalars(own).one_or_none()  # whose worker has exited
        if execution is not None:
            execution.status, execution.error, execution.ended_at = ExecutionState.CANCELLED, "", now()
            group_members.on_state_change(store, execution, execution.status)
            executions.on_ended(store, execution)
            executions.refresh_above(store, [execution])


def _fail_interrupted_uploads(app: AppContext) -> None:
    with app.writing(system_scope(DEFAULT_TENANT), MANAGER) as store:
        uploads.fail_interrupted(store)


def _repeat_if_busy(action: Callable[[], T]) -> T:
    """Return the result of an action. Repeat it while the database is busy: an error would end the worker's start."""
    for _ in range(MAX_TRIES):
        try:
            return action()
        except Busy as error:
            log.warning("Recovering executions is tried again: %s", error)
            time.sleep(RETRY_INTERVAL)
    return action()


def workers_without_successor(app: AppContext, own_name: str, in_use: Collection[str]) -> list[str]:
    """Return workers of this data folder that left executions and will not start again.

    That happens when the manager is configured to have fewer workers.
    """
    prefix = own_name.rpartition("/")[0] + "/"
    with app.database.read() as session:
        names = session.scalars(select(Execution.worker).where(Execution.status.in_(CLAIMED)).distinct()).all()
    return sorted(name for name in names if name and name.startswith(prefix) and name not in in_use)


def _is_still_silent(session: Session, silent: Silence) -> bool:
    present = session.scalar(select(WorkerRecord.seen_at).where(WorkerRecord.name == silent.worker).with_for_update())
    return (present or "") == silent.seen_at


def _count_crashes(session: Session, exited_workers: Collection[str], claimed: Iterable[Execution]) -> None:
    """Count, in each claimed execution, the consecutive crashes of its workers without progress in between.

    A worker that was stopped deletes its row, so those that still have one crashed.
    """
    present = select(WorkerRecord.name).where(WorkerRecord.name.in_(exited_workers), WorkerRecord.lost_at.is_(None))
    crashed = set(session.scalars(present))
    for execution in claimed:
        if execution.worker in crashed:
            progress = journal.measure_progress(session, execution.id)
            execution.crashes = execution.crashes + 1 if progress == execution.progress_at_crash else 1
            execution.progress_at_crash = progress


def _forget(session: Session, exited_workers: Collection[str], *, is_lost: bool) -> None:
    """Delete the rows of workers; one that was lost on another machine is shown until it is back, or for a day."""
    if not is_lost:
        session.execute(delete(WorkerRecord).where(WorkerRecord.name.in_(exited_workers)))
        return
    lost = update(WorkerRecord).where(WorkerRecord.name.in_(exited_workers), WorkerRecord.lost_at.is_(None))
    session.execute(lost.values(lost_at=now()))
    session.execute(delete(WorkerRecord).where(WorkerRecord.lost_at < seconds_ago(MAX_LOST_AGE)))


def _ids(executions: Iterable[Execution]) -> list[str]:
    return [execution.id for execution in executions]
