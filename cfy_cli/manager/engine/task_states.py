"""What has become of each task: the one place where a task changes state, and where its history is written.

What happens is noted here first and stored all at once by `store`, before anything is done because of it. So a round
of the engine is one transaction, however many tasks it moves; and whatever dies, and whenever, the journal knows
every operation that has ended and every one that may have begun.
"""

import time
from dataclasses import replace

from cfy_cli.contract.json import Json
from cfy_cli.manager.engine.graph import Graph
from cfy_cli.manager.engine.ports import Event, Journal, JournalEntry, Records, StoredGraph, TaskStateChange
from cfy_cli.manager.engine.tasks import DONE, Failure, Operation, SetState, Subgraph, Task, TaskState

PROGRESS_EVERY = 0.25  # seconds

SENTENCES = {
    TaskState.SENDING: ("sending_task", "Sending task"),
    TaskState.STARTED: ("task_started", "{kind} started"),
    TaskState.RESCHEDULED: ("task_rescheduled", "{kind} rescheduled"),
    TaskState.SUCCEEDED: ("task_succeeded", "{kind} succeeded"),
    TaskState.FAILED: ("task_failed", "{kind} failed"),
}


class TaskStates:
    """Of one execution: one graph after another. Called by one thread at a time."""

    def __init__(self, records: Records, journal: Journal, *, dry_run: bool = False) -> None:
        self.dry_run = dry_run
        self._records, self._journal = records, journal
        self._key = ""
        self._moved: dict[str, TaskStateChange] = {}
        self._waiting: list[JournalEntry] = []
        self._total = 0
        self._finished = 0
        self._told = 0.0
        self._all = [self]  # those of the execution, each of graphs that run at the same time

    def beside(self) -> "TaskStates":
        """Another one of the same execution, for a graph that runs at the same time as others do."""
        other = TaskStates(self._records, self._journal, dry_run=self.dry_run)
        self._all.append(other)
        other._all = self._all
        return other

    def open(self, graph: Graph, kept: StoredGraph | None = None) -> None:
        """Take up the tasks of a graph that is about to run or, when it is a kept one, to go on."""
        self._key = kept.key if kept else self._journal.add_graph(graph)
        self._moved = dict(kept.states) if kept else {}
        repeated = sum(moved.attempt for moved in self._moved.values())
        self._total += len(graph.tasks) + repeated
        self._finished += sum(moved.state in DONE for moved in self._moved.values()) + repeated

    def found(self, task: Task) -> TaskStateChange:
        """How a task stands; of a pending one, the attempt to come."""
        return self._moved.get(task.id) or TaskStateChange(task.id, TaskState.PENDING)

    def is_done(self, task: Task) -> bool:
        return self.found(task).state in DONE

    def has_failed(self, task: Task) -> bool:
        """So that others must not go on."""
        found = self.found(task)
        careless = isinstance(task.action, Operation) and task.action.ignore_failure
        ignored = found.failure is not None and found.failure.ignored
        return found.state is TaskState.FAILED and not careless and not ignored

    def move(
        self,
        task: Task,
        state: TaskState,
        *,
        attempt: int = 0,
        result: Json = None,
        failure: Failure | None = None,
        again: bool = False,
        told: bool = False,
    ) -> None:
        """Note the new state of an attempt; `again` says that another will follow, `told` that `say` told it."""
        self._finished += state in DONE or state is TaskState.RESCHEDULED
        self._total += again
        if again:
            moved = TaskStateChange(task.id, TaskState.PENDING, attempt + 1, failure=failure)
        else:
            final = TaskState.FAILED if state is TaskState.RESCHEDULED else state
            moved = TaskStateChange(task.id, final, attempt, result, failure)
        self._moved[task.id] = moved
        self._waiting.append(moved)
        if not told:
            self.say(task, state, attempt, result, failure)

    def reopen(self, task: Task) -> None:
        """What was done is to be decided once more."""
        self._finished -= 1
        self._amend(replace(self.found(task), state=TaskState.STARTED))

    def forgive(self, task: Task) -> None:
        """What failed in what the workflow goes on without has failed nothing: no later run brings it up."""
        found = self.found(task)
        if found.state is TaskState.FAILED and not (found.failure and found.failure.ignored):
            failure = found.failure or Failure("NonRecoverableError", "Something in it has failed", recoverable=False)
            self._amend(replace(found, failure=replace(failure, ignored=True)))

    def say(self, task: Task, state: TaskState, attempt: int, result: Json, failure: Failure | None) -> None:
        """Write the history of a state without entering it."""
        if isinstance(task.action, Operation | Subgraph):
            self._tell(task.action, state, attempt, result, failure)

    def apply_state(self, step: SetState) -> None:
        """Note that an instance enters a state."""
        self._waiting.append(step)

    def tell(self, event: Event) -> None:
        self._waiting.append(event)

    def store(self) -> None:
        """Return when all that was noted is stored."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self._journal.store(self._key, waiting)

    def mark(self, task: Task) -> str:
        return self._journal.operation_id(self._key, task.id)

    def show_progress(self, *, at_once: bool = False) -> None:
        if self.dry_run or (not at_once and time.monotonic() < self._told + PROGRESS_EVERY):
            return
        self._told = time.monotonic()
        ledgers = list(self._all)
        self._records.report_progress(sum(each._total for each in ledgers), sum(each._finished for each in ledgers))

    def _amend(self, moved: TaskStateChange) -> None:
        self._moved[moved.task_id] = moved
        self._waiting.append(moved)

    def _tell(
        self, action: Operation | Subgraph, state: TaskState, attempt: int, result: Json, failure: Failure | None
    ) -> None:
        event_type, sentence = SENTENCES[state]
        subgraph = isinstance(action, Subgraph)
        name = action.name if isinstance(action, Subgraph) else action.function
        message = f"{sentence.format(kind='Subgraph' if subgraph else 'Task')} '{name}'"
        if result is not None:
            message += f" - {result}"
        if failure is not None:
            message += f" -> {failure.message}"
        if self.dry_run:
            message += " (dry run)"
        if isinstance(action, Subgraph):
            self.tell(Event("cloudify_event", message, event_type))
            return
        if action.quiet:
            return
        if attempt:
            most = f"/{action.max_retries}" if attempt <= action.max_retries else ""  # some are asked on and on
            message += f" [retry {attempt}{most}]"
        self.tell(
            Event(
                "cloudify_event",
                message,
                event_type,
                operation=action.name,
                error_causes=[failure.cause()] if failure is not None else None,
                node_instance_id=action.instance_id or None,
                node_name=action.node_id or None,
                source_id=action.source_id,
                target_id=action.target_id,
            )
        )
