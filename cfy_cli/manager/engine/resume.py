"""What earlier runs of an execution left behind: graphs to go on with, and processes that may still run."""

import time
from collections.abc import Callable
from dataclasses import replace

from cfy_cli.manager.engine import orphans
from cfy_cli.manager.engine.graph import Graph
from cfy_cli.manager.engine.ports import CancelRequest, Journal, ProcessIdentity, StoredGraph, TaskStateChange
from cfy_cli.manager.engine.tasks import DONE, Operation, Subgraph, TaskState

LAST_WORDS = 1.0  # seconds that an operation whose process has ended has to be told of
LOOK_EVERY = 0.1
CLEANUP = "resume_cleanup"  # the name of graphs that no workflow draws
FUNCTION = "workflow function"  # and of those that stand for the process of a workflow


class ResumeState:
    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._look()

    @property
    def latest(self) -> StoredGraph | None:
        """The graph at which the last run stopped."""
        return self._kept[-1] if self._kept else None

    @property
    def cleanup(self) -> StoredGraph | None:
        """What the last resumed run did first, when something of it is left to do."""
        last = self._cleanups[-1] if self._cleanups else None
        left = last is not None and any(_state(last, task) not in DONE for task in last.graph.tasks)
        return last if left else None

    def settle(self, cancel_request: Callable[[], CancelRequest]) -> None:
        """Leave nothing running. What is `started` has somebody who still waits for it, so it is waited for;
        what is to be run again must not run twice at a time, so what is left of it is ended."""
        heard = time.monotonic()
        while cancel_request() is CancelRequest.NONE and (started := self._processes(TaskState.STARTED)):
            if any(orphans.is_alive(*process) for process in started):
                heard = time.monotonic()
            elif time.monotonic() > heard + LAST_WORDS:
                break
            time.sleep(LOOK_EVERY)
            self._look()
        orphans.end(self._processes(TaskState.PENDING, TaskState.STARTED), self._marks())

    def retry_failed(self, *, everywhere: bool = False) -> None:
        """Let what failed in the latest graph, or in all, be pending again, with all its attempts before it."""
        for kept in self._kept if everywhere else self._kept[-1:]:
            self._retry_failed(kept)

    def _retry_failed(self, kept: StoredGraph) -> None:
        again = [
            _again(kept, moved)
            for moved in kept.states.values()
            if moved.state is TaskState.FAILED and not _ignored(kept, moved)
        ]
        kept.states.update({moved.task_id: moved for moved in again})
        self._journal.store(kept.key, again)

    def take(self, name: str, like: Graph | None = None) -> StoredGraph | None:
        """The first graph of this name, and of the same tasks as another, that was not taken yet."""
        for number, kept in enumerate(self._kept):
            if kept.graph.name == name and (like is None or kept.graph.tasks == like.tasks):
                return self._kept.pop(number)
        return None

    def _look(self) -> None:
        kept = self._journal.stored_graphs()
        self._kept = [one for one in kept if one.graph.name not in (CLEANUP, FUNCTION)]
        self._functions = [one for one in kept if one.graph.name == FUNCTION]
        self._cleanups = [one for one in kept if one.graph.name == CLEANUP]

    @property
    def _all(self) -> list[StoredGraph]:
        return self._kept + self._cleanups + self._functions

    def _processes(self, *states: TaskState) -> list[ProcessIdentity]:
        return [
            process
            for kept in self._all
            for task_id, process in kept.processes.items()
            if _state(kept, task_id) in states
        ]

    def _marks(self) -> list[str]:
        return [
            self._journal.operation_id(kept.key, task.id)
            for kept in self._all
            for task in kept.graph.tasks.values()
            if isinstance(task.action, Operation) and _state(kept, task.id) not in DONE
        ]


def _state(kept: StoredGraph, task_id: str) -> TaskState:
    moved = kept.states.get(task_id)
    return moved.state if moved else TaskState.PENDING


def _ignored(kept: StoredGraph, moved: TaskStateChange) -> bool:
    action = kept.graph.tasks[moved.task_id].action
    ignored = moved.failure is not None and moved.failure.ignored
    return ignored or (isinstance(action, Operation) and action.ignore_failure)


def _again(kept: StoredGraph, moved: TaskStateChange) -> TaskStateChange:
    """In the place of a subgraph that was tried again something else runs: that is tried again, not what is in it."""
    if isinstance(kept.graph.tasks[moved.task_id].action, Subgraph):
        return replace(moved, state=TaskState.PENDING)
    return TaskStateChange(moved.task_id, TaskState.PENDING)
