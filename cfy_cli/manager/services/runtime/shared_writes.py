"""Transactions that executions of one worker share: those that end at the same time are completed together."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cfy_cli.manager.services.runtime.batch import EventRow
from cfy_cli.manager.services.runtime.db_retry import is_transient
from cfy_cli.manager.store.advisory_locks import LockKey
from cfy_cli.manager.store.models import Execution
from cfy_cli.manager.store.store import Store

if TYPE_CHECKING:
    from cfy_cli.manager.services.runtime.execution_context import ExecutionContext


@dataclass(slots=True)
class Write:
    """A change of rows of an execution and of its deployment, after all its events and `final_events`.

    `finish` is called once, after all changes of the transaction, with their executions.
    """

    context: "ExecutionContext"
    change: Callable[[Store], None]
    final_events: Sequence[EventRow]
    finish: Callable[[Store, Sequence[Execution]], None]
    is_done: bool = False
    error: Exception | None = None


class SharedWrites:
    """Called from several threads: the first one stores for all that wait meanwhile."""

    def __init__(self) -> None:
        self._waiting: list[Write] = []
        self._waiting_lock = threading.Lock()
        self._store_lock = threading.Lock()  # acquired before the other one, and before those of the event writer

    def run(self, write: Write) -> None:
        """Store a change; return once it is committed. Raises its error, and then nothing of it is stored."""
        with self._waiting_lock:
            self._waiting.append(write)
        with self._store_lock:
            if not write.is_done:
                with self._waiting_lock:
                    writes, self._waiting = self._waiting, []
                _try_to_store(writes)
        if write.error is not None:
            raise write.error


def _try_to_store(writes: Sequence[Write]) -> None:
    """Store changes together; when one of them is refused, each alone, so that it does not harm the others."""
    try:
        _store(writes)
    except Exception as error:
        if len(writes) > 1 and not is_transient(error):
            for write in writes:
                _try_to_store([write])
            return
        for write in writes:
            write.error = error
    for write in writes:
        write.is_done = True


def _store(writes: Sequence[Write]) -> None:
    first = writes[0].context
    final_events = [event for write in writes for event in write.final_events]
    with first.event_writer.draining(final_events) as batch, first.writing_own_rows() as store:
        session = store.unscoped  # rows of the executions and their deployments
        for write in writes[1:]:
            write.context.check_claim(store)  # before the lock of events, as for the first one
        executions = [write.context.execution for write in writes]
        of_deployments = [each.deployment_storage_id or 0 for each in executions]
        store.acquire_in_order([(LockKey.EVENTS, [0]), (LockKey.DEPLOYMENT, of_deployments)])
        batch.store(session)
        for write in writes:
            write.change(write.context.in_transaction(store))
            if len(writes) > 1:  # the next change sees what this one has written past the session
                store.flush()
                session.expunge_all()
        writes[0].finish(store, executions)
