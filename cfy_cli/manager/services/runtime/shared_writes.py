"""Transactions that executions of one worker share: those that end at the same time are completed together."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from cfy_cli.manager.engine.ports import WorkflowResult
from cfy_cli.manager.services.runtime.batch import INSERT_EVENT, EventRow
from cfy_cli.manager.services.runtime.db_retry import is_transient
from cfy_cli.manager.store.advisory_locks import Lock, LockKey
from cfy_cli.manager.store.store import Store

if TYPE_CHECKING:
    from cfy_cli.manager.services.runtime.execution_context import ExecutionContext


# Recovery holds it alone, so that the claims are not lost before the commit.
LOCKS = (Lock(LockKey.EVENTS, is_shared=True),)


class Progress(NamedTuple):
    """Numbers of the operations of an execution: of all, and of those that have ended."""

    total: int
    finished: int


@dataclass(slots=True)
class Write:
    """The end of an execution, after all its events and `final_events`.

    The `progress` is None when it is stored. `change` changes rows of its deployment before. `store_ends` is called
    once, with all writes of the transaction, and returns further events.
    """

    context: "ExecutionContext"
    result: WorkflowResult
    progress: Progress | None
    change: Callable[[Store], None] | None
    final_events: Sequence[EventRow]
    store_ends: Callable[[Store, Sequence["Write"]], Sequence[EventRow]]
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
    with (
        first.event_writer.draining(final_events) as batch,
        first.writing_own_rows(LOCKS, check_claim=False, reuse_plans=True) as store,
    ):
        session = store.unscoped  # rows of the executions and their deployments
        batch.claims.update((write.context.execution.id, write.context.claim) for write in writes)
        batch.store_changes(session)
        for write in writes:
            write.context.claim.check_lost()
        of_deployments = [write.context.execution.deployment_storage_id or 0 for write in writes]
        store.acquire_locks(LockKey.DEPLOYMENT, of_deployments)
        if any(write.change for write in writes):
            store.acquire_lock(LockKey.EVENT_IDS)  # before rows of deployments, which others change when they hold it
        for write in writes:
            if write.change is not None:
                write.change(write.context.in_transaction(store))
                if len(writes) > 1:  # the next change sees what this one has written past the session
                    store.flush()
                    session.expunge_all()
        further = writes[0].store_ends(store, writes)
        INSERT_EVENT.execute(session.connection(), [*batch.events, *further])
