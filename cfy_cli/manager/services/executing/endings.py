"""Who waits for executions to end, in this process: one look at the database for all of them."""

import logging
import threading
import time
from dataclasses import dataclass, field

from sqlalchemy import select

from cfy_cli.contract.states import ENDED
from cfy_cli.errors import CfyError
from cfy_cli.manager.store.database import Database
from cfy_cli.manager.store.models import Execution

log = logging.getLogger(__name__)
SOON, LATE = 0.004, 0.25  # seconds between two looks, while somebody has only begun to wait, and later


@dataclass(eq=False, slots=True)
class _Wait:
    execution_id: str
    since: float = field(default_factory=time.monotonic)
    over: threading.Event = field(default_factory=threading.Event)


class Endings:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._waits: set[_Wait] = set()
        self._guard = threading.Lock()
        self._looking = False

    def wait(self, execution_id: str, seconds: float) -> None:
        """Return when the execution has ended or is gone, or when the time is up."""
        wait = _Wait(execution_id)
        with self._guard:
            self._waits.add(wait)
            if not self._looking:
                self._looking = True
                threading.Thread(target=self._keep_looking, name="endings", daemon=True).start()
        try:
            wait.over.wait(seconds)
        finally:
            with self._guard:
                self._waits.discard(wait)

    def _keep_looking(self) -> None:
        while True:
            with self._guard:
                waits = [wait for wait in self._waits if not wait.over.is_set()]
                self._looking = bool(waits)
            if not waits:
                return
            self._look(waits)
            youngest = max(wait.since for wait in waits)
            time.sleep(min(LATE, SOON + (time.monotonic() - youngest) / 5))

    def _look(self, waits: list[_Wait]) -> None:
        asked = select(Execution.id).where(
            Execution.id.in_({wait.execution_id for wait in waits}), Execution.status.not_in(ENDED)
        )
        try:
            with self._database.read() as session:
                going_on = set(session.scalars(asked))
        except CfyError as error:
            log.warning("Whether executions have ended is not known: %s", error)
            return
        for wait in waits:
            if wait.execution_id not in going_on:
                wait.over.set()
