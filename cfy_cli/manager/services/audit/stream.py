"""Streaming of the audit log: listeners share one query, and hold neither a thread nor a transaction."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager

from anyio import to_thread

from cfy_cli.errors import CfyError
from cfy_cli.manager.services.audit import records
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.store.query import Condition
from cfy_cli.manager.store.scope import system_scope
from cfy_cli.manager.store.store import Store

POLL_INTERVAL = 0.5  # seconds; another server process cannot notify this one
KEEP_ALIVE_INTERVAL = 15.0  # seconds between two empty lines, by which both ends notice a connection that is lost
BATCH = 200  # records read at once
Reading = Callable[[], AbstractContextManager[Store]]


class NewestRecord:
    """The id of the latest record, which one query reads for all listeners of this process."""

    def __init__(self, app: AppContext) -> None:
        self._app = app
        self._lock = asyncio.Lock()
        self._id = 0
        self._read_at = -POLL_INTERVAL

    async def read(self) -> int:
        async with self._lock:
            if time.monotonic() - self._read_at >= POLL_INTERVAL:
                self._id = await to_thread.run_sync(self._query)
                self._read_at = time.monotonic()
            return self._id

    def close(self) -> None:
        """Hold nothing."""

    def _query(self) -> int:
        with self._app.reading(system_scope("")) as store:
            return records.newest(store)


class AuditStream:
    """Make the lines for one listener.

    `reading` opens a transaction in which the listener may still read the log; it raises when that is over, and the
    stream ends.
    """

    def __init__(
        self, app: AppContext, where: Condition, *, after: int, timeout: float | None, reading: Reading
    ) -> None:
        self._app, self._where, self._cursor, self._reading = app, where, after, reading
        self._deadline = None if timeout is None else time.monotonic() + timeout

    async def lines(self) -> AsyncIterator[bytes]:
        """Yield the records as they are made, until the manager stops, at the timeout, or when the login ends."""
        newest = self._app.service(NewestRecord)
        sent_at = time.monotonic()
        try:
            while not self._app.is_stopping():
                is_due = time.monotonic() - sent_at >= KEEP_ALIVE_INTERVAL
                if is_due or await newest.read() > self._cursor:
                    text = await to_thread.run_sync(self._read)
                    sent_at = time.monotonic()
                    yield text or b"\n"
                    if text:
                        continue
                if self._deadline is not None and time.monotonic() >= self._deadline:
                    return
                await asyncio.sleep(POLL_INTERVAL)
        except CfyError:  # the login ended, or the database is away: the listener asks again
            return

    def _read(self) -> bytes:
        """Return the next records as lines, and move the cursor behind them."""
        with self._reading() as store:
            newest = records.newest(store)
            rows = records.after(store, self._where, self._cursor, BATCH)
            self._cursor = rows[-1].storage_id if len(rows) == BATCH else max(newest, self._cursor)
            return b"".join(json.dumps(records.show(row)).encode() + b"\n\n" for row in rows)
