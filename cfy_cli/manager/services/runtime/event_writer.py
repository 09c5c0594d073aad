"""Storing what a worker says and does: in order, in batches, without making those who only speak wait."""

import logging
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from cfy_cli.contract.timestamps import now
from cfy_cli.errors import CfyError
from cfy_cli.manager.services.runtime.batch import Batch, Row
from cfy_cli.manager.services.runtime.db_retry import is_transient
from cfy_cli.manager.store.advisory_locks import LockKey, acquire_lock
from cfy_cli.manager.store.database import Database

log = logging.getLogger(__name__)
EVERY = 0.1  # seconds a line may wait for others to be stored with
MOST_WAITING = 20_000  # lines; beyond it those who speak wait for the disk


class EventWriter:
    """One for each worker process.

    All that is given to it is stored in that order. What cannot be stored now is kept and stored with what comes
    next, so those who wait for it may ask again. Executions that store at the same time share a transaction.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting = Batch()
        self._latest = ""
        self._guard = threading.Lock()
        self._storing = threading.Lock()
        self._spoken = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._keep_storing, name="history", daemon=True)
        self._thread.start()

    def add(self, line: Row) -> None:
        """A whole row of `events` but its number, by column; stored a moment later."""
        self.put(Batch(lines=[line]))
        self._spoken.set()
        if len(self._waiting.lines) > MOST_WAITING:
            self.flush()

    def put(self, batch: Batch) -> None:
        """Take it; `flush` stores it."""
        with self._guard:
            self._date(batch.lines)
            self._waiting.extend(batch)

    def flush(self) -> None:
        """Return when all that was given before is stored. Raises when it cannot be."""
        with self._storing:
            batch = self._taken()
            try:
                self._store(batch)
            except Exception:
                self._put_back(batch)
                raise

    @contextmanager
    def storing(self, last: Sequence[Row]) -> Iterator[Batch]:
        """All that was given before and then `last`, to be stored by whoever asks, in a transaction of their own.

        What was given before is kept when they fail.
        """
        with self._storing:
            batch = self._taken(last)
            try:
                yield replace(batch, lines=[*batch.lines, *last])
            except BaseException:
                self._put_back(batch)
                raise

    def close(self) -> None:
        self._closed = True
        self._spoken.set()
        self._thread.join()
        self.flush()

    def _taken(self, last: Iterable[Row] = ()) -> Batch:
        """What waits; `last` is dated as what comes right after it."""
        with self._guard:
            batch, self._waiting = self._waiting, Batch()
            self._date(last)
        return batch

    def _put_back(self, batch: Batch) -> None:
        with self._guard:
            batch.extend(self._waiting)
            self._waiting = batch

    def _date(self, lines: Iterable[Row]) -> None:
        """Times never go back: readers page by time, and a line put before one they have read would be lost to them."""
        present = now()
        for line in lines:
            self._latest = max(self._latest, line["reported_timestamp"])
            line["reported_timestamp"], line["timestamp"] = self._latest, present
            line["message"] = line["message"].replace("\0", "\ufffd").encode("utf-8", "replace").decode()

    def _store(self, batch: Batch) -> None:
        if not batch:
            return
        try:
            self._write(batch)
        except Exception as error:
            if is_transient(error):
                raise
            log.exception("Something is refused; the rest is stored one by one")
            self._store_apart(batch)

    def _store_apart(self, batch: Batch) -> None:
        """What one is refused for must not hold up all others. A line is lost; of a state, whoever waits must know."""
        refused: Exception | None = None
        for one in batch.taken_apart():
            try:
                self._write(one)
            except Exception as error:
                if is_transient(error):
                    raise
                log.error("This is lost: %s (%s)", one, error)
                refused = refused if one.lines else error
        if refused is not None:
            raise refused

    def _write(self, batch: Batch) -> None:
        with self._database.write() as session:
            acquire_lock(session, LockKey.EVENTS)
            batch.store(session)

    def _keep_storing(self) -> None:
        while not self._closed:
            self._spoken.wait()
            self._spoken.clear()
            threading.Event().wait(EVERY)
            try:
                self.flush()
            except CfyError as error:
                log.warning("Events wait to be stored: %s", error)
                self._spoken.set()
            except Exception:
                log.exception("Events cannot be stored")
