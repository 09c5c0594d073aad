"""Graphs of tasks and the drawing of them: sequences, forks, subgraphs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cfy_cli.manager.engine.tasks import Barrier, Subgraph, Task, Work


@dataclass(frozen=True, slots=True)
class Graph:
    name: str
    tasks: Mapping[str, Task]


@dataclass(slots=True)
class _Draft:
    work: Work
    part_of: str | None
    after: set[str] = field(default_factory=set)


class Drawing:
    """A graph being drawn."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._drafts: dict[str, _Draft] = {}

    def subgraph(self, name: str) -> "Sequence":
        self.put(name, Subgraph(name), None)
        return Sequence(self, name)

    def knot(self, name: str) -> "Sequence":
        """A place in the order where nothing is done."""
        return self.alone(name, Barrier())

    def alone(self, name: str, work: Work) -> "Sequence":
        """A step that is in no subgraph."""
        self.put(name, work, None)
        return Sequence(self, name)

    def wait(self, task: str, after: Iterable[str]) -> None:
        """Let `task` begin only when each of `after` has ended."""
        self._drafts[task].after.update(after)

    def graph(self) -> Graph:
        tasks = {
            name: Task(name, draft.work, frozenset(draft.after), draft.part_of) for name, draft in self._drafts.items()
        }
        return Graph(self.name, tasks)

    def put(self, task: str, work: Work, part_of: str | None, after: Iterable[str] = ()) -> None:
        if task in self._drafts:
            raise ValueError(f"two tasks are called {task}")
        self._drafts[task] = _Draft(work, part_of, set(after))


class Sequence:
    """The steps of a subgraph, one after the other."""

    def __init__(self, drawing: Drawing, name: str) -> None:
        self.id = name
        self.last: frozenset[str] = frozenset()  # what the next step waits for
        self._drawing = drawing
        self._count = 0

    def add(self, *steps: Work) -> None:
        for step in steps:
            self.fork(step)

    def fork(self, *steps: Work) -> None:
        """All at once; the next step waits for all of them."""
        if steps:
            self.last = frozenset(self._step(step) for step in steps)

    def subgraph(self, name: str) -> "Sequence":
        """A step that has steps of its own."""
        step = self._step(Subgraph(name))
        self.last = frozenset({step})
        return Sequence(self._drawing, step)

    def _step(self, work: Work) -> str:
        self._count += 1
        step = f"{self.id}/{self._count}"
        self._drawing.put(step, work, self.id, self.last)
        return step
