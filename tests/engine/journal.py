"""A journal in memory that can die at any moment, as a process can."""

import copy
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from cfy_cli.manager.engine import values
from cfy_cli.manager.engine.graph import Graph
from cfy_cli.manager.engine.journal import NoJournal
from cfy_cli.manager.engine.ports import Entry, Kept, Moved, Records
from cfy_cli.manager.engine.tasks import DONE, Operation, Task, TaskState


class Died(BaseException):
    """The worker is gone."""


class MemoryJournal(NoJournal):
    """What is in it stays; `die_at` is the number of the store at which it ends, before or after storing."""

    def __init__(self, records: Records) -> None:
        super().__init__(records)
        self.graphs: list[Kept] = []
        self.stores = 0
        self.die_at: float = float("inf")
        self.die_after = False

    def kept(self) -> list[Kept]:
        return copy.deepcopy(self.graphs)

    def begin(self, graph: Graph) -> str:
        key = uuid.uuid4().hex  # marks are looked for among all processes of the machine
        with self.step():
            self.graphs.append(Kept(key, Graph(graph.name, {n: _copied(t) for n, t in graph.tasks.items()}), {}, {}))
        return key

    def store(self, key: str, entries: Sequence[Entry]) -> None:
        with self.step():
            moved = self._graph(key).moved
            moved.update({entry.task_id: entry for entry in entries if isinstance(entry, Moved)})
            super().store(key, entries)

    def mark(self, key: str, task_id: str) -> str:
        return f"{key}|{task_id}"

    def started(self, mark: str, pid: int, birth: str) -> None:
        key, _, task_id = mark.partition("|")
        self._graph(key).processes[task_id] = (pid, birth)

    def rewind(self) -> None:
        """As the manager does for what may have begun when its worker is gone."""
        for kept in self.graphs:
            for name, moved in kept.moved.items():
                in_flight = moved.state not in (*DONE, TaskState.PENDING)
                if in_flight and isinstance(kept.graph.tasks[name].work, Operation):
                    kept.moved[name] = Moved(name, TaskState.PENDING, moved.attempt)

    def states(self, graph: str) -> dict[str, TaskState]:
        [kept] = [kept for kept in self.graphs if kept.graph.name == graph]
        return {name: kept.moved[name].state if name in kept.moved else TaskState.PENDING for name in kept.graph.tasks}

    def _graph(self, key: str) -> Kept:
        return next(kept for kept in self.graphs if kept.key == key)

    @contextmanager
    def step(self) -> Iterator[None]:
        """Something is stored, all or nothing: the moment to die, if it is this one."""
        self.stores += 1
        dies = self.stores == self.die_at
        if dies and not self.die_after:
            raise Died
        yield
        if dies:
            raise Died


def _copied(task: Task) -> Task:
    """By way of JSON, as every store does it."""
    work = values.from_json(values.KINDS[type(task.work)], values.to_json(task.work))
    assert work == task.work
    return Task(task.id, work, task.after, task.part_of)
