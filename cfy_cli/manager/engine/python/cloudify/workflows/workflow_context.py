"""`ctx` of a workflow: the deployment it is about, and the steps it may have the manager take."""

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from .. import exceptions
from ..ending import described
from ..logs import logger
from ..parameters import Parameters
from ..rest import Item
from ..wire import Connection, whole
from . import workflow_api as api
from .deployment import Deployment
from .nodes import Node, NodeInstance, NodesAndInstances
from .tasks import (
    TASK_FAILED,
    TASK_STARTED,
    TASK_SUCCEEDED,
    LocalWorkflowTask,
    SendWorkflowEventTask,
    UpdateExecutionStatusTask,
    WorkflowTask,
)
from .tasks_graph import SubgraphTask, TaskDependencyGraph, judged

if TYPE_CHECKING:
    from logging import Logger

Json = Any

AT_ONCE = 8  # functions of the workflow's own process
FAIL = {"action": "fail", "retry_after": None, "unlimited": False}
WorkflowFailed: type[Exception] = getattr(exceptions, "WorkflowFailed", RuntimeError)


class Failed(WorkflowFailed):  # type: ignore[misc,valid-type]
    """Operations have failed; their own words say it all."""


class CloudifyWorkflowContext:
    """Asks the manager when it is first used, so that importing it costs nothing."""

    local = False
    bypass_maintenance = False
    execution_token: str | None = None

    @cached_property
    def internal(self) -> "Internal":
        return Internal(self)

    @cached_property
    def _static(self) -> dict[str, Json]:
        static: dict[str, Json] = self.internal.connection.ask("context")
        return static

    def __getattr__(self, name: str) -> Any:
        if name in _STATIC:
            return self._static[name]
        raise AttributeError(f"the ctx of a workflow has no {name}")

    def _get_current_object(self) -> "CloudifyWorkflowContext":
        return self

    @property
    def tenant(self) -> dict[str, Json]:
        return {"name": self.tenant_name}

    @cached_property
    def blueprint(self) -> Any:
        return SimpleNamespace(id=self._static["blueprint_id"])

    @cached_property
    def deployment(self) -> Deployment:
        return Deployment(self, self._static)

    @cached_property
    def rest_token(self) -> str | None:
        token: str | None = self.internal.connection.ask("rest_token")
        return token

    @cached_property
    def logger(self) -> "Logger":
        return logger(self.internal.connection, self.execution_id)

    @cached_property
    def _all(self) -> NodesAndInstances:
        read = self.internal.connection.ask("deployment")
        return NodesAndInstances(self, map(Item, read["nodes"]), map(Item, read["instances"]))

    @property
    def nodes(self) -> Iterator[Node]:
        return self._all.nodes

    @property
    def node_instances(self) -> Iterator[NodeInstance]:
        return self._all.node_instances

    def get_node(self, node_id: str) -> Node | None:
        return self._all.get_node(node_id)

    def get_node_instance(self, node_instance_id: str) -> NodeInstance | None:
        return self._all.get_node_instance(node_instance_id)

    def refresh_node_instances(self) -> None:
        self.__dict__.pop("_all", None)

    def graph_mode(self) -> TaskDependencyGraph:
        """From now on steps are not taken at once, but wait in graphs for these to be executed."""
        if self.internal.begun:
            raise RuntimeError("Cannot switch to graph mode when tasks have already been executed")
        self.internal.graph_mode = True
        return self.internal.task_graph

    def send_event(
        self, event: str, event_type: str = "workflow_stage", args: Json = None, additional_context: Json = None
    ) -> Any:
        task = SendWorkflowEventTask(self, info=event, instance_id=None, message=str(event), event_type=event_type)
        return self.internal.process(task)

    def update_execution_status(self, new_status: str) -> Any:
        return self.internal.process(UpdateExecutionStatusTask(self, info=new_status, status=new_status))

    def local_task(
        self,
        local_task: Callable[..., Json],
        node: Any = None,
        info: Json = None,
        kwargs: dict[str, Json] | None = None,
        task_id: str | None = None,
        name: str | None = None,
        send_task_events: bool = True,
        override_task_config: bool = False,
        total_retries: int | None = None,
        retry_interval: float | None = None,
    ) -> Any:
        """A function of the workflow's own process as a step; `task_config` may have set its retries."""
        config: dict[str, Json] = {"total_retries": total_retries, "retry_interval": retry_interval}
        given = {key: value for key, value in config.items() if value is not None}
        own = getattr(local_task, "workflow_task_config", {})
        config |= {**own, **given} if override_task_config else {**given, **own}
        task = LocalWorkflowTask(
            local_task, self, node, info, kwargs, task_id, name, **{"send_task_events": send_task_events, **config}
        )
        return self.internal.process(task)

    def download_resource(self, resource_path: str, target_path: str | None = None) -> str:
        """Copy a file of the blueprint and give where it is. Raises HttpException when there is none."""
        if self.internal.connection.ask("resource", path=resource_path) is None:
            raise exceptions.HttpException(resource_path, 404, f"The blueprint has no file {resource_path}.")
        copy: str = self.internal.connection.ask("download", path=resource_path, target=whole(target_path))
        return copy

    def get_managers(self) -> list[dict[str, Json]]:
        managers: list[dict[str, Json]] = self._static["managers"]
        return managers


