"""State that earlier runs of an execution left: graphs to resume, and processes that may still run."""

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace

from cfy_cli.manager.engine import orphans
from cfy_cli.manager.engine.ports import CancelRequest, Journal, ProcessIdentity, StoredGraph, TaskStateChange
from cfy_cli.manager.engine.tasks import DONE, Operation, Subgraph, TaskState

REPORT_TIMEOUT = 1.0  # seconds that a worker has to store the outcome of an operation whose process has ended
POLL_INTERVAL = 0.1  # seconds
CLEANUP = "resume_cleanup"  # the name of graphs that undo half done steps before a resume
FUNCTION = "workflow function"  # the name of graphs that stand for the process of a workflow


class ResumeState:
    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._load()

    @property
    def latest(self) -> StoredGraph | None:
        """The graph at which the last run stopped."""
        return self._graphs[-1] if self._graphs else None

    @property
    def cleanup(self) -> StoredGraph | None:
        """The cleanup of the last resume, if it is not done."""
        last = self._cleanups[-1] if self._cleanups else None
        unfinished = last is not None and any(_state(last, task) not in DONE for task in last.graph.tasks)
        return last if unfinished else None

    def stop_operations(
        self,
        cancel_request: Callable[[], CancelRequest],
        recall: Callable[[Collection[str]], Collection[str]] = lambda _: (),
    ) -> None:
        """Wait for the operations that earlier runs left running, and kill those that will be run again.

        A `started` operation has a worker that still waits for its end, unless that worker died. `recall` returns those
        of the operations that may have begun which go on elsewhere.
        """
        alive_at = time.monotonic()
        while cancel_request() is CancelRequest.NONE and (started := self._processes(TaskState.STARTED)):
            if any(map(orphans.is_alive, started)):
                alive_at = time.monotonic()
            elif time.monotonic() > alive_at + REPORT_TIMEOUT:
                break
            time.sleep(POLL_INTERVAL)
            self._load()
        begun = self._operation_ids(TaskState.SENDING, TaskState.STARTED)
        elsewhere = recall(begun) if begun else ()
        killed = [each for each in self._operation_ids(*TaskState) if each not in elsewhere]
        orphans.kill(self._processes(TaskState.PENDING, TaskState.STARTED), killed)

    def retry_failed(self, *, all_graphs: bool = False) -> None:
        """Set the failed tasks of the latest graph, or of all graphs, to pending with all their attempts again."""
        for stored in self._failed_for_good() if all_graphs else self._graphs[-1:]:
            retried = [
                _retried(stored, change) for change in stored.states.values() if _counts_as_failed(stored, change)
            ]
            stored.states.update({change.task_id: change for change in retried})
            self._journal.store(stored.key, retried)

    @property
    def graphs(self) -> list[StoredGraph]:
        """The graphs in the order in which they were added, without those that `take` has removed."""
        return list(self._graphs)

    def take(self, name: str) -> StoredGraph | None:
        """Remove and return the first graph of this name."""
        for position, stored in enumerate(self._graphs):
            if stored.graph.name == name:
                return self._graphs.pop(position)
        return None

    def _failed_for_good(self) -> Iterator[StoredGraph]:
        """Yield the graphs whose failures the workflow has not overcome by a later graph."""
        for number, stored in enumerate(self._graphs, 1):
            if not any(_overcomes(later, stored) for later in self._graphs[number:]):
                yield stored

    def _load(self) -> None:
        self._all = self._journal.stored_graphs()
        self._graphs = [stored for stored in self._all if stored.graph.name not in (CLEANUP, FUNCTION)]
        self._cleanups = [stored for stored in self._all if stored.graph.name == CLEANUP]

    def _processes(self, *states: TaskState) -> list[ProcessIdentity]:
        return [
            process
            for stored in self._all
            for task_id, process in stored.processes.items()
            if _state(stored, task_id) in states
        ]

    def _operation_ids(self, *states: TaskState) -> list[str]:
        return [
            self._journal.operation_id(stored.key, task.id)
            for stored in self._all
            for task in stored.graph.tasks.values()
            if isinstance(task.action, Operation) and (state := _state(stored, task.id)) in states and state not in DONE
        ]


def _state(stored: StoredGraph, task_id: str) -> TaskState:
    change = stored.states.get(task_id)
    return change.state if change else TaskState.PENDING


def _is_ignored(stored: StoredGraph, change: TaskStateChange) -> bool:
    action = stored.graph.tasks[change.task_id].action
    ignored = change.failure is not None and change.failure.ignored
    return ignored or (isinstance(action, Operation) and action.ignore_failure)


def _overcomes(later: StoredGraph, stored: StoredGraph) -> bool:
    """Return whether a graph follows another in the same part of a workflow, or is the same request and succeeded."""
    before, after = stored.graph.request, later.graph.request
    if before is None or after is None or before.description != after.description:
        return False
    if before == after and before.position is not None:
        return True
    return has_succeeded(later)


def has_succeeded(stored: StoredGraph) -> bool:
    """Return whether all tasks of a graph have ended, without a failure that counts."""
    changes = [stored.states.get(task) for task in stored.graph.tasks]
    return all(change and change.state in DONE and not _counts_as_failed(stored, change) for change in changes)


def _counts_as_failed(stored: StoredGraph, change: TaskStateChange) -> bool:
    return change.state is TaskState.FAILED and not _is_ignored(stored, change)


def _retried(stored: StoredGraph, change: TaskStateChange) -> TaskStateChange:
    """Return the pending state of a failed task.

    A subgraph keeps its attempt: if a graph replaced it, that graph is retried and not the tasks of the subgraph.
    """
    if isinstance(stored.graph.tasks[change.task_id].action, Subgraph):
        return replace(change, state=TaskState.PENDING)
    return TaskStateChange(change.task_id, TaskState.PENDING)
