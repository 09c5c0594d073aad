"""Which tasks of a graph may begin: order, and nothing else."""

from collections import deque

from cfy_cli.manager.engine.graph import Graph
from cfy_cli.manager.engine.tasks import Subgraph


class Schedule:
    """Take from `ready`, say when each begins and ends; a subgraph lands in `closing` when its last member ends.

    What waits for a failed task never begins, and its subgraph begins nothing more; everything else goes on.
    """

    def __init__(self, graph: Graph) -> None:
        self.ready: deque[str] = deque()
        self.closing: deque[str] = deque()
        self.unfinished = len(graph.tasks)  # what has not ended well
        self._tasks = graph.tasks
        self._doomed: dict[str, str] = {}  # subgraphs, and the member of each that failed first
        self._members: dict[str, list[str]] = {}
        self._well: set[str] = set()  # what has ended so
        self._left: dict[str, int] = {}  # members of a subgraph that have not ended
        self._flying: dict[str, int] = {}  # of these, the ones that have begun
        self._followers: dict[str, list[str]] = {}
        self._waits: dict[str, int] = {}
        for name, task in graph.tasks.items():
            self._waits[name] = len(task.depends_on) + (task.subgraph_id is not None)
            for before in task.depends_on:
                self._followers.setdefault(before, []).append(name)
            if task.subgraph_id is not None:
                self._members.setdefault(task.subgraph_id, []).append(name)
            if not self._waits[name]:
                self.ready.append(name)
        for name, members in self._members.items():
            self._left[name], self._flying[name] = len(members), 0

    def take(self) -> str | None:
        """The next task that may begin; it has begun when this returns."""
        while self.ready:
            name = self.ready.popleft()
            holder = self._tasks[name].subgraph_id
            if holder in self._doomed:
                continue
            if holder is not None:
                self._flying[holder] += 1
            return name
        return None

    def opened(self, subgraph: str) -> None:
        """Let the members of a subgraph begin."""
        for member in self._members.get(subgraph, ()):
            self._release(member)
        if not self._left.get(subgraph):
            self.closing.append(subgraph)

    def failed(self, subgraph: str) -> bool:
        """Whether a member of it has failed."""
        return subgraph in self._doomed

    def ended(self, name: str, *, ok: bool) -> None:
        if ok:
            self._well.add(name)
            self.unfinished -= 1
            for follower in self._followers.get(name, ()):
                self._release(follower)
        holder = self._tasks[name].subgraph_id
        if holder is None:
            return
        self._left[holder] -= 1
        self._flying[holder] -= 1
        if not ok:
            self._doomed.setdefault(holder, name)
        if not self._left[holder] or (holder in self._doomed and not self._flying[holder]):
            self.closing.append(holder)

    def way(self, subgraph: str) -> list[str]:
        """From a subgraph to what failed in it first: a member of it, a member of that ..."""
        found: list[str] = []
        while (member := self._doomed.get(found[-1] if found else subgraph)) is not None:
            found.append(member)
        return found

    def left(self, subgraph: str) -> list[str]:
        """What has failed in a subgraph, however deep, and what never began because of that."""
        members = [member for member in self._members.get(subgraph, ()) if member not in self._well]
        return members + [inside for member in members for inside in self.left(member)]

    def forget(self, subgraph: str) -> None:
        """Let nobody wait for what is left of it: the workflow goes on without."""
        for name in self.left(subgraph):
            self.unfinished -= 1
            for follower in self._followers.get(name, ()):
                self._release(follower)

    def stuck(self) -> list[str]:
        """Subgraphs that wait for each other: what is left when all that could run has run."""
        return [
            name for name, task in self._tasks.items() if isinstance(task.action, Subgraph) and self._waits[name] > 0
        ]

    def _release(self, name: str) -> None:
        self._waits[name] -= 1
        if not self._waits[name]:
            self.ready.append(name)
