"""Graphs of tasks: drawn here, run by the manager."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from typing import Any

from .tasks import (
    INFINITE_TOTAL_RETRIES,
    TASK_FAILED,
    TASK_PENDING,
    TASK_SUCCEEDED,
    HandlerResult,
    WorkflowTask,
)

Json = Any

LIGHT = ("knot", "note", "state")  # the manager does them unasked, unless a handler wants to know


class forkjoin:  # noqa: N801 - so it is called everywhere
    """Tasks of a sequence that run at the same time."""

    def __init__(self, *tasks: WorkflowTask) -> None:
        self.tasks = tasks


class TaskDependencyGraph:
    """`execute` runs what is in it; what has ended well is taken out."""

    def __init__(
        self,
        workflow_context: Any,
        graph_id: str | None = None,
        default_subgraph_task_config: dict[str, Json] | None = None,
        **_more: Any,
    ) -> None:
        self.ctx, self.id = workflow_context, graph_id
        self.subgraph_config = default_subgraph_task_config or {}
        self.name: str | None = None  # by which it is found again when the workflow is resumed
        self._tasks: dict[str, WorkflowTask] = {}
        self._dependencies: defaultdict[WorkflowTask, set[WorkflowTask]] = defaultdict(set)
        self._dependents: defaultdict[WorkflowTask, set[WorkflowTask]] = defaultdict(set)
        self._sent: set[WorkflowTask] = set()

    @property
    def tasks(self) -> list[WorkflowTask]:
        return list(self._tasks.values())

    def tasks_iter(self) -> Iterator[WorkflowTask]:
        return iter(self.tasks)

    def add_task(self, task: WorkflowTask) -> None:
        self._tasks[task.id] = task

    def get_task(self, task_id: str) -> WorkflowTask | None:
        return self._tasks.get(task_id)

    def remove_task(self, task: WorkflowTask) -> None:
        if isinstance(task, SubgraphTask):
            for inside in list(task.tasks.values()):
                self.remove_task(inside)
        if self._tasks.pop(task.id, None) is None:
            return
        for dependent in self._dependents.pop(task, set()):
            self._dependencies[dependent].discard(task)
        for dependency in self._dependencies.pop(task, set()):
            self._dependents[dependency].discard(task)
        holder = task.containing_subgraph
        if holder is not None and task.id in holder.tasks:
            # Another dictionary: handlers remove the members of a subgraph while they go through them.
            holder.tasks = {key: one for key, one in holder.tasks.items() if key != task.id}

    def add_dependency(self, src_task: WorkflowTask, dst_task: WorkflowTask) -> None:
        """Let `src_task` begin when `dst_task` has ended."""
        for what, task in (("src", src_task), ("dst", dst_task)):
            if task.id not in self._tasks:
                raise RuntimeError(f"{what} not in graph: {task!r}")
        if src_task != dst_task:
            self._dependencies[src_task].add(dst_task)
            self._dependents[dst_task].add(src_task)

    def remove_dependency(self, src_task: WorkflowTask, dst_task: WorkflowTask) -> None:
        self._dependencies[src_task].discard(dst_task)
        self._dependents[dst_task].discard(src_task)

    def sequence(self) -> "TaskSequence":
        return TaskSequence(self)

    def subgraph(self, name: str) -> "SubgraphTask":
        task = SubgraphTask(self, info={"name": name}, **self.subgraph_config)
        self.add_task(task)
        return task

    def store(self, name: str, optimize: bool = True) -> None:
        """Give it a name, by which it is found again when the workflow is resumed."""
        self.name = name

    def optimize(self) -> None:
        """Nothing is gained: steps that do nothing cost nothing."""

    def linearize(self) -> list[WorkflowTask]:
        """The tasks, each after those it depends on."""
        ordered: list[WorkflowTask] = []
        left = {task: set(self._dependencies[task]) for task in self.tasks}
        while ready := [task for task, before in left.items() if not before]:
            ordered += ready
            left = {task: before.difference(ready) for task, before in left.items() if task not in ready}
        return ordered

    def execute(self) -> None:
        """Return when all has ended. Raises WorkflowFailed when something failed for good, and ExecutionCancelled."""
        self._run(*self.sent(self.tasks, self.ctx.internal.connection, self.name))

    def sent(
        self, tasks: list[WorkflowTask], connection: Any, name: str | None = None
    ) -> tuple[str, dict[str, WorkflowTask]]:
        """Let the manager run tasks; gives its key of their graph, and their names there."""
        names = {task: str(number) for number, task in enumerate(tasks, 1)}
        described = [self._described(task, names) for task in tasks]
        key: str = connection.ask("graph", name=name, tasks=described)
        self._sent.update(tasks)
        return key, {name: task for task, name in names.items()}

    def not_sent(self, task: WorkflowTask) -> list[WorkflowTask]:
        """A task, what is in it and what these wait for, except what the manager has been told of."""
        found, left = dict[WorkflowTask, None](), [task]
        while left:
            one = left.pop()
            if one not in found and one not in self._sent:
                found[one] = None
                left += [*getattr(one, "tasks", {}).values(), *self._dependencies[one]]
        return [one for one in self.tasks if one in found]

    def _run(self, key: str, tasks: dict[str, WorkflowTask]) -> None:
        try:
            self.ctx.internal.follow(key, tasks)
        finally:
            for task in [one for one in self.tasks if one.get_state() in (TASK_SUCCEEDED, TASK_FAILED)]:
                self.remove_task(task)

    def _described(self, task: WorkflowTask, names: dict[WorkflowTask, str]) -> dict[str, Json]:
        """What it waits for is told by name; that a subgraph's members wait for it is understood."""
        holder = task.containing_subgraph
        before = [names[one] for one in self._dependencies[task] if one in names and one is not holder]
        handlers = [name for name in ("on_success", "on_failure") if getattr(task, name) is not None]
        described = task.described()
        if handlers and described["kind"] in LIGHT:
            described = {"kind": "here", "name": task.name, "max_retries": 0, "retry_interval": None, "quiet": True}
        return {
            **described,
            "id": names[task],
            "after": sorted(before, key=int),
            "part_of": names.get(holder) if holder is not None else None,
            "handled": handlers,
        }


