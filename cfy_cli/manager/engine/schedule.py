"""Order of the tasks of a graph."""

from collections import deque

from cfy_cli.manager.engine.graph import Graph
from cfy_cli.manager.engine.tasks import Subgraph


class Schedule:
    """Gives out tasks whose dependencies have succeeded; subgraphs move to `closing` when their last member ends.

    Dependents of a failed task never start, and its subgraph starts no more members; all other tasks run.
    """

    def __init__(self, graph: Graph) -> None:
        self.ready: deque[str] = deque()
        self.closing: deque[str] = deque()
        self.remaining = len(graph.tasks)  # tasks that have not succeeded
        self._tasks = graph.tasks
        self._first_failures: dict[str, str] = {}  # by subgraph: the member that failed first
        self._members: dict[str, list[str]] = {}
        self._succeeded: set[str] = set()
        self._unfinished: dict[str, int] = {}  # by subgraph: the number of members that have not ended
        self._running: dict[str, int] = {}  # by subgraph: the number of these that have started
        self._dependents: dict[str, list[str]] = {}
        self._blockers: dict[str, int] = {}  # by task: dependencies and subgraphs that it waits for
        for name, task in graph.tasks.items():
            self._blockers[name] = len(task.depends_on) + (task.subgraph_id is not None)
            for dependency in task.depends_on:
                self._dependents.setdefault(dependency, []).append(name)
            if task.subgraph_id is not None:
                self._members.setdefault(task.subgraph_id, []).append(name)
            if not self._blockers[name]:
                self.ready.append(name)
        for name, members in self._members.items():
            self._unfinished[name], self._running[name] = len(members), 0

    def take(self) -> str | None:
        """Return the next task to start, which counts as started from then on, or None."""
        while self.ready:
            name = self.ready.popleft()
            subgraph = self._tasks[name].subgraph_id
            if subgraph in self._first_failures:
                continue
            if subgraph is not None:
                self._running[subgraph] += 1
            return name
        return None

    def open_subgraph(self, subgraph: str) -> None:
        """Let the members of a subgraph start."""
        for member in self._members.get(subgraph, ()):
            self._release(member)
        if not self._unfinished.get(subgraph):
            self.closing.append(subgraph)

    def has_failed_member(self, subgraph: str) -> bool:
        return subgraph in self._first_failures

    def mark_ended(self, name: str, *, ok: bool) -> None:
        if ok:
            self._succeeded.add(name)
            self.remaining -= 1
            for dependent in self._dependents.get(name, ()):
                self._release(dependent)
        subgraph = self._tasks[name].subgraph_id
        if subgraph is None:
            return
        self._unfinished[subgraph] -= 1
        self._running[subgraph] -= 1
        if not ok:
            self._first_failures.setdefault(subgraph, name)
        if not self._unfinished[subgraph] or (subgraph in self._first_failures and not self._running[subgraph]):
            self.closing.append(subgraph)

    def failure_path(self, subgraph: str) -> list[str]:
        """Return the path to the first failure: a member of the subgraph, a member of that one, and so on."""
        path: list[str] = []
        while (member := self._first_failures.get(path[-1] if path else subgraph)) is not None:
            path.append(member)
        return path

    def unsuccessful(self, subgraph: str) -> list[str]:
        """Return the tasks in a subgraph, at any depth, that failed or never started."""
        members = [member for member in self._members.get(subgraph, ()) if member not in self._succeeded]
        return members + [inner for member in members for inner in self.unsuccessful(member)]

    def skip_unsuccessful(self, subgraph: str) -> None:
        """Release the dependents of the unsuccessful tasks of a subgraph, as the workflow continues without them."""
        for name in self.unsuccessful(subgraph):
            self.remaining -= 1
            for dependent in self._dependents.get(name, ()):
                self._release(dependent)

    def blocked_subgraphs(self) -> list[str]:
        """Return the subgraphs that wait for each other, once nothing is left to run."""
        return [
            name for name, task in self._tasks.items() if isinstance(task.action, Subgraph) and self._blockers[name] > 0
        ]

    def _release(self, name: str) -> None:
        self._blockers[name] -= 1
        if not self._blockers[name]:
            self.ready.append(name)
