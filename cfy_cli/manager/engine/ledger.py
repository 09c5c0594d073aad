"""What has become of each task: the one place where a task changes state, and where its history is written."""

import threading
import time

from cfy_cli.manager.engine.graph import Graph
from cfy_cli.manager.engine.ports import Event, Json, Records
from cfy_cli.manager.engine.tasks import FOREVER, Failure, Operation, Subgraph, Task, TaskState

PROGRESS_EVERY = 0.25  # seconds

SENTENCES = {
    TaskState.SENDING: ("sending_task", "Sending task"),
    TaskState.STARTED: ("task_started", "{kind} started"),
    TaskState.RESCHEDULED: ("task_rescheduled", "{kind} rescheduled"),
    TaskState.SUCCEEDED: ("task_succeeded", "{kind} succeeded"),
    TaskState.FAILED: ("task_failed", "{kind} failed"),
}


class Ledger:
    """Called from several threads."""

    def __init__(self, records: Records, *, dry_run: bool = False) -> None:
        self.states: dict[str, TaskState] = {}
        self.dry_run = dry_run
        self._records = records
        self._lock = threading.Lock()
        self._total = 0
        self._finished = 0
        self._told = 0.0

    def open(self, graph: Graph) -> None:
        """Take up the tasks of a graph that is about to run."""
        with self._lock:
            self.states.update(dict.fromkeys(graph.tasks, TaskState.PENDING))
            self._total += len(graph.tasks)

    def move(
        self,
        task: Task,
        state: TaskState,
        *,
        attempt: int = 0,
        result: Json = None,
        failure: Failure | None = None,
        again: bool = False,
    ) -> None:
        """Record the new state of an attempt; `again` says that another attempt will follow."""
        with self._lock:
            self.states[task.id] = state
            self._finished += state in (TaskState.SUCCEEDED, TaskState.FAILED, TaskState.RESCHEDULED)
            self._total += again
        if isinstance(task.work, Operation | Subgraph):
            self._tell(task, task.work, state, attempt, result, failure)

    def show_progress(self, *, at_once: bool = False) -> None:
        if self.dry_run or (not at_once and time.monotonic() < self._told + PROGRESS_EVERY):
            return
        self._told = time.monotonic()
        self._records.progress(self._total, self._finished)

    def _tell(
        self,
        task: Task,
        work: Operation | Subgraph,
        state: TaskState,
        attempt: int,
        result: Json,
        failure: Failure | None,
    ) -> None:
        event_type, sentence = SENTENCES[state]
        subgraph = isinstance(work, Subgraph)
        name = work.name if isinstance(work, Subgraph) else work.function
        message = f"{sentence.format(kind='Subgraph' if subgraph else 'Task')} '{name}'"
        if result is not None:
            message += f" - {result}"
        if failure is not None:
            message += f" -> {failure.message}"
        if self.dry_run:
            message += " (dry run)"
        if isinstance(work, Operation) and attempt:
            message += (
                f" [retry {attempt}]" if work.max_retries == FOREVER else f" [retry {attempt}/{work.max_retries}]"
            )
        causes = [failure.cause()] if failure is not None else None
        if isinstance(work, Subgraph):
            self._records.emit(Event("cloudify_event", message, event_type))
        else:
            self._records.emit(
                Event(
                    "cloudify_event",
                    message,
                    event_type,
                    operation=work.name,
                    error_causes=causes,
                    node_instance_id=work.instance_id,
                    node_name=work.node_id,
                    source_id=work.source_id,
                    target_id=work.target_id,
                )
            )
