"""States of the tasks of an execution, and the events of their changes.

Changes are collected and stored together by `store` before anything acts on them. So a round of the engine is stored in
one transaction, however many tasks it changes, and after a crash the journal knows every operation that has ended and
every one that may have started.
"""

import time
from dataclasses import replace

from cfy_cli.contract.json import Json
from cfy_cli.manager.engine.graph import Graph
from cfy_cli.manager.engine.ports import ExecutionEvent, Journal, JournalEntry, Records, StoredGraph, TaskStateChange
from cfy_cli.manager.engine.retry import describe_next_attempt
from cfy_cli.manager.engine.tasks import DONE, ErrorCause, Failure, Operation, SetState, Subgraph, Task, TaskState

PROGRESS_INTERVAL = 0.25  # seconds
MIN_ANNOUNCED_DELAY = 1.0  # seconds: a shorter wait for the next attempt of an operation needs no words

EVENTS = {  # the event type and the message
    TaskState.SENDING: ("sending_task", "Sending task"),
    TaskState.STARTED: ("task_started", "{kind} started"),
    TaskState.RESCHEDULED: ("task_rescheduled", "{kind} rescheduled"),
    TaskState.SUCCEEDED: ("task_succeeded", "{kind} succeeded"),
    TaskState.FAILED: ("task_failed", "{kind} failed"),
}


