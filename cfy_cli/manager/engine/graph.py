"""Graphs of tasks, and builders for sequences, parallel steps and subgraphs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cfy_cli.manager.engine.tasks import Action, Barrier, Subgraph, Task


@dataclass(frozen=True, slots=True)
class Request:
    """The request of a workflow in Python that a graph answers; a resumed workflow finds the graph by it."""

    description: str
    position: float | None = None  # among the requests of the workflow that have an order


@dataclass(frozen=True, slots=True)
class Graph:
    name: str
    tasks: Mapping[str, Task]
    request: Request | None = None


@dataclass(slots=True)
class _Draft:
    action: Action
    subgraph_id: str | None
    depends_on: set[str] = field(default_factory=set)


class GraphBuilder:
    """Collects tasks and dependencies; `build` returns the graph."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._drafts: dict[str, _Draft] = {}

    def add_subgraph(self, name: str) -> "SequenceBuilder":
        return self.add_task(name, Subgraph(name))

    def add_barrier(self, name: str) -> "SequenceBuilder":
        """Add a task without action, so that others can depend on it."""
        return self.add_task(name, Barrier())

    def add_task(self, name: str, action: Action) -> "SequenceBuilder":
        """Add a task that is in no subgraph."""
        self.put(name, action, None)
        return SequenceBuilder(self, name)

    def add_dependencies(self, task: str, depends_on: Iterable[str]) -> None:
        """Let `task` start only when each of `depends_on` has ended."""
        self._drafts[task].depends_on.update(depends_on)

    def build(self) -> Graph:
        tasks = {
            name: Task(name, draft.action, frozenset(draft.depends_on), draft.subgraph_id)
            for name, draft in self._drafts.items()
        }
        return Graph(self.name, tasks)

    def put(self, task: str, action: Action, subgraph_id: str | None, depends_on: Iterable[str] = ()) -> None:
        """Add a task, in a subgraph or in none. Raises ValueError when the name is taken."""
        if task in self._drafts:
            raise ValueError(f"two tasks are called {task}")
        self._drafts[task] = _Draft(action, subgraph_id, set(depends_on))


class SequenceBuilder:
    """Adds the steps of a subgraph, one after the other."""

    def __init__(self, builder: GraphBuilder, name: str) -> None:
        self.id = name
        self.last: frozenset[str] = frozenset()  # the tasks that the next step depends on
        self._builder = builder
        self._count = 0

    def add(self, *steps: Action) -> None:
        for step in steps:
            self.add_parallel(step)

    def add_parallel(self, *steps: Action) -> None:
        """Add steps that run at the same time; the next step depends on all of them."""
        if steps:
            self.last = frozenset(self._step(step) for step in steps)

    def add_subgraph(self, name: str) -> "SequenceBuilder":
        """Add a step that has steps of its own."""
        step = self._step(Subgraph(name))
        self.last = frozenset({step})
        return SequenceBuilder(self._builder, step)

    def _step(self, action: Action) -> str:
        self._count += 1
        step = f"{self.id}/{self._count}"
        self._builder.put(step, action, self.id, self.last)
        return step
