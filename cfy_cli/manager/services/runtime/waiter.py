"""Waiting for executions to end: one query serves all requests of this process that wait."""

import logging
import threading
from dataclasses import dataclass, field

from sqlalchemy import select

from cfy_cli.contract.states import ENDED
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.store.models import Execution

log = logging.getLogger(__name__)
WAIT_TIMEOUT = 120.0  # seconds; the execution goes on after it
POLL_INTERVAL = 0.25  # seconds; workers of another manager process cannot notify this one


@dataclass(eq=False, slots=True)
class _Wait:
    execution_id: str
    done: threading.Event = field(default_factory=threading.Event)
    status: str | None = None


class ExecutionWaiter:
    """Lets threads wait for executions; a background thread polls while there are waiting threads."""

    def __init__(self, app: AppContext) -> None:
        self._database = app.database
        self._execution_ended = app.execution_ended
        self._waits: set[_Wait] = set()
        self._lock = threading.Lock()
        self._poller: threading.Thread | None = None
        self._closed = False

    def wait(self, execution_id: str, timeout: float) -> str | None:
        """Return the final status; None when the execution was deleted, at the timeout, or when the process stops."""
        wait = _Wait(execution_id)
        with self._lock:
            if self._closed:
                return None
            self._waits.add(wait)
            if self._poller:
                self._execution_ended.notify()  # it may have ended before
            else:
                self._poller = threading.Thread(target=self._poll_until_idle, name="execution-waiter", daemon=True)
                self._poller.start()
        try:
            wait.done.wait(timeout)
        finally:
            with self._lock:
                self._waits.discard(wait)
        return wait.status

    def close(self) -> None:
        """Release all waiting threads, which would keep the process alive, and stop polling."""
        with self._lock:
            self._closed = True
            poller = self._poller
            for wait in self._waits:
                wait.done.set()
        self._execution_ended.notify()
        if poller:
            poller.join()

    def _poll_until_idle(self) -> None:
        while True:
            with self._lock:
                waits = [wait for wait in self._waits if not wait.done.is_set()]
                if not waits:
                    self._poller = None
                    return
            self._poll(waits)
            self._execution_ended.wait_and_drain(POLL_INTERVAL)

    def _poll(self, waits: list[_Wait]) -> None:
        statement = select(Execution.id, Execution.status).where(
            Execution.id.in_({wait.execution_id for wait in waits})
        )
        try:
            with self._database.read() as session:
                statuses = {row.id: row.status for row in session.execute(statement)}
        except Exception as error:  # of any kind: the next poll asks again
            log.warning("Polling the status of executions failed: %s", error)
            return
        for wait in waits:
            status = statuses.get(wait.execution_id)
            if status is None or status in ENDED:
                wait.status = status
                wait.done.set()
