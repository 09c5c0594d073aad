"""Batched writer of events and states, in order, without delaying the threads that emit events."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

from cfy_cli.contract.timestamps import now
from cfy_cli.errors import CfyError
from cfy_cli.manager.services.runtime.batch import Batch, EventRow
from cfy_cli.manager.services.runtime.claims import Claim
from cfy_cli.manager.services.runtime.db_retry import is_transient
from cfy_cli.manager.store.advisory_locks import Lock, LockKey
from cfy_cli.manager.store.database import Database

log = logging.getLogger(__name__)
LOCKS = (Lock(LockKey.EVENTS, is_shared=True),)
FLUSH_INTERVAL = 0.1  # seconds that an event may wait for others of its transaction
MAX_PENDING_AHEAD = 5_000  # events: above it, an execution does not go on while others are stored
MAX_PENDING_EVENTS = 20_000  # above it, threads that emit events wait for the database


class EventWriter:
    """The writer of one worker process. Called from several threads.

    Changes are stored in the order in which they are added. When storing fails for a transient reason, they stay
    pending, so that a caller of `flush` can call it again. Executions that store at the same time share a transaction.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pending = Batch()
        self._latest_timestamp = ""
        self._pending_lock = threading.Lock()
        self._flush_lock = threading.Lock()  # acquired before the other one
        self._has_events = threading.Event()
        self._closed = False
        self._flushing = ThreadPoolExecutor(1, "flush")
        self._thread = threading.Thread(target=self._flush_periodically, name="event-writer", daemon=True)
        self._thread.start()

    def add_event(self, event: EventRow, claim: Claim | None = None) -> None:
        """Add an event, which is stored a moment later; that of an execution whose claim is lost is not."""
        self.add(Batch(events=[event], claims=_by_id(event["execution_id"], claim)))
        self._has_events.set()
        if len(self._pending.events) > MAX_PENDING_EVENTS:
            self.flush()

    def add(self, batch: Batch) -> None:
        """Add changes, which `flush` stores."""
        with self._pending_lock:
            self._prepare(batch.events)
            self._pending.extend(batch)

    def has_room(self) -> bool:
        """Return whether an execution may go on although what it has added is not being stored yet."""
        return len(self._pending.events) < MAX_PENDING_AHEAD

    def flush(self) -> None:
        """Store everything that was added before. Raises the error when that fails."""
        with self._flush_lock:
            batch = self._take_pending()
            try:
                self._store(batch)
            except Exception:
                self._put_back(batch)
                raise

    def run(self, flush: Callable[[], None]) -> Future[None]:
        """Call a function that flushes in a thread of the writer."""
        return self._flushing.submit(flush)

    @contextmanager
    def draining(self, final_events: Sequence[EventRow]) -> Iterator[Batch]:
        """Yield everything that was added before and then `final_events`, for a transaction of the caller.

        When the caller fails, what was added before is pending again, and `final_events` are dropped.
        """
        with self._flush_lock:
            batch = self._take_pending(final_events)
            try:
                yield replace(batch, events=[*batch.events, *final_events])
            except BaseException:
                self._put_back(batch)
                raise

    def close(self) -> None:
        self._closed = True
        self._has_events.set()
        self._thread.join()
        self._flushing.shutdown()
        self.flush()

    def _take_pending(self, final_events: Iterable[EventRow] = ()) -> Batch:
        """Return the pending changes; `final_events` get the timestamps that follow theirs."""
        with self._pending_lock:
            batch, self._pending = self._pending, Batch()
            self._prepare(final_events)
        return batch

    def _put_back(self, batch: Batch) -> None:
        with self._pending_lock:
            batch.extend(self._pending)
            self._pending = batch

    def _prepare(self, events: Iterable[EventRow]) -> None:
        """Set timestamps, and replace characters in messages that no database stores.

        Timestamps never decrease: readers page by time and would miss an event stored before one they have read.
        """
        present = now()
        for event in events:
            self._latest_timestamp = max(self._latest_timestamp, event["reported_timestamp"])
            event["reported_timestamp"], event["timestamp"] = self._latest_timestamp, present
            event["message"] = event["message"].replace("\0", "\ufffd").encode("utf-8", "replace").decode()

    def _store(self, batch: Batch) -> None:
        if not batch:
            return
        try:
            self._write(batch)
        except Exception as error:
            if is_transient(error):
                raise
            log.exception("The database refuses a change; the changes are stored one by one")
            self._store_one_by_one(batch)

    def _store_one_by_one(self, batch: Batch) -> None:
        """Store all changes that the database accepts, so that a refused one does not block the others.

        A refused event is only logged. Raises the error of another refused change, since an execution waits for it.
        """
        refused: Exception | None = None
        for single in batch.pop_single_changes():
            try:
                self._write(single)
            except Exception as error:
                if is_transient(error):
                    raise
                log.error("A change that the database refuses is lost: %s (%s)", single, error)
                refused = refused if single.events else error
        if refused is not None:
            raise refused

    def _write(self, batch: Batch) -> None:
        with self._database.write(locks=LOCKS, reuse_plans=True) as session:
            batch.store(session)

    def _flush_periodically(self) -> None:
        while not self._closed:
            self._has_events.wait()
            self._has_events.clear()
            threading.Event().wait(FLUSH_INTERVAL)
            try:
                self.flush()
            except CfyError as error:
                log.warning("Events are not stored yet: %s", error)
                self._has_events.set()
            except Exception:
                log.exception("Storing events failed")


def _by_id(execution_id: str | None, claim: Claim | None) -> dict[str, Claim]:
    return {execution_id: claim} if execution_id is not None and claim is not None else {}
