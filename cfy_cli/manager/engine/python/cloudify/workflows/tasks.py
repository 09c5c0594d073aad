"""Tasks of a workflow, which this process describes and the manager runs."""

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict

from .. import exceptions
from ..constants import INSPECT_TIMEOUT as INSPECT_TIMEOUT
from ..constants import MGMTWORKER_QUEUE as MGMTWORKER_QUEUE
from ..constants import TASK_FAILED as TASK_FAILED
from ..constants import TASK_PENDING as TASK_PENDING
from ..constants import TASK_RESCHEDULED as TASK_RESCHEDULED
from ..constants import TASK_RESPONSE_SENT as TASK_RESPONSE_SENT
from ..constants import TASK_SENDING as TASK_SENDING
from ..constants import TASK_SENT as TASK_SENT
from ..constants import TASK_STARTED as TASK_STARTED
from ..constants import TASK_SUCCEEDED as TASK_SUCCEEDED
from ..constants import TERMINATED_STATES as TERMINATED_STATES
from ..messages import ErrorInfo, JsonObject
from . import workflow_api as api

if TYPE_CHECKING:
    from typing import Unpack

    from .nodes import Node, NodeInstance
    from .tasks_graph import SubgraphTask
    from .workflow_context import CloudifyWorkflowContext

TaskOrResult: TypeAlias = "WorkflowTask | WorkflowTaskResult"  # a task in graph mode, otherwise its future result
Handler = Callable[[Any], "HandlerResult"]  # called with the task, after its end
TaskSpec = dict[str, object]  # the description of a task for the manager

INFINITE_TOTAL_RETRIES = DEFAULT_TOTAL_RETRIES = -1
DEFAULT_SUBGRAPH_TOTAL_RETRIES = 0
DEFAULT_RETRY_INTERVAL = 30  # seconds
DEFAULT_SEND_TASK_EVENTS = True


class HandlerResult:
    """The decision of a handler about a task that has ended."""

    HANDLER_RETRY = "handler_retry"
    HANDLER_FAIL = "handler_fail"
    HANDLER_IGNORE = "handler_ignore"
    HANDLER_CONTINUE = "handler_continue"

    def __init__(self, action: str, ignore_total_retries: bool = False, retry_after: float | None = None) -> None:
        self.action, self.ignore_total_retries, self.retry_after = action, ignore_total_retries, retry_after
        self.retried_task: WorkflowTask | None = None

    @classmethod
    def retry(cls, ignore_total_retries: bool = False, retry_after: float | None = None) -> "HandlerResult":
        return cls(cls.HANDLER_RETRY, ignore_total_retries, retry_after)

    @classmethod
    def fail(cls) -> "HandlerResult":
        return cls(cls.HANDLER_FAIL)

    @classmethod
    def ignore(cls) -> "HandlerResult":
        return cls(cls.HANDLER_IGNORE)

    @classmethod
    def cont(cls) -> "HandlerResult":
        return cls(cls.HANDLER_CONTINUE)


class SubgraphOptions(TypedDict, total=False):
    on_success: Handler | None
    on_failure: Handler | None
    retry_interval: float | None  # seconds
    send_task_events: bool


class TaskOptions(SubgraphOptions, total=False):
    """Keyword arguments that all tasks have."""

    total_retries: int | None