class RestoredGraph(TaskDependencyGraph):
    """One that an earlier run of the workflow has begun: the manager knows what is left of it."""

    def execute(self) -> None:
        self._run(self.ctx.internal.connection.ask("go_on", name=self.name), {})


class TaskSequence:
    """Tasks one after the other; a forkjoin is several at once."""

    def __init__(self, graph: Any) -> None:
        self.graph = graph
        self.last_fork_join_tasks: tuple[WorkflowTask, ...] = ()

    def add(self, *tasks: WorkflowTask | forkjoin | list[WorkflowTask]) -> None:
        for step in tasks:
            if isinstance(step, forkjoin):
                fork = tuple(step.tasks)
            else:
                fork = tuple(step) if isinstance(step, list | tuple) else (step,)
            for task in fork:
                self.graph.add_task(task)
                for before in self.last_fork_join_tasks:
                    self.graph.add_dependency(task, before)
            self.last_fork_join_tasks = fork or self.last_fork_join_tasks


class SubgraphTask(WorkflowTask):
    """Tasks that begin and end together, told of as one; it fails with any of them, unless its handler disagrees."""

    is_subgraph = True

    def __init__(self, graph: Any, info: dict[str, Json] | None = None, total_retries: int = 0, **more: Any) -> None:
        super().__init__(graph.ctx, info=info or {}, total_retries=total_retries, **more)
        self.graph = graph
        self.tasks: dict[str, WorkflowTask] = {}
        self.failed_task: WorkflowTask | None = None
        self.replacing: list[WorkflowTask] = []  # what is to run in its place

    @property
    def name(self) -> str:
        return str(self.info.get("name") or self.id)

    def is_nop(self) -> bool:
        return all(task.is_nop() for task in self.tasks.values())

    def described(self) -> dict[str, Json]:
        return {"kind": "subgraph", "name": self.name}

    def sequence(self) -> TaskSequence:
        return TaskSequence(self)

    def subgraph(self, name: str) -> "SubgraphTask":
        task = SubgraphTask(self.graph, info={"name": name}, **self.graph.subgraph_config)
        self.add_task(task)
        return task

    def add_task(self, task: WorkflowTask) -> None:
        if task.containing_subgraph not in (None, self):
            raise RuntimeError(
                f"{task!r} is in the subgraph {task.containing_subgraph.name} already, it cannot be in {self.name} too"
            )
        self.graph.add_task(task)
        self.tasks[task.id] = task
        task.containing_subgraph = self

    def remove_task(self, task: WorkflowTask) -> None:
        self.graph.remove_task(task)

    def add_dependency(self, src_task: WorkflowTask, dst_task: WorkflowTask) -> None:
        self.graph.add_dependency(src_task, dst_task)

    def has_ended(self, state: str, result: Json, failure: Mapping[str, Json] | None, retries: int) -> None:
        """How often it was tried is counted by its handlers, who draw each try."""
        super().has_ended(state, result, failure, self.current_retries)

    def has_failed_by(self, way: Iterable[WorkflowTask], failure: Mapping[str, Json]) -> None:
        """A member of it has, a member of that ..."""
        holder: WorkflowTask = self
        for member in way:
            member.has_ended(TASK_FAILED, None, failure, member.current_retries)
            if isinstance(holder, SubgraphTask) and holder.failed_task is None:
                holder.failed_task = member
            holder = member

    def has_more_tries(self, verdict: HandlerResult) -> bool:
        endless = self.total_retries == INFINITE_TOTAL_RETRIES or verdict.ignore_total_retries
        return endless or self.current_retries < (self.total_retries or 0)


