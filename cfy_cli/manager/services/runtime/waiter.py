"""Who waits for executions to end, in this process: one look at the database for all of them."""

import logging
import threading
from dataclasses import dataclass, field

from sqlalchemy import select

from cfy_cli.contract.states import ENDED
from cfy_cli.manager.store.database import Database
from cfy_cli.manager.store.models import Execution
from cfy_cli.manager.wakeup import WakeupPipe

log = logging.getLogger(__name__)
PATIENCE = 120.0  # seconds of those who wait; a client's own limit is shorter, and what it waits for goes on
LOOK_EVERY = 0.25  # seconds, when no bell rings: workers of another manager have none of ours


@dataclass(eq=False, slots=True)
class _Wait:
    execution_id: str
    over: threading.Event = field(default_factory=threading.Event)
    status: str | None = None


class ExecutionWaiter:
    def __init__(self, database: Database, bell: WakeupPipe) -> None:
        self._database = database
        self._bell = bell
        self._waits: set[_Wait] = set()
        self._guard = threading.Lock()
        self._looker: threading.Thread | None = None
        self._closed = False

    def wait(self, execution_id: str, seconds: float) -> str | None:
        """How the execution ended; None when it is gone, when the time is up, or when this process is to end."""
        wait = _Wait(execution_id)
        with self._guard:
            if self._closed:
                return None
            self._waits.add(wait)
            if self._looker:
                self._bell.notify()  # it may have ended before we began to wait
            else:
                self._looker = threading.Thread(target=self._keep_looking, name="endings", daemon=True)
                self._looker.start()
        try:
            wait.over.wait(seconds)
        finally:
            with self._guard:
                self._waits.discard(wait)
        return wait.status

    def close(self) -> None:
        """Nobody waits any longer, since a thread that did would keep the process from ending; nor does one look."""
        with self._guard:
            self._closed = True
            looker = self._looker
            for wait in self._waits:
                wait.over.set()
        self._bell.notify()
        if looker:
            looker.join()

    def _keep_looking(self) -> None:
        while True:
            with self._guard:
                waits = [wait for wait in self._waits if not wait.over.is_set()]
                if not waits:
                    self._looker = None
                    return
            self._look(waits)
            self._bell.wait_and_drain(LOOK_EVERY)

    def _look(self, waits: list[_Wait]) -> None:
        asked = select(Execution.id, Execution.status).where(Execution.id.in_({wait.execution_id for wait in waits}))
        try:
            with self._database.read() as session:
                found = {row.id: row.status for row in session.execute(asked)}
        except Exception as error:  # whatever it is: those who wait are asked about again in a moment
            log.warning("Whether executions have ended is not known: %s", error)
            return
        for wait in waits:
            status = found.get(wait.execution_id)
            if status is None or status in ENDED:
                wait.status = status
                wait.over.set()
