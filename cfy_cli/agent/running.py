"""The operations that this process runs and has run."""

import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Collection
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace

from cfy_cli.agent.connection import ManagerConnection
from cfy_cli.agent.files import FileSource
from cfy_cli.agent.records import ApiRecords, ExecutionCache
from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.manager.engine import orphans
from cfy_cli.manager.engine.blueprint_copies import BlueprintCopies
from cfy_cli.manager.engine.broker.messages import (
    OperationMessage,
    OutcomeMessage,
    outcome_message,
    read_attempt,
    read_job,
)
from cfy_cli.manager.engine.context.operation_context import OperationContext
from cfy_cli.manager.engine.context.server import ContextServer
from cfy_cli.manager.engine.executor import outcome_of
from cfy_cli.manager.engine.operation_user import OperationUser, give
from cfy_cli.manager.engine.operations import run_operation
from cfy_cli.manager.engine.process import ProcessRegistry
from cfy_cli.manager.engine.process_tree import OPERATION_ID_VARIABLE
from cfy_cli.manager.engine.tasks import Abandoned, Attempt

MAX_REMEMBERED = 5000  # operations that have ended, until their engine asks again because their outcome was lost
POLL_INTERVAL = 0.25  # seconds between looks for events that are to be sent


class Stopped(Exception):
    """The worker stops: another one has to run the operation."""


@dataclass(slots=True)
class RunningOperation:
    number: int
    records: ApiRecords
    copies: BlueprintCopies
    processes: ProcessRegistry = field(default_factory=ProcessRegistry)

    def kill(self) -> None:
        self.records.stopped.set()
        self.processes.kill()


class OperationRunner:
    """Runs operations, several at the same time. `is_known` asks the other workers about one."""

    def __init__(
        self,
        connection: ManagerConnection,
        files: FileSource,
        server: ContextServer,
        user: OperationUser | None = None,
    ) -> None:
        self._connection, self._files, self._server, self._user = connection, files, server, user
        self._executions = ExecutionCache(user)
        self._running: dict[str, RunningOperation] = {}
        self._tasks: dict[str, str] = {}  # operations by task of Celery
        self._ended: OrderedDict[str, tuple[int, OutcomeMessage]] = OrderedDict()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        threading.Thread(target=self._send_events, name="events", daemon=True).start()

    def run(
        self, message: OperationMessage, task_id: str, *, may_have_begun: bool, is_known: Callable[[str], bool]
    ) -> OutcomeMessage | None:
        """Run an attempt and return its end; None when another message about it has been received. Raises Stopped."""
        operation_id = message["operation_id"]
        known = self._executions.get(message["job"])
        attempt = read_attempt(message)
        records = ApiRecords(message, attempt.operation, self._connection, known)
        earlier: Json = None
        if may_have_begun:
            try:
                earlier = self._find_earlier(message, records, is_known)
            except Abandoned:
                return self._remembered(operation_id, message["number"])
        running = RunningOperation(message["number"], records, known.copies)
        with self._lock:
            if operation_id in self._running or self._stopping.is_set():
                running.records.stopped.set()
            else:
                self._running[operation_id], self._tasks[task_id] = running, operation_id
        if records.stopped.is_set():
            self._give_up()
            return None
        try:
            if may_have_begun:  # others that have received it too see now that it runs here, or were faster
                records.call("begin", earlier=earlier, runner=uuid.uuid4().hex)
                orphans.kill([], [operation_id])
            outcome = self._run(message, attempt, running)
        except Abandoned:
            self._give_up()
            return None
        finally:
            with self._lock:
                del self._running[operation_id], self._tasks[task_id]
        if self._stopping.is_set() and outcome["failure"] is not None:
            raise Stopped  # the stop may have caused the failure
        return outcome

    def find(self, operation_ids: Collection[str]) -> JsonObject:
        """Return what is known of operations: the number of the attempt that runs, or the end of the last one."""
        found: JsonObject = {}
        with self._lock:
            for operation_id in operation_ids:
                if operation_id in self._running:
                    found[operation_id] = {"number": self._running[operation_id].number, "outcome": None}
                elif operation_id in self._ended:
                    number, outcome = self._ended[operation_id]
                    found[operation_id] = {"number": number, "outcome": dict(outcome)}  # type: ignore[arg-type]
        return found

    def kill(self, task_id: str) -> None:
        """Kill the processes of the operation that a task of Celery runs, and all that they have started."""
        with self._lock:
            running = self._running.get(self._tasks.get(task_id, ""))
        if running is not None:
            running.kill()

    def stop(self) -> None:
        """Kill what runs, so that other workers run it, and start nothing more."""
        with self._lock:
            self._stopping.set()
            running = list(self._running.values())
        for operation in running:
            operation.kill()

    def close(self) -> None:
        self._executions.close()
        self._connection.close()

    def _find_earlier(self, message: OperationMessage, records: ApiRecords, is_known: Callable[[str], bool]) -> Json:
        """Return what has begun an attempt before. Raises Abandoned when a worker knows it, or nobody waits for it."""
        earlier = records.call("runner")
        if is_known(message["operation_id"]):
            raise Abandoned
        return earlier

    def _give_up(self) -> None:
        """Leave an attempt to the message that others have; raise Stopped when there is none, since we stop."""
        if self._stopping.is_set():
            raise Stopped from None

    def _remembered(self, operation_id: str, number: int) -> OutcomeMessage | None:
        with self._lock:
            remembered = self._ended.get(operation_id)
        if remembered is None or remembered[0] != number or remembered[1]["failure"] is not None:
            return None
        return remembered[1]

    def _run(self, message: OperationMessage, attempt: Attempt, running: RunningOperation) -> OutcomeMessage:
        records = running.records
        operation_id = message["operation_id"]

        def run() -> Json:
            with closing(self._files.open(operation_id, records)) as files:
                records.files = files
                job = read_job(message["job"], files.find, {OPERATION_ID_VARIABLE: operation_id}, self._user)
                if not job.workdir.is_dir():
                    job.workdir.mkdir(mode=0o700, parents=True, exist_ok=True)
                give(job.workdir, self._user)
                ctx = OperationContext(job, records, attempt.task, attempt.operation, attempt.number, running.copies)
                return run_operation(ctx, self._server, running.processes)

        outcome = outcome_of(attempt, run)
        masked = replace(outcome, result=records.masking.mask(outcome.result))
        if outcome.failure is not None:
            failure = outcome.failure
            message_text, traceback = records.masking.mask(failure.message), records.masking.mask(failure.traceback)
            masked = replace(masked, failure=replace(failure, message=message_text, traceback=traceback))
        ended = outcome_message(masked, operation_id, records.take_events())
        if outcome.failure is None or not records.stopped.is_set():  # a kill is no failure of the operation
            self._remember(operation_id, attempt.number, ended)
        return ended

    def _remember(self, operation_id: str, number: int, outcome: OutcomeMessage) -> None:
        with self._lock:
            self._ended[operation_id] = (number, outcome)
            if len(self._ended) > MAX_REMEMBERED:
                self._ended.popitem(last=False)

    def _send_events(self) -> None:
        while not self._stopping.is_set():
            time.sleep(POLL_INTERVAL)
            self._executions.close_idle()
            with self._lock:
                running = list(self._running.values())
            for operation in running:
                with suppress(Exception):  # the operation notices itself, and sends them with its outcome
                    operation.records.send_due_events()
