"""A journal in memory that can crash at any store, as a worker can."""

import copy
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from cfy_cli.manager.engine import values
from cfy_cli.manager.engine.graph import Graph
from cfy_cli.manager.engine.journal import NullJournal
from cfy_cli.manager.engine.ports import JournalEntry, ProcessIdentity, Records, StoredGraph, TaskStateChange
from cfy_cli.manager.engine.tasks import DONE, Operation, Task, TaskState


class Crash(BaseException):
    """The worker is killed."""


class MemoryJournal(NullJournal):
    """Keeps its graphs after a crash; `crash_at` is the number of the store that crashes, before or after storing.

    Executors add processes in threads of their own, so every access takes the lock.
    """

    def __init__(self, records: Records) -> None:
        super().__init__(records)
        self.graphs: list[StoredGraph] = []
        self.stores = 0
        self.crash_at: float = float("inf")
        self.crash_after = False
        self._lock = threading.RLock()

    def stored_graphs(self) -> list[StoredGraph]:
        with self._lock:
            return copy.deepcopy(self.graphs)

    def add_graph(self, graph: Graph) -> str:
        key = uuid.uuid4().hex  # operation ids are searched among all processes of the machine
        tasks = {name: _copy(task) for name, task in graph.tasks.items()}
        with self.step(), self._lock:
            self.graphs.append(StoredGraph(key, Graph(graph.name, tasks, graph.request), {}, {}))
        return key

    def store(self, key: str, entries: Sequence[JournalEntry], *, ahead: bool = False) -> None:
        with self.step():
            with self._lock:
                states = self._graph(key).states
                states.update({entry.task_id: entry for entry in entries if isinstance(entry, TaskStateChange)})
            super().store(key, entries)

    def operation_id(self, key: str, task_id: str) -> str:
        return f"{key}|{task_id}"

    def add_process(self, operation_id: str, process: ProcessIdentity) -> None:
        key, _, task_id = operation_id.partition("|")
        with self._lock:
            self._graph(key).processes[task_id] = process

    def rewind(self) -> None:
        """Let operations that may have started run again, as the manager does when their worker is gone."""
        with self._lock:
            for stored in self.graphs:
                for name, change in stored.states.items():
                    in_flight = change.state not in (*DONE, TaskState.PENDING)
                    if in_flight and isinstance(stored.graph.tasks[name].action, Operation):
                        stored.states[name] = TaskStateChange(name, TaskState.PENDING, change.attempt)

    def states(self, graph: str) -> dict[str, TaskState]:
        [stored] = [stored for stored in self.stored_graphs() if stored.graph.name == graph]
        return {
            name: stored.states[name].state if name in stored.states else TaskState.PENDING
            for name in stored.graph.tasks
        }

    def _graph(self, key: str) -> StoredGraph:
        return next(stored for stored in self.graphs if stored.key == key)

    @contextmanager
    def step(self) -> Iterator[None]:
        """Store something, all or nothing, and crash if this is the store to crash at."""
        self.stores += 1
        crashes = self.stores == self.crash_at
        if crashes and not self.crash_after:
            raise Crash
        yield
        if crashes:
            raise Crash


def _copy(task: Task) -> Task:
    """Copy a task by way of JSON, as every store does."""
    action = values.from_json(values.KINDS[type(task.action)], values.to_json(task.action))
    assert action == task.action
    return Task(task.id, action, task.depends_on, task.subgraph_id)