class WorkflowTask:
    """One task; a task in a graph runs with the graph, `apply_async` runs it alone and at once."""

    is_subgraph = False

    def __init__(
        self,
        workflow_context: "CloudifyWorkflowContext",
        task_id: str | None = None,
        info: object = None,
        on_success: Handler | None = None,
        on_failure: Handler | None = None,
        total_retries: int | None = None,
        retry_interval: float | None = None,
        send_task_events: bool = DEFAULT_SEND_TASK_EVENTS,
        **_kwargs: object,
    ) -> None:
        self.id = task_id or str(uuid.uuid4())
        self.workflow_context, self.info = workflow_context, info
        self.on_success, self.on_failure = on_success, on_failure
        self.total_retries, self.retry_interval = total_retries, retry_interval
        self.send_task_events = send_task_events
        self.containing_subgraph: SubgraphTask | None = None
        self.async_result = WorkflowTaskResult(self)
        self.current_retries = 0
        self.error: dict[str, object] | None = None
        self._state = TASK_PENDING

    def __hash__(self) -> int:
        return hash(self.id)

    def __eq__(self, other: object) -> bool:
        return self.id == (other.id if isinstance(other, WorkflowTask) else other)

    def __repr__(self) -> str:
        return f"<{self.task_type} {self.id}: {self.name}>"

    @property
    def name(self) -> str:
        return self.task_type

    @property
    def task_type(self) -> str:
        return type(self).__name__

    @property
    def short_description(self) -> str:
        return self.name

    @property
    def cloudify_context(self) -> dict[str, object]:
        return {}

    @property
    def is_terminated(self) -> bool:
        return self._state in TERMINATED_STATES

    def is_local(self) -> bool:
        return True

    def is_remote(self) -> bool:
        return not self.is_local()

    def is_nop(self) -> bool:
        return False

    def get_state(self) -> str:
        return self._state

    def set_state(self, state: str, result: object = None, exception: object = None) -> None:
        self._state = state

    def apply_async(self) -> "WorkflowTaskResult":
        self.workflow_context.internal.start_task(self)
        return self.async_result

    def to_spec(self) -> TaskSpec:
        """Return the description of the task for the manager."""
        return {"kind": "barrier"}

    def run_local(self) -> object:
        """Run the part of the task that runs in this process, and return its result."""
        return None

    def complete(self, state: str, result: object, failure: ErrorInfo | None, retries: int) -> None:
        """Take over the state and the result that the manager reports."""
        self._state, self.current_retries = state, retries
        if failure is not None:
            kind, message = failure["kind"], failure["message"]
            cause = {"type": kind, "message": message, "traceback": failure["traceback"]}
            self.error = {
                "message": message,
                "exception_type": kind,
                "known_exception_type_kwargs": {"causes": [cause]},
            }
            result = _exception(kind, message)
        self.async_result.set(result)


class RemoteWorkflowTask(WorkflowTask):
    """An operation of an instance or, for one of its ends, of a relationship."""

    def __init__(
        self,
        workflow_context: "CloudifyWorkflowContext",
        *,
        operation: str,
        function: str,
        instance: "NodeInstance",
        kwargs: JsonObject,
        relationship: tuple[str, str] | None = None,
        **options: "Unpack[TaskOptions]",
    ) -> None:
        super().__init__(workflow_context, info=operation, **options)
        self.operation, self.function, self.instance, self.kwargs = operation, function, instance, kwargs
        self._relationship = relationship  # the ids of its source and its target

    @property
    def name(self) -> str:
        return str(self.function)

    @property
    def short_description(self) -> str:
        return f"{self.function} ({self.instance.id}:{self.operation})"

    @property
    def cloudify_context(self) -> dict[str, object]:
        return {
            "task_id": self.id,
            "task_name": self.function,
            "node_id": self.instance.id,
            "node_name": self.instance.node_id,
            "operation": {"name": self.operation, "retry_number": self.current_retries},
        }

    def is_local(self) -> bool:
        return False

    def to_spec(self) -> TaskSpec:
        return {
            "kind": "operation",
            "operation": self.operation,
            "instance_id": self.instance.id,
            "relationship": self._relationship,
            "inputs": self.kwargs,
            "max_retries": self.total_retries,
            "retry_interval": self.retry_interval,
            "quiet": not self.send_task_events,
        }


