"""Graphs of tasks, which this process builds and the manager runs."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import TYPE_CHECKING, cast

from ..messages import ErrorInfo, HandlerDecision
from ..rpc import Connection
from . import workflow_api as api
from .tasks import (
    INFINITE_TOTAL_RETRIES,
    TASK_FAILED,
    TASK_PENDING,
    TASK_SUCCEEDED,
    HandlerResult,
    SubgraphOptions,
    TaskOptions,
    TaskSpec,
    WorkflowTask,
)

if TYPE_CHECKING:
    from typing import Unpack

    from .workflow_context import CloudifyWorkflowContext

KINDS_WITHOUT_HANDLERS = ("barrier", "event", "state")  # the manager calls no handlers of these kinds of tasks


class forkjoin:  # noqa: N801 - the public name
    """Tasks of a sequence that run at the same time."""

    def __init__(self, *tasks: WorkflowTask) -> None:
        self.tasks = tasks


class TaskDependencyGraph:
    """A graph; `execute` runs its tasks and removes those that ended."""

    def __init__(
        self,
        workflow_context: "CloudifyWorkflowContext",
        graph_id: str | None = None,
        default_subgraph_task_config: TaskOptions | None = None,
        **_kwargs: object,
    ) -> None:
        self.ctx, self.id = workflow_context, graph_id
        self._subgraph_config = default_subgraph_task_config
        self.name: str | None = None  # a resumed workflow finds the graph by it
        self._tasks: dict[str, WorkflowTask] = {}
        self._dependencies: defaultdict[WorkflowTask, set[WorkflowTask]] = defaultdict(set)
        self._dependents: defaultdict[WorkflowTask, set[WorkflowTask]] = defaultdict(set)
        self._submitted: set[WorkflowTask] = set()
        self._finished_tasks: dict[WorkflowTask, object] = {}  # empty: `execute` handles tasks that have ended

    @property
    def subgraph_config(self) -> TaskOptions:
        """The options of new subgraphs; without any, they are retried as often as the manager is configured."""
        return self._subgraph_config or {"total_retries": self.ctx.subgraph_retries}

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
            for member in list(task.tasks.values()):
                self.remove_task(member)
        if self._tasks.pop(task.id, None) is None:
            return
        for dependent in self._dependents.pop(task, set()):
            self._dependencies[dependent].discard(task)
        for dependency in self._dependencies.pop(task, set()):
            self._dependents[dependency].discard(task)
        subgraph = task.containing_subgraph
        if subgraph is not None and task.id in subgraph.tasks:
            # In a new dictionary: handlers remove members of a subgraph while they iterate over them.
            subgraph.tasks = {key: member for key, member in subgraph.tasks.items() if key != task.id}

    def add_dependency(self, src_task: WorkflowTask, dst_task: WorkflowTask) -> None:
        """Let `src_task` start only after `dst_task` has ended."""
        for role, task in (("src", src_task), ("dst", dst_task)):
            if task.id not in self._tasks:
                raise RuntimeError(f"{role} not in graph: {task!r}")
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
        """Name the graph; a resumed workflow finds it by its name."""
        self.name = name

    def optimize(self) -> None:
        """Do nothing: tasks without an action cost nothing here."""

    def linearize(self) -> list[WorkflowTask]:
        """Return the tasks, each after its dependencies."""
        ordered: list[WorkflowTask] = []
        remaining = {task: set(self._dependencies[task]) for task in self.tasks}
        while ready := [task for task, dependencies in remaining.items() if not dependencies]:
            ordered += ready
            remaining = {
                task: dependencies.difference(ready) for task, dependencies in remaining.items() if task not in ready
            }
        return ordered

    def execute(self) -> None:
        """Run all tasks and return when they have ended. Raises WorkflowFailed and ExecutionCancelled."""
        self._serve(*self.submit(self.tasks, self.ctx.internal.connection, self.name))

    def submit(
        self, tasks: list[WorkflowTask], connection: Connection, name: str | None = None
    ) -> tuple[str, dict[str, WorkflowTask]]:
        """Let the manager run tasks; return its key of their graph, and the tasks by their ids in that graph."""
        ids = {task: str(number) for number, task in enumerate(tasks, 1)}
        specs = [self._spec(task, ids) for task in tasks]
        key: str = self.ctx.internal.request("run_graph", connection, name=name, tasks=specs)
        self._submitted.update(tasks)
        return key, {task_id: task for task, task_id in ids.items()}

    def _handle_terminated_task(self, _result: object, task: WorkflowTask) -> None:
        """Remove a task that has ended; public workflows call it for the `_finished_tasks` after a failure."""
        self.remove_task(task)

    def _is_execution_cancelled(self) -> bool:
        return api.has_cancel_request()

    def find_unsubmitted(self, task: WorkflowTask) -> list[WorkflowTask]:
        """Return a task, its members and all dependencies of these, without tasks that were submitted before."""
        found, unvisited = dict[WorkflowTask, None](), [task]
        while unvisited:
            current = unvisited.pop()
            if current not in found and current not in self._submitted:
                found[current] = None
                members = current.tasks.values() if isinstance(current, SubgraphTask) else ()
                unvisited += [*members, *self._dependencies[current]]
        return [member for member in self.tasks if member in found]

    def _serve(self, key: str, tasks: dict[str, WorkflowTask]) -> None:
        try:
            self.ctx.internal.serve_graph(key, tasks)
        finally:
            for task in [task for task in self.tasks if task.get_state() in (TASK_SUCCEEDED, TASK_FAILED)]:
                self.remove_task(task)

    def _spec(self, task: WorkflowTask, ids: dict[WorkflowTask, str]) -> TaskSpec:
        """Return the description of a task; its dependency on its own subgraph is implied."""
        subgraph = task.containing_subgraph
        depends_on = [ids[other] for other in self._dependencies[task] if other in ids and other is not subgraph]
        handlers = [name for name in ("on_success", "on_failure") if getattr(task, name) is not None]
        spec = task.to_spec()
        if handlers and spec["kind"] in KINDS_WITHOUT_HANDLERS:
            spec = {"kind": "local", "name": task.name, "max_retries": 0, "retry_interval": None, "quiet": True}
        return {
            **spec,
            "id": ids[task],
            "depends_on": sorted(depends_on, key=int),
            "subgraph_id": ids.get(subgraph) if subgraph is not None else None,
            "has_handler": bool(handlers),
        }


class ResumedGraph(TaskDependencyGraph):
    """A graph of an earlier run of the workflow; the manager has its tasks and their states."""

    def execute(self) -> None:
        self._serve(self.ctx.internal.connection.call("resume_graph", name=self.name), {})


class TaskSequence:
    """Tasks that run one after the other; those of a forkjoin run at the same time."""

    def __init__(self, graph: "TaskDependencyGraph | SubgraphTask") -> None:
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
                for previous in self.last_fork_join_tasks:
                    self.graph.add_dependency(task, previous)
            self.last_fork_join_tasks = fork or self.last_fork_join_tasks


class SubgraphTask(WorkflowTask):
    """Tasks that start and end together; the subgraph fails with any of them unless its handler ignores that."""

    is_subgraph = True

    def __init__(
        self,
        graph: TaskDependencyGraph,
        info: dict[str, object] | None = None,
        total_retries: int | None = 0,
        **options: "Unpack[SubgraphOptions]",
    ) -> None:
        super().__init__(graph.ctx, info=info or {}, total_retries=total_retries, **options)
        self.graph = graph
        self.tasks: dict[str, WorkflowTask] = {}
        self.failed_task: WorkflowTask | None = None
        self.replacement_tasks: list[WorkflowTask] = []  # run in place of the subgraph

    @property
    def name(self) -> str:
        return str(cast(dict[str, object], self.info).get("name") or self.id)

    def is_nop(self) -> bool:
        return all(task.is_nop() for task in self.tasks.values())

    def to_spec(self) -> TaskSpec:
        return {"kind": "subgraph", "name": self.name}

    def sequence(self) -> TaskSequence:
        return TaskSequence(self)

    def subgraph(self, name: str) -> "SubgraphTask":
        task = SubgraphTask(self.graph, info={"name": name}, **self.graph.subgraph_config)
        self.add_task(task)
        return task

    def add_task(self, task: WorkflowTask) -> None:
        if task.containing_subgraph is not None and task.containing_subgraph != self:
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

    def complete(self, state: str, result: object, failure: ErrorInfo | None, retries: int) -> None:
        """Take over state and result; its handlers count the retries, because they build each replacement."""
        super().complete(state, result, failure, self.current_retries)

    def fail_path(self, path: Iterable[WorkflowTask], failure: ErrorInfo) -> None:
        """Fail the members on the path to the task that failed first, the outermost first."""
        parent: WorkflowTask = self
        for member in path:
            member.complete(TASK_FAILED, None, failure, member.current_retries)
            if isinstance(parent, SubgraphTask) and parent.failed_task is None:
                parent.failed_task = member
            parent = member

    def can_retry(self, decision: HandlerResult) -> bool:
        unlimited = self.total_retries == INFINITE_TOTAL_RETRIES or decision.ignore_total_retries
        return unlimited or self.current_retries < (self.total_retries or 0)


def make_or_get_graph(f: Callable[..., TaskDependencyGraph]) -> Callable[..., TaskDependencyGraph]:
    """Decorate a function that builds a graph: a resumed workflow continues the stored graph of that `name`."""

    @wraps(f)
    def wrapper(*args: object, name: str, **kwargs: object) -> TaskDependencyGraph:
        from .workflow_context import ctx

        if ctx.internal.request("has_stored_graph", name=name):
            resumed = ResumedGraph(ctx)
            resumed.name = name
            return resumed
        graph = f(*args, **kwargs)
        graph.store(name)
        return graph

    return wrapper


def call_handler(task: WorkflowTask) -> HandlerDecision | None:
    """Return the decision of the handler of an ended task, None when it has no handler."""
    failed = task.get_state() != TASK_SUCCEEDED
    handler = task.on_failure if failed else task.on_success
    if handler is None:
        return None
    decision, parent = handler(task), task.containing_subgraph
    action = decision.action
    if action == HandlerResult.HANDLER_RETRY and isinstance(task, SubgraphTask):
        action = _prepare_replacement(task, decision)
    elif action == HandlerResult.HANDLER_RETRY:
        task.set_state(TASK_PENDING)
    elif failed and parent is not None and parent.get_state() == TASK_FAILED:
        action = HandlerResult.HANDLER_FAIL  # the handler has failed the subgraph around the task
    return {
        "action": action.removeprefix("handler_"),
        "retry_after": decision.retry_after,
        "unlimited": decision.ignore_total_retries,
    }


def _prepare_replacement(task: SubgraphTask, decision: HandlerResult) -> str:
    """Prepare the tasks that the handler has built to run in place of a subgraph, and return the action."""
    graph, retried = task.graph, decision.retried_task
    if retried is None:
        raise RuntimeError(
            f"The subgraph {task.name} cannot be retried: "
            "its handler has to build a replacement and set it as the retried_task of its result."
        )
    graph.add_task(retried)
    tasks = graph.find_unsubmitted(retried)
    if not tasks:
        raise RuntimeError(f"{retried.name} is running already, so it cannot run instead of the subgraph {task.name}.")
    if not task.can_retry(decision):
        for unused in tasks:
            graph.remove_task(unused)
        return HandlerResult.HANDLER_FAIL
    if retried.containing_subgraph is None and task.containing_subgraph is not None:
        task.containing_subgraph.add_task(retried)
    task.replacement_tasks = tasks
    return HandlerResult.HANDLER_RETRY
