"""What a workflow is made of: tasks that are described to the manager, which runs them."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from .. import exceptions
from . import workflow_api as api

Json = Any
Handler = Callable[[Any], "HandlerResult"]

TASK_PENDING = "pending"
TASK_SENDING = "sending"
TASK_SENT = "sent"
TASK_STARTED = "started"
TASK_RESCHEDULED = "rescheduled"
TASK_SUCCEEDED = "succeeded"
TASK_FAILED = "failed"
TERMINATED_STATES = [TASK_RESCHEDULED, TASK_SUCCEEDED, TASK_FAILED]

INFINITE_TOTAL_RETRIES = -1
DEFAULT_SEND_TASK_EVENTS = True


class HandlerResult:
    """What a handler wants to become of a task that has ended."""

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


class WorkflowTask:
    """One step. In a graph it runs with the graph; `apply_async` runs it by itself, at once."""

    is_subgraph = False

    def __init__(
        self,
        workflow_context: Any,
        task_id: str | None = None,
        info: Json = None,
        on_success: Handler | None = None,
        on_failure: Handler | None = None,
        total_retries: int | None = None,
        retry_interval: float | None = None,
        send_task_events: bool = DEFAULT_SEND_TASK_EVENTS,
        **_more: Any,
    ) -> None:
        self.id = task_id or str(uuid.uuid4())
        self.workflow_context, self.info = workflow_context, info
        self.on_success, self.on_failure = on_success, on_failure
        self.total_retries, self.retry_interval = total_retries, retry_interval
        self.send_task_events = send_task_events
        self.containing_subgraph: Any = None
        self.async_result = WorkflowTaskResult(self)
        self.current_retries = 0
        self.error: dict[str, Json] | None = None
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
    def cloudify_context(self) -> dict[str, Json]:
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

    def set_state(self, state: str) -> None:
        self._state = state

    def apply_async(self) -> "WorkflowTaskResult":
        self.workflow_context.internal.start(self)
        return self.async_result

    def described(self) -> dict[str, Json]:
        """What the manager is told of it."""
        return {"kind": "knot"}

    def run_here(self) -> Json:
        """What a step does that is done by the workflow's own process."""
        return None

    def has_ended(self, state: str, result: Json, failure: Mapping[str, Json] | None, retries: int) -> None:
        """Take note of what the manager says of it."""
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
    """An operation of an instance, or of a relationship for one of its ends."""

    def __init__(
        self,
        workflow_context: Any,
        *,
        operation: str,
        function: str,
        instance: Any,
        kwargs: dict[str, Json],
        ends: tuple[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(workflow_context, info=operation, **more)
        self.operation, self.function, self.instance, self.kwargs, self._ends = (
            operation,
            function,
            instance,
            kwargs,
            ends,
        )

    @property
    def name(self) -> str:
        return str(self.function)

    @property
    def short_description(self) -> str:
        return f"{self.function} ({self.instance.id}:{self.operation})"

    @property
    def cloudify_context(self) -> dict[str, Json]:
        return {
            "task_id": self.id,
            "task_name": self.function,
            "node_id": self.instance.id,
            "node_name": self.instance.node_id,
            "operation": {"name": self.operation, "retry_number": self.current_retries},
        }

    def is_local(self) -> bool:
        return False

    def described(self) -> dict[str, Json]:
        return {
            "kind": "operation",
            "operation": self.operation,
            "instance_id": self.instance.id,
            "ends": self._ends,
            "inputs": self.kwargs,
            "max_retries": self.total_retries,
            "retry_interval": self.retry_interval,
            "quiet": not self.send_task_events,
        }


class LocalWorkflowTask(WorkflowTask):
    """A function that the workflow's own process runs, when its turn comes."""

    def __init__(
        self,
        local_task: Callable[..., Json],
        workflow_context: Any,
        node: Any = None,
        info: Json = None,
        kwargs: dict[str, Json] | None = None,
        task_id: str | None = None,
        name: str | None = None,
        **more: Any,
    ) -> None:
        super().__init__(workflow_context, task_id, info, **more)
        self.local_task, self.node, self.kwargs = local_task, node, kwargs or {}
        self._name = str(name or getattr(local_task, "__name__", "local_task"))

    @property
    def name(self) -> str:
        return self._name

    def described(self) -> dict[str, Json]:
        return {
            "kind": "here",
            "name": self.name,
            "max_retries": self.total_retries,
            "retry_interval": self.retry_interval,
            "quiet": not self.send_task_events,
        }

    def run_here(self) -> Json:
        return self.local_task(**self.kwargs)


class _BuiltinTask(LocalWorkflowTask):
    """Something small that nobody is told of; by itself it is done on the spot."""

    call = ""

    def __init__(self, workflow_context: Any, info: Json = None, **arguments: Json) -> None:
        super().__init__(
            self._ask, workflow_context, info=info, name=self.task_type, total_retries=0, send_task_events=False
        )
        self.arguments = arguments

    def apply_async(self) -> "WorkflowTaskResult":
        self.has_ended(TASK_SUCCEEDED, self._ask(), None, 0)
        return self.async_result

    def _ask(self) -> Json:
        return self.workflow_context.internal.connection.ask(self.call, **self.arguments)


class GetNodeInstanceStateTask(_BuiltinTask):
    call = "state"


class SendWorkflowEventTask(_BuiltinTask):
    call = "event"


class UpdateExecutionStatusTask(_BuiltinTask):
    call = "status"


class SetNodeInstanceStateTask(_BuiltinTask):
    call = "set_state"

    def described(self) -> dict[str, Json]:
        return {"kind": "state", **self.arguments}


class SendNodeEventTask(_BuiltinTask):
    call = "event"

    def described(self) -> dict[str, Json]:
        return {"kind": "note", "instance_id": self.arguments["instance_id"], "message": self.arguments["message"]}


class NOPLocalWorkflowTask(WorkflowTask):
    """Nothing to do, such as an operation without an implementation."""

    @property
    def name(self) -> str:
        return "NOP"

    def is_nop(self) -> bool:
        return self.on_success is None and self.on_failure is None

    def apply_async(self) -> "WorkflowTaskResult":
        self.has_ended(TASK_SUCCEEDED, None, None, 0)
        return self.async_result


class WorkflowTaskResult:
    """What a task has returned, or will return."""

    _NOT_SET = object()

    def __init__(self, task: WorkflowTask) -> None:
        self.task = task
        self._result: Any = self._NOT_SET
        self._callbacks: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = []

    @property
    def result(self) -> Json:
        """Raises RuntimeError when there is none yet; of a task that failed it is the error."""
        if self._result is self._NOT_SET:
            raise RuntimeError("Result not set yet")
        return self._result

    def set(self, result: Json) -> None:
        self._result = result
        callbacks, self._callbacks = self._callbacks, []
        for callback, args, kwargs in callbacks:
            callback(result, *args, **kwargs)

    def on_result(self, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        if self._result is self._NOT_SET:
            self._callbacks.append((callback, args, kwargs))
        else:
            callback(self._result, *args, **kwargs)

    def get(self, retry_on_failure: bool = True) -> Json:
        """Wait for it. Raises the error of a task that failed, and ExecutionCancelled."""
        if self._result is self._NOT_SET:
            self.task.workflow_context.internal.wait_for(self.task)
        if self._result is self._NOT_SET:
            raise api.ExecutionCancelled
        if isinstance(self._result, BaseException):
            raise self._result
        return self._result


def _exception(kind: str, message: str) -> Exception:
    known = getattr(exceptions, kind, None)
    if kind in ("NonRecoverableError", "RecoverableError") and known is not None:
        made: Exception = known(message)
        return made
    return RuntimeError(f"{kind}: {message}")
