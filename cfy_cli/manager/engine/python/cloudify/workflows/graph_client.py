"""The part of graphs that runs in the process of the workflow: its own functions, and handlers of tasks."""

import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from .. import exceptions
from ..completion import serialize_error
from ..messages import ErrorInfo, GraphEnd, GraphRequest, HandlerDecision
from ..rpc import Connection
from . import workflow_api as api
from .tasks import TASK_FAILED, TASK_STARTED, TASK_SUCCEEDED, LocalWorkflowTask, TaskOrResult, WorkflowTask
from .tasks_graph import SubgraphTask, TaskDependencyGraph, call_handler

if TYPE_CHECKING:
    from .workflow_context import CloudifyWorkflowContext

MAX_LOCAL_TASKS = 8  # that run at the same time
FAIL: HandlerDecision = {"action": "fail", "retry_after": None, "unlimited": False}
# A plugin may have brought an older cloudify-common, whose module of exceptions is used in place of ours.
WorkflowFailed: type[Exception] = getattr(exceptions, "WorkflowFailed", RuntimeError)


class OperationsFailed(WorkflowFailed):  # type: ignore[misc,valid-type]
    """Operations of a graph have failed; the message describes all of them."""


class WorkflowContextInternal:
    """Submits tasks to the manager and serves its requests about running graphs."""

    def __init__(self, context: "CloudifyWorkflowContext") -> None:
        self.connection = Connection()
        self.graph_mode = False
        self.started_tasks: list[WorkflowTask] = []  # outside of graphs
        self._context = context
        self._keys: dict[WorkflowTask, str] = {}
        self._futures: dict[WorkflowTask, Future[None]] = {}
        self._pool = ThreadPoolExecutor(MAX_LOCAL_TASKS)
        self._handlers_running = 0  # in the main thread

    @cached_property
    def task_graph(self) -> TaskDependencyGraph:
        return TaskDependencyGraph(self._context)

    def request(self, method: str, /, connection: Connection | None = None, **arguments: object) -> Any:
        """Call the manager for something that a resumed workflow continues.

        Requests of the main thread, without those of handlers, are `ordered`: they are the same in every run.
        """
        is_main = threading.current_thread() is threading.main_thread()
        ordered = is_main and not self._handlers_running
        is_concurrent = bool(self.started_tasks) and not self.started_tasks[-1].is_terminated
        order = {"ordered": ordered, "may_insert": self._context.knows_resume or is_concurrent}
        return (connection or self.connection).call(method, **arguments, **order)

    def send_workflow_event(self, event_type: str, message: str = "", **_kwargs: object) -> None:
        self.connection.call("event", instance_id=None, message=message, event_type=event_type)

    def process_task(self, task: WorkflowTask) -> TaskOrResult:
        return task if self.graph_mode else task.apply_async()

    def start_task(self, task: WorkflowTask) -> None:
        """Start a task that is in no graph."""
        spec = {**task.to_spec(), "id": "1", "depends_on": [], "subgraph_id": None, "has_handler": False}
        key: str = self.request("run_task", task=spec)
        self._keys[task] = key
        self.started_tasks.append(task)
        if isinstance(task, LocalWorkflowTask):
            self._futures[task] = self._pool.submit(self.serve_graph, key, {"1": task}, single_task=True)

    def wait_for_task(self, task: WorkflowTask) -> None:
        if task in self._futures:
            self._futures[task].result()
        elif task in self._keys:
            self.serve_graph(self._keys[task], {"1": task}, single_task=True)
        else:
            raise RuntimeError(f"{task!r} was not started, so it cannot be waited for")

    def wait_for_started_tasks(self) -> None:
        """Wait for the tasks outside of graphs for which the workflow has not waited."""
        for task in self.started_tasks:
            if not task.is_terminated:
                task.async_result.get()

    def serve_graph(self, key: str, tasks: Mapping[str, WorkflowTask], *, single_task: bool = False) -> None:
        """Serve the manager's requests about a running graph until it has ended.

        Raises OperationsFailed, ExecutionCancelled and the exceptions of handlers, unless the graph is a single task.
        """
        connection, errors = Connection(), list[BaseException]()
        try:
            while (request := connection.call("next_request", graph=key))["kind"] != "end":
                self._serve_request(connection, key, request, tasks, errors, single_task=single_task)
        finally:
            connection.close()
        end: GraphEnd = request
        for task_id, (state, result, failure, retries) in end["states"].items():
            if task_id in tasks:
                tasks[task_id].complete(state, result, failure, retries)
        if single_task:
            return
        if errors:
            raise errors[0]
        if end["error"]:
            raise OperationsFailed(end["error"])
        if end["cancelled"]:
            raise api.ExecutionCancelled

    def _serve_request(
        self,
        connection: Connection,
        key: str,
        request: GraphRequest,
        tasks: Mapping[str, WorkflowTask],
        errors: list[BaseException],
        *,
        single_task: bool,
    ) -> None:
        task_id, task = request["task"], tasks.get(request["task"])
        if request["kind"] == "handle":
            decision = self._handle(task, request, tasks, errors)
            connection.call("handler_decision", graph=key, task=task_id, decision=decision)
        elif request["kind"] == "replace":  # not in the pool, whose threads it waits for
            arguments = (key, task_id, task, errors)
            threading.Thread(target=self._replace, args=arguments, daemon=True).start()
        elif single_task:
            self._run_local(key, task_id, task)
        else:
            self._pool.submit(self._run_local, key, task_id, task)

    def _handle(
        self,
        task: WorkflowTask | None,
        request: GraphRequest,
        tasks: Mapping[str, WorkflowTask],
        errors: list[BaseException],
    ) -> HandlerDecision | None:
        """Call the handler of a task that has ended, and return its decision."""
        if task is None:
            return None
        failure, result = request["failure"], request["result"]
        if isinstance(task, SubgraphTask):
            path, result = [tasks[name] for name in cast("list[str]", result or []) if name in tasks], None
            task.fail_path(path, cast(ErrorInfo, failure))
        task.complete(TASK_FAILED if failure else TASK_SUCCEEDED, result, failure, request["retries"])
        is_main = threading.current_thread() is threading.main_thread()
        self._handlers_running += is_main
        try:
            return call_handler(task)
        except Exception as error:
            errors.append(error)
            return FAIL
        finally:
            self._handlers_running -= is_main

    def _replace(self, key: str, task_id: str, task: SubgraphTask, errors: list[BaseException]) -> None:
        """Run the tasks that the handler of a subgraph has built in its place."""
        connection, replacement = Connection(), None
        try:
            replacement, tasks = task.graph.submit(task.replacement_tasks, connection)
            self.serve_graph(replacement, tasks)
        except (OperationsFailed, api.ExecutionCancelled):
            """The manager has the failures of the replacement."""
        except BaseException as error:
            errors.append(error)
            replacement = None
        try:
            if replacement is None:
                connection.call("handler_decision", graph=key, task=task_id, decision=FAIL)
            else:
                connection.call("replacement_ended", graph=key, task=task_id, replacement=replacement)
        finally:
            connection.close()

    def _run_local(self, key: str, task_id: str, task: WorkflowTask | None) -> None:
        result, error = None, None
        try:
            if task is not None:
                task.set_state(TASK_STARTED)
                result = task.run_local()
        except BaseException as failure:
            error = serialize_error(failure)
        connection = Connection()
        try:
            connection.call("task_result", graph=key, task=task_id, result=result, error=error)
        except exceptions.NonRecoverableError:  # JSON cannot hold the result: the manager does not need it
            connection.call("task_result", graph=key, task=task_id, result=None, error=None)
        finally:
            connection.close()
