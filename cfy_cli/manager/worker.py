"""A worker: takes executions one after another and runs several at a time."""

import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import delete

from cfy_cli.contract.timestamps import now
from cfy_cli.errors import CfyError
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.runtime.concurrency import ConcurrencyLimit, Slot
from cfy_cli.manager.services.runtime.event_writer import EventWriter
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext
from cfy_cli.manager.services.worker import running
from cfy_cli.manager.services.worker.claiming import claim
from cfy_cli.manager.store.models import WorkerRecord

log = logging.getLogger(__name__)
AT_ONCE = 10  # executions at work in one worker, beside those that wait for others
MOST_THREADS = 100_000  # made as they are needed; what limits them is AT_ONCE
LOOK_EVERY = 0.5  # seconds, when no bell rings
WORD_EVERY = 5.0  # seconds between signs of life


class Worker:
    """Runs in a process of its own, or in a thread of a test."""

    def __init__(self, app: AppContext, name: str) -> None:
        self._manager = app
        self._name = name
        self._history = EventWriter(app.database)
        self._pool = ThreadPoolExecutor(MOST_THREADS, thread_name_prefix="execution")
        self._slots = ConcurrencyLimit(AT_ONCE)
        self._stopping = threading.Event()

    def work(self) -> None:
        """Until `stop`; what runs then is left to end or to be recovered."""
        self._say_alive_if_possible()  # before anything is claimed: who dies without having said so does not count
        threading.Thread(target=self._keep_saying, name="sign of life", daemon=True).start()
        while not self._stopping.is_set():
            free = self._slots.take(LOOK_EVERY)
            if free and not self._start_some(free):
                self._manager.work_available.wait(LOOK_EVERY)

    def stop(self) -> None:
        self._stopping.set()
        self._manager.work_available.notify()

    def close(self) -> None:
        """Wait for what still runs and store the last lines."""
        self._pool.shutdown(wait=True)
        self._history.close()
        with self._manager.database.write() as session:
            session.execute(delete(WorkerRecord).where(WorkerRecord.name == self._name))

    def _start_some(self, free: list[Slot]) -> bool:
        """Whether there was anything to start, so that there may be more."""
        claimed = []
        try:
            claimed = claim(self._manager, self._name, len(free))
        except CfyError as error:
            log.warning("No execution can be claimed: %s", error)
        finally:
            for slot in free[len(claimed) :]:
                slot.give_back()
        for (execution, start_mode), slot in zip(claimed, free, strict=False):
            work = ExecutionContext(self._manager, execution, self._history, self._stopping, start_mode, slot.resting)
            self._pool.submit(self._run, work, slot)
        return bool(claimed)

    def _run(self, work: ExecutionContext, slot: Slot) -> None:
        try:
            running.run(work)
        finally:
            slot.give_back()

    def _keep_saying(self) -> None:
        while not self._stopping.wait(WORD_EVERY):
            self._say_alive_if_possible()

    def _say_alive_if_possible(self) -> None:
        try:
            self._say_alive()
        except CfyError as error:
            log.warning("No sign of life could be given: %s", error)

    def _say_alive(self) -> None:
        with self._manager.database.write() as session:
            row = session.query(WorkerRecord).filter_by(name=self._name).one_or_none()
            if row is None:
                session.add(WorkerRecord(name=self._name, pid=os.getpid()))
            else:
                row.pid, row.seen_at = os.getpid(), now()