class Internal:
    """How steps come to the manager, and what became of them comes back."""

    def __init__(self, context: CloudifyWorkflowContext) -> None:
        self.connection = Connection()
        self.graph_mode = False
        self.begun: list[WorkflowTask] = []  # by themselves
        self._context = context
        self._keys: dict[WorkflowTask, str] = {}
        self._followed: dict[WorkflowTask, Future[None]] = {}
        self._pool = ThreadPoolExecutor(AT_ONCE)

    @cached_property
    def task_graph(self) -> TaskDependencyGraph:
        return TaskDependencyGraph(self._context)

    def send_workflow_event(self, event_type: str, message: str = "", **_more: Any) -> None:
        self.connection.ask("event", instance_id=None, message=message, event_type=event_type)

    def process(self, task: WorkflowTask) -> Any:
        return task if self.graph_mode else task.apply_async()

    def start(self, task: WorkflowTask) -> None:
        """Run it by itself, now."""
        alone = {**task.described(), "id": "1", "after": [], "part_of": None, "handled": []}
        self._keys[task] = self.connection.ask("start", task=alone)
        self.begun.append(task)
        if isinstance(task, LocalWorkflowTask):
            self._followed[task] = self._pool.submit(self.follow, self._keys[task], {"1": task}, alone=True)

    def wait_for(self, task: WorkflowTask) -> None:
        if task in self._followed:
            self._followed[task].result()
        elif task in self._keys:
            self.follow(self._keys[task], {"1": task}, alone=True)
        else:
            raise RuntimeError(f"{task!r} was not begun, so it cannot be waited for")

    def wait_for_all(self) -> None:
        """What was begun by itself and nobody has waited for."""
        for task in self.begun:
            if not task.is_terminated:
                task.async_result.get()

    def follow(self, key: str, tasks: Mapping[str, WorkflowTask], *, alone: bool = False) -> None:
        """Do this process's part in a graph that runs, to its end.

        Raises, unless a task runs alone, Failed and ExecutionCancelled, and what a handler raised.
        """
        connection, broken = Connection(), list[BaseException]()
        try:
            while (item := connection.ask("next", graph=key))["kind"] != "end":
                if item["kind"] == "run" and alone:
                    self._run_here(key, item["task"], tasks.get(item["task"]))
                elif item["kind"] == "run":
                    self._pool.submit(self._run_here, key, item["task"], tasks.get(item["task"]))
                else:
                    self._handle(connection, key, item, tasks, broken)
        finally:
            connection.close()
        for name, (state, result, failure, retries) in item["states"].items():
            if name in tasks:
                tasks[name].has_ended(state, result, failure, retries)
        if alone:
            return
        if broken:
            raise broken[0]
        if item["error"]:
            raise Failed(item["error"])
        if item["cancelled"]:
            raise api.ExecutionCancelled

    def _handle(
        self,
        connection: Connection,
        key: str,
        item: dict[str, Json],
        tasks: Mapping[str, WorkflowTask],
        broken: list[BaseException],
    ) -> None:
        """Do what handlers of tasks are for."""
        task = tasks.get(item["task"])
        if item["kind"] == "replace":  # in no thread of the pool: it waits for others that are
            arguments = (key, item["task"], task, broken)
            threading.Thread(target=self._replace, args=arguments, daemon=True).start()
        else:
            verdict = self._judge(task, item, tasks, broken)
            connection.ask("judged", graph=key, task=item["task"], decision=verdict)

    def _judge(
        self,
        task: WorkflowTask | None,
        item: dict[str, Json],
        tasks: Mapping[str, WorkflowTask],
        broken: list[BaseException],
    ) -> dict[str, Json] | None:
        if task is None:
            return None
        state, result = TASK_FAILED if item["failure"] else TASK_SUCCEEDED, item["result"]
        if isinstance(task, SubgraphTask):
            way, result = [tasks[name] for name in result or () if name in tasks], None
            task.has_failed_by(way, item["failure"])
        task.has_ended(state, result, item["failure"], item["retries"])
        try:
            return judged(task)
        except Exception as error:
            broken.append(error)
            return FAIL

    def _replace(self, key: str, name: str, task: SubgraphTask, broken: list[BaseException]) -> None:
        """Have that run which the handler of a subgraph has drawn in its place."""
        connection, by = Connection(), None
        try:
            by, tasks = task.graph.sent(task.replacing, connection)
            self.follow(by, tasks)
        except (Failed, api.ExecutionCancelled):
            """The manager knows."""
        except BaseException as error:
            broken.append(error)
            by = None
        try:
            if by is None:
                connection.ask("judged", graph=key, task=name, decision=FAIL)
            else:
                connection.ask("replaced", graph=key, task=name, by=by)
        finally:
            connection.close()

    def _run_here(self, key: str, name: str, task: WorkflowTask | None) -> None:
        answer: dict[str, Json] = {"result": None, "error": None}
        try:
            if task is not None:
                task.set_state(TASK_STARTED)
                answer["result"] = task.run_here()
        except BaseException as error:
            answer["error"] = described(error)
        connection = Connection()
        try:
            connection.ask("ran", graph=key, task=name, **answer)
        except exceptions.NonRecoverableError:  # a result that JSON cannot hold is nobody's but this process's
            connection.ask("ran", graph=key, task=name, result=None, error=None)
        finally:
            connection.close()


def task_config(fn: Callable[..., Json] | None = None, **arguments: Json) -> Any:
    """Marks a function for `local_task`: its total_retries, retry_interval, name ..."""

    def mark(function: Callable[..., Json]) -> Callable[..., Json]:
        function.workflow_task_config = arguments  # type: ignore[attr-defined]
        return function

    return mark if fn is None else mark(fn)


_STATIC = frozenset(
    {
        "execution_id",
        "execution_creator_username",
        "workflow_id",
        "tenant_name",
        "dry_run",
        "resume",
        "rest_host",
        "rest_port",
        "wait_after_fail",
    }
)

ctx = CloudifyWorkflowContext()
parameters = Parameters(lambda: ctx._static["parameters"])