class TaskStates:
    """Task states of one graph of an execution. Called by one thread at a time."""

    def __init__(self, records: Records, journal: Journal, *, dry_run: bool = False) -> None:
        self.dry_run = dry_run
        self._records, self._journal = records, journal
        self._key = ""
        self._states: dict[str, TaskStateChange] = {}
        self._unstored: list[JournalEntry] = []
        self._is_ahead = False  # what was collected before may not be stored yet
        self._total = 0
        self._finished = 0
        self._reported_at = 0.0
        self._siblings = [self]  # all of the execution: one for each graph that runs at the same time

    def add_sibling(self) -> "TaskStates":
        """Return another instance of the same execution, for a graph that runs at the same time as others."""
        sibling = TaskStates(self._records, self._journal, dry_run=self.dry_run)
        self._siblings.append(sibling)
        sibling._siblings = self._siblings
        return sibling

    def load(self, graph: Graph, stored: StoredGraph | None = None) -> None:
        """Load the tasks of a graph: a new one, which is added to the journal, or one that resumes."""
        self._key = stored.key if stored else self._journal.add_graph(graph)
        self._states = dict(stored.states) if stored else {}
        retries = sum(change.attempt for change in self._states.values())
        self._total += len(graph.tasks) + retries
        self._finished += sum(change.state in DONE for change in self._states.values()) + retries

    def get(self, task: Task) -> TaskStateChange:
        """Return the latest state of a task; of a pending one, with the number of its next attempt."""
        return self._states.get(task.id) or TaskStateChange(task.id, TaskState.PENDING)

    def is_done(self, task: Task) -> bool:
        return self.get(task).state in DONE

    def has_failed(self, task: Task) -> bool:
        """Return whether the task failed and its failure is not ignored, so that dependents must not run."""
        change = self.get(task)
        ignores_failure = isinstance(task.action, Operation) and task.action.ignore_failure
        ignored = change.failure is not None and change.failure.ignored
        return change.state is TaskState.FAILED and not ignores_failure and not ignored

    def change(
        self,
        task: Task,
        state: TaskState,
        *,
        attempt: int = 0,
        result: Json = None,
        failure: Failure | None = None,
        retried: bool = False,
        emit: bool = True,
    ) -> None:
        """Collect the new state of an attempt; `retried`: another attempt will follow; `emit`: emit its event too."""
        self._finished += state in DONE or state is TaskState.RESCHEDULED
        self._total += retried
        if retried:
            change = TaskStateChange(task.id, TaskState.PENDING, attempt + 1, failure=failure)
        else:
            final = TaskState.FAILED if state is TaskState.RESCHEDULED else state
            change = TaskStateChange(task.id, final, attempt, result, failure)
        self._replace(change)
        if emit:
            self.emit_state(task, state, attempt, result, failure)

    def reopen(self, task: Task) -> None:
        """Set a task that has ended back to started, because its handler must decide again."""
        self._finished -= 1
        self._replace(replace(self.get(task), state=TaskState.STARTED))

    def ignore_failure(self, task: Task) -> None:
        """Mark a failed task as ignored, so that a resumed run does not report it again."""
        change = self.get(task)
        if change.state is TaskState.FAILED and not (change.failure and change.failure.ignored):
            failure = change.failure or Failure("NonRecoverableError", "A task in it has failed", recoverable=False)
            self._replace(replace(change, failure=replace(failure, ignored=True)))

    def emit_state(self, task: Task, state: TaskState, attempt: int, result: Json, failure: Failure | None) -> None:
        """Emit the event of a state without changing the state."""
        action = task.action
        if isinstance(action, Subgraph):
            event_type, message = self._message("Subgraph", action.name, state, result, failure)
            self.emit(ExecutionEvent("cloudify_event", message, event_type))
        elif isinstance(action, Operation) and not action.quiet:
            self._emit_operation(action, state, attempt, result, failure)

    def emit_log(self, task: Task, operation: Operation, message: str) -> None:
        """Emit a log line of an operation."""
        self._emit_about(operation, message, level="info", logger=f"ctx.{task.id}")

    def emit_next_attempt(self, task: Task, attempt: int, failure: Failure, delay: float) -> None:
        """Emit a log line about the next attempt of an operation, unless that follows at once."""
        operation = task.action
        if isinstance(operation, Operation) and not operation.quiet and delay >= MIN_ANNOUNCED_DELAY:
            self._emit_about(
                operation,
                describe_next_attempt(operation, attempt, failure, delay),
                level="info" if failure.requested else "warning",
                logger=f"ctx.{task.id}",
            )

    def set_instance_state(self, step: SetState) -> None:
        self._unstored.append(step)

    def emit(self, event: ExecutionEvent) -> None:
        self._unstored.append(event)

    def store(self, *, ahead: bool = False) -> None:
        """Store all that was collected. `ahead`: nothing acts on it yet, so the next call may say that it failed."""
        if self._unstored or self._is_ahead:
            entries, self._unstored = self._unstored, []
            self._is_ahead = ahead
            self._journal.store(self._key, entries, ahead=ahead)

    def operation_id(self, task: Task) -> str:
        return self._journal.operation_id(self._key, task.id)

    def report_progress(self, *, force: bool = False) -> None:
        """Report the progress of the execution unless that was done a moment ago; `force` reports in any case."""
        if self.dry_run or (not force and time.monotonic() < self._reported_at + PROGRESS_INTERVAL):
            return
        self._reported_at = time.monotonic()
        siblings = list(self._siblings)
        self._records.report_progress(
            sum(sibling._total for sibling in siblings), sum(sibling._finished for sibling in siblings)
        )

    def _replace(self, change: TaskStateChange) -> None:
        self._states[change.task_id] = change
        self._unstored.append(change)

    def _message(
        self, kind: str, name: str, state: TaskState, result: Json, failure: Failure | None
    ) -> tuple[str, str]:
        """Return the event type and the message."""
        event_type, template = EVENTS[state]
        message = f"{template.format(kind=kind)} '{name}'"
        if result is not None:
            message += f" - {result}"
        if failure is not None:
            message += f" -> {failure.message}"
        return event_type, f"{message} (dry run)" if self.dry_run else message

    def _emit_operation(
        self, operation: Operation, state: TaskState, attempt: int, result: Json, failure: Failure | None
    ) -> None:
        event_type, message = self._message("Task", operation.function, state, result, failure)
        if attempt:
            limit = f"/{operation.max_retries}" if attempt <= operation.max_retries else ""  # some are not limited
            message += f" [retry {attempt}{limit}]"
        causes = [failure.cause()] if failure is not None else None
        self._emit_about(operation, message, event_type=event_type, error_causes=causes)

    def _emit_about(
        self,
        operation: Operation,
        message: str,
        *,
        event_type: str | None = None,
        level: str | None = None,
        logger: str | None = None,
        error_causes: list[ErrorCause] | None = None,
    ) -> None:
        self.emit(
            ExecutionEvent(
                "cloudify_event" if event_type else "cloudify_log",
                message,
                event_type,
                level,
                logger,
                operation=operation.name,
                error_causes=error_causes,
                node_instance_id=operation.instance_id or None,
                node_name=operation.node_id or None,
                source_id=operation.source_id,
                target_id=operation.target_id,
            )
        )