def make_or_get_graph(function: Callable[..., TaskDependencyGraph]) -> Callable[..., TaskDependencyGraph]:
    """For a function that draws a graph: a resumed workflow goes on with the graph of that `name` instead."""

    @wraps(function)
    def made(*args: Any, name: str, **kwargs: Any) -> TaskDependencyGraph:
        from .workflow_context import ctx

        if ctx.internal.connection.ask("is_kept", name=name):
            restored = RestoredGraph(ctx)
            restored.name = name
            return restored
        graph = function(*args, **kwargs)
        graph.store(name)
        return graph

    return made


def judged(task: WorkflowTask) -> dict[str, Json] | None:
    """What the handler of a task that has ended wants; None when it has none."""
    failed = task.get_state() != TASK_SUCCEEDED
    handler = task.on_failure if failed else task.on_success
    if handler is None:
        return None
    verdict, holder = handler(task), task.containing_subgraph
    action = verdict.action
    if action == HandlerResult.HANDLER_RETRY and isinstance(task, SubgraphTask):
        action = _replaced(task, verdict)
    elif action == HandlerResult.HANDLER_RETRY:
        task.set_state(TASK_PENDING)
    elif failed and holder is not None and holder.get_state() == TASK_FAILED:
        action = HandlerResult.HANDLER_FAIL  # the handler has let what holds it fail
    return {
        "action": action.removeprefix("handler_"),
        "retry_after": verdict.retry_after,
        "unlimited": verdict.ignore_total_retries,
    }


def _replaced(task: SubgraphTask, verdict: HandlerResult) -> str:
    """A subgraph is tried again by running what its handler has drawn instead, when it may be."""
    graph, retried = task.graph, verdict.retried_task
    if retried is None:
        raise RuntimeError(
            f"The subgraph {task.name} can only be tried again by running something else instead: "
            "its handler has to draw that, and to set it as the retried_task of its result."
        )
    graph.add_task(retried)
    replacing = graph.not_sent(retried)
    if not replacing:
        raise RuntimeError(f"{retried.name} is running already, so it cannot run instead of the subgraph {task.name}.")
    if not task.has_more_tries(verdict):
        for one in replacing:
            graph.remove_task(one)
        return HandlerResult.HANDLER_FAIL
    if retried.containing_subgraph is None and task.containing_subgraph is not None:
        task.containing_subgraph.add_task(retried)
    task.replacing = replacing
    return HandlerResult.HANDLER_RETRY
