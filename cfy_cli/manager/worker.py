"""A worker: claims executions and runs several at the same time."""

import logging
import threading
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

from cfy_cli.errors import CfyError
from cfy_cli.manager.scheduler import Scheduler
from cfy_cli.manager.services import maintenance_mode
from cfy_cli.manager.services.configuration.configuration import Configuration
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.executions import group_members
from cfy_cli.manager.services.processes import Presence
from cfy_cli.manager.services.runtime.concurrency import ConcurrencyLimit, Slot
from cfy_cli.manager.services.runtime.event_writer import EventWriter
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext
from cfy_cli.manager.services.runtime.shared_writes import SharedWrites
from cfy_cli.manager.services.worker import recovery, running
from cfy_cli.manager.services.worker.claiming import CLAIM_BATCH, claim, find_work
from cfy_cli.manager.services.worker.deletions import DeploymentDeleter
from cfy_cli.manager.services.worker.environment_batches import can_make_together, make_together
from cfy_cli.manager.services.worker.environments import EnvironmentMaker
from cfy_cli.manager.services.worker.takeover import Share, Watch, look_at_others
from cfy_cli.manager.store.models import Execution, WorkerRecord

log = logging.getLogger(__name__)
MAX_THREADS = 100_000  # created on demand: the slots limit how many there are
POLL_INTERVAL = 0.5  # seconds between queries for work when nobody notifies the worker
GROUP_INTERVAL = 0.04  # seconds between claims from groups, so that several executions are claimed at once


class Worker:
    """Runs in a process of its own, or in a thread of a test; `index` is its number among the workers, from 0."""

    def __init__(self, app: AppContext, name: str, index: int = 0, count: int = 1) -> None:
        self._app = app
        self._name = name
        self._event_writer = EventWriter(app.database)
        self._shared_writes = SharedWrites()
        self._threads = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="execution")
        self._share = Share(index, count)
        self._watch = Watch()
        self._presence = Presence(app, WorkerRecord, name, self._look_at_others, role="worker")
        self._configuration = app.service(Configuration)
        self._limit = ConcurrencyLimit(0)
        self._stopping = threading.Event()
        self._scheduler = Scheduler(app)
        self._schedules = threading.Thread(target=self._scheduler.work, name="schedules", daemon=True)
        self._group_batches = threading.Thread(target=self._complete_groups, name="group-batches", daemon=True)
        self._has_batches = threading.Event()  # of groups, since they were looked for
        self._is_group_open = False  # the last claim found something in a group

    def work(self) -> None:
        """Run executions until `stop` is called; those that still run then end or are recovered at the next start."""
        self._presence.start()  # before the first claim: recovery counts only crashes of workers with a heartbeat
        if self._app.settings.runs("scheduler"):
            self._schedules.start()
        self._group_batches.start()
        while not self._stopping.is_set():
            self._apply_configuration()
            slots = self._limit.acquire_all(POLL_INTERVAL)
            if not slots:
                self._has_batches.set()  # they need no slot
                continue
            begun = time.monotonic()
            started = self._start_executions(slots)
            self._is_group_open = any(each.execution_group_id for each in started)
            if len(started) == len(slots):
                self._app.work_available.notify()  # another worker, which has slots for what is left
            elif len(started) < CLAIM_BATCH:  # nothing else was due
                if self._is_group_open:  # it takes a third of the time at most to look for what is next
                    spent = time.monotonic() - begun
                    self._stopping.wait(min(POLL_INTERVAL, max(GROUP_INTERVAL, 2 * spent)))
                self._app.work_available.wait_and_drain(POLL_INTERVAL)

    def _find_limit(self) -> int:
        """Return how many executions this worker may run at the same time, besides those that wait for others."""
        number, total = self._share
        return (self._configuration.integer("rest.max_concurrent_workflows") + total - 1 - number) // total

    def _apply_configuration(self) -> None:
        try:
            self._limit.set_limit(self._find_limit())
            if maintenance_mode.is_on(self._app):
                maintenance_mode.finish_activation(self._app)
        except CfyError as error:
            log.warning("The configuration is not applied yet: %s", error)

    def stop(self) -> None:
        self._stopping.set()
        self._scheduler.stop()
        self._has_batches.set()
        self._app.work_available.notify()

    def close(self) -> None:
        """Wait for running executions and store the last events."""
        self._threads.shutdown(wait=True)
        for thread in (self._schedules, self._group_batches):
            if thread.is_alive():
                thread.join()
        self._event_writer.close()
        self._presence.close()
        if not self._app.database.is_sqlite:  # others may run now what was interrupted
            recovery.recover(self._app, {self._name})
            self._app.work_available.notify()

    def _start_executions(self, slots: list[Slot]) -> list[Execution]:
        """Start an execution in each slot as far as there are any, at most CLAIM_BATCH; return them."""
        claimed = []
        try:
            work = find_work(self._app, group_was_open=self._is_group_open)
            if work.has_batches:
                self._has_batches.set()
            if work.is_due or work.is_in_groups:
                claimed = claim(self._app, self._name, len(slots), is_due=work.is_due, from_groups=work.is_in_groups)
        except CfyError as error:
            log.warning("Claiming executions failed: %s", error)
        finally:
            for slot in slots[len(claimed) :]:
                slot.release()
        together = list[tuple[ExecutionContext, Slot]]()
        for (execution, start_mode), slot in zip(claimed, slots, strict=False):
            context = ExecutionContext(
                self._app,
                execution,
                self._event_writer,
                self._stopping,
                start_mode,
                slot.released,
                shared_writes=self._shared_writes,
            )
            if execution.execution_group_id is not None:
                message = group_members.describe_change(execution.id, execution.status)
                self._event_writer.add_event(group_members.event_row(execution, message))
            if can_make_together(context):
                together.append((context, slot))
            else:
                self._threads.submit(self._run, context, slot)
        if together:
            self._threads.submit(self._run_together, together)
        return [execution for execution, _ in claimed]

    def _run(self, context: ExecutionContext, slot: Slot) -> None:
        try:
            running.run(context)
        finally:
            slot.release()

    def _run_together(self, executions: list[tuple[ExecutionContext, Slot]]) -> None:
        """Make environments in one transaction as far as that succeeds, and the others alone."""
        made: Collection[str] = ()
        try:
            made = make_together([context for context, _ in executions])
        finally:
            for context, slot in executions:
                if context.execution.id in made or self._stopping.is_set():  # the next start continues the others
                    slot.release()
                else:
                    self._threads.submit(self._run, context, slot)

    def _complete_groups(self) -> None:
        """Make environments of groups and delete deployments of groups, many in one transaction, until the end."""
        given = (self._app, self._name, lambda: self._share, self._event_writer, self._stopping)
        maker, deleter = EnvironmentMaker(*given), DeploymentDeleter(*given)
        while not self._stopping.is_set():
            self._has_batches.clear()
            try:
                if maker.make_next() or deleter.delete_next():
                    continue
            except CfyError as error:
                log.warning("Making environments or deleting deployments failed: %s", error)
            except Exception:
                log.exception("Making environments or deleting deployments failed")
            self._has_batches.wait(POLL_INTERVAL)
            self._stopping.wait(GROUP_INTERVAL)  # the worker looks for other work too, each time it is notified

    def _look_at_others(self) -> None:
        """Take over what silent workers have left, where workers are on several machines."""
        if not self._app.database.is_sqlite:
            self._share = look_at_others(self._app, self._name, self._watch)
