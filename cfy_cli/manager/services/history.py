"""Writing events and logs: in order, in batches, without making those who speak wait."""

import logging
import threading
from typing import Any

from sqlalchemy import insert

from cfy_cli.contract.clock import now
from cfy_cli.errors import CfyError
from cfy_cli.manager.store.database import Database
from cfy_cli.manager.store.models import Event

log = logging.getLogger(__name__)
EVERY = 0.1  # seconds a line may wait for others to be stored with
MOST_WAITING = 20_000  # lines; beyond it those who speak wait for the disk


class History:
    """One for each worker process; lines are stored in the order they were added."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lines: list[dict[str, Any]] = []
        self._latest = ""
        self._guard = threading.Lock()
        self._storing = threading.Lock()
        self._spoken = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._keep_storing, name="history", daemon=True)
        self._thread.start()

    def add(self, line: dict[str, Any]) -> None:
        """A row of `events` as keyword arguments.

        Times never go back: readers page by time, and a line put before one they have read would be lost to them.
        """
        with self._guard:
            self._latest = max(self._latest, line["reported_timestamp"])
            self._lines.append({**line, "reported_timestamp": self._latest, "timestamp": now()})
            full = len(self._lines) > MOST_WAITING
        self._spoken.set()
        if full:
            self.flush()

    def flush(self) -> None:
        """Return when all that was added before is stored. Raises when it cannot be."""
        with self._storing:
            with self._guard:
                lines, self._lines = self._lines, []
            if not lines:
                return
            try:
                with self._database.write() as session:
                    session.execute(insert(Event), lines)
            except Exception:
                with self._guard:  # kept for the next try
                    self._lines = lines + self._lines
                raise

    def close(self) -> None:
        self._closed = True
        self._spoken.set()
        self._thread.join()
        self.flush()

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
                self._spoken.set()