class LocalWorkflowTask(WorkflowTask):
    """A function that this process runs when the manager asks for it."""

    def __init__(
        self,
        local_task: Callable[..., object],
        workflow_context: "CloudifyWorkflowContext",
        node: "Node | NodeInstance | None" = None,
        info: object = None,
        kwargs: dict[str, object] | None = None,
        task_id: str | None = None,
        name: str | None = None,
        **options: "Unpack[TaskOptions]",
    ) -> None:
        super().__init__(workflow_context, task_id, info, **options)
        self.local_task, self.node, self.kwargs = local_task, node, kwargs or {}
        self._name = str(name or getattr(local_task, "__name__", "local_task"))

    @property
    def name(self) -> str:
        return self._name

    def to_spec(self) -> TaskSpec:
        return {
            "kind": "local",
            "name": self.name,
            "max_retries": self.total_retries,
            "retry_interval": self.retry_interval,
            "quiet": not self.send_task_events,
        }

    def run_local(self) -> object:
        return self.local_task(**self.kwargs)


class _CallTask(LocalWorkflowTask):
    """One call to the manager, without task events; outside of a graph it is made at once."""

    method = ""

    def __init__(self, workflow_context: "CloudifyWorkflowContext", info: object = None, **arguments: object) -> None:
        super().__init__(
            self._call, workflow_context, info=info, name=self.task_type, total_retries=0, send_task_events=False
        )
        self.arguments = arguments

    def apply_async(self) -> "WorkflowTaskResult":
        self.complete(TASK_SUCCEEDED, self._call(), None, 0)
        return self.async_result

    def _call(self) -> object:
        result: object = self.workflow_context.internal.connection.call(self.method, **self.arguments)
        return result


class GetNodeInstanceStateTask(_CallTask):
    method = "instance_state"


class SendWorkflowEventTask(_CallTask):
    method = "event"


class UpdateExecutionStatusTask(_CallTask):
    method = "execution_status"


class SetNodeInstanceStateTask(_CallTask):
    method = "set_instance_state"

    def to_spec(self) -> TaskSpec:
        return {"kind": "state", **self.arguments}


class SendNodeEventTask(_CallTask):
    method = "event"

    def to_spec(self) -> TaskSpec:
        return {"kind": "event", "instance_id": self.arguments["instance_id"], "message": self.arguments["message"]}


class NOPLocalWorkflowTask(WorkflowTask):
    """A task that does nothing, such as an operation without an implementation."""

    @property
    def name(self) -> str:
        return "NOP"

    def is_nop(self) -> bool:
        return self.on_success is None and self.on_failure is None

    def apply_async(self) -> "WorkflowTaskResult":
        self.complete(TASK_SUCCEEDED, None, None, 0)
        return self.async_result


class WorkflowTaskResult:
    """The future result of a task."""

    _NOT_SET = object()

    def __init__(self, task: WorkflowTask) -> None:
        self.task = task
        self._result: object = self._NOT_SET
        self._callbacks: list[tuple[Callable[..., object], tuple[object, ...], dict[str, object]]] = []

    @property
    def result(self) -> object:
        """The result; of a failed task its exception. Raises RuntimeError before the end of the task."""
        if self._result is self._NOT_SET:
            raise RuntimeError("Result not set yet")
        return self._result

    def set(self, result: object) -> None:
        self._result = result
        callbacks, self._callbacks = self._callbacks, []
        for callback, args, kwargs in callbacks:
            callback(result, *args, **kwargs)

    def on_result(self, f: Callable[..., object], *args: object, **kwargs: object) -> None:
        """Call a function with the result, at once when there is one."""
        if self._result is self._NOT_SET:
            self._callbacks.append((f, args, kwargs))
        else:
            f(self._result, *args, **kwargs)

    def get(self, retry_on_failure: bool = True) -> object:
        """Wait for the result and return it. Raises the exception of a failed task, and ExecutionCancelled."""
        if self._result is self._NOT_SET:
            self.task.workflow_context.internal.wait_for_task(self.task)
        if self._result is self._NOT_SET:
            raise api.ExecutionCancelled
        if isinstance(self._result, BaseException):
            raise self._result
        return self._result


def _exception(kind: str, message: str) -> Exception:
    """Return the exception of a failed task; errors of the package by their class, others as RuntimeError."""
    error_class: type[Exception] | None = getattr(exceptions, kind, None)
    if kind in ("NonRecoverableError", "RecoverableError") and error_class is not None:
        return error_class(message)
    return RuntimeError(f"{kind}: {message}")
