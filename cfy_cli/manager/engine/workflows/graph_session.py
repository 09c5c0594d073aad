"""A graph that runs for a workflow process, and the requests to the process meanwhile."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from queue import Empty, SimpleQueue
from typing import Literal, TypedDict

from cfy_cli.contract.json import Json
from cfy_cli.manager.engine.graph_runner import GraphResult
from cfy_cli.manager.engine.ports import CancelRequest, Executor, OutcomeCallback, TaskStateChange
from cfy_cli.manager.engine.tasks import DONE, Attempt, Failure, Operation, Outcome, Subgraph
from cfy_cli.manager.engine.workflows.graph_spec import LOCAL_PLUGIN

POLL_INTERVAL = 0.5  # seconds between checks whether the process has exited


@dataclass(frozen=True, slots=True)
class GraphRun:
    """The result of a graph and the last state of each task."""

    result: GraphResult
    states: Mapping[str, TaskStateChange]


class FailureFields(TypedDict, total=False):
    """A failure as the workflow process reports it: the fields of `Failure`."""

    kind: str
    message: str
    traceback: str
    recoverable: bool
    requested: bool
    retry_after: float | None
    unlimited: bool
    ignored: bool


class HandlerDecision(TypedDict):
    """Carry the decision of a handler about a task."""

    action: Literal["retry", "fail", "ignore", "continue"]
    retry_after: float | None
    unlimited: bool


class GraphSession:
    """An executor that sends tasks of the workflow process to it, and operations to the executor of the execution."""

    def __init__(self, executor: Executor, is_over: Callable[[], bool]) -> None:
        self.concurrency = executor.concurrency
        self._executor, self._is_over = executor, is_over
        self._items: SimpleQueue[dict[str, object]] = SimpleQueue()
        self._pending: dict[str, tuple[Outcome, OutcomeCallback]] = {}
        self._lock = threading.Lock()
        self.result = GraphResult()  # once it has ended

    def next_request(self) -> dict[str, object]:
        """Return the next request to the process; wait until there is one.

        Its `kind` is `run` a task, `handle` the end of a task, `replace` a task by the graph of its handler, or `end`.
        """
        while True:
            try:
                return self._items.get(timeout=POLL_INTERVAL)
            except Empty:
                if self._is_over():
                    return _ended(None, cancelled=True)

    def submit(self, attempt: Attempt, operation_id: str, report: OutcomeCallback) -> None:
        if attempt.operation.plugin == LOCAL_PLUGIN:
            self._request("run", Outcome(attempt), report)
        else:
            self._executor.submit(attempt, operation_id, report)

    def kill(self) -> None:
        self._executor.kill()

    def close(self) -> None:
        """Leave the executor open: other graphs use it."""

    def handle_outcome(self, outcome: Outcome, report: OutcomeCallback) -> None:
        """Ask the process what to do about an outcome, as `ports.OutcomeHandler`."""
        is_replacement = outcome.failure is not None and outcome.failure.requested
        self._request("replace" if is_replacement else "handle", outcome, report)

    def on_run(self, task: str, result: Json, error: FailureFields | None) -> None:
        """Report the outcome of a task that the process has run."""
        outcome, report = self._take(task)
        report(replace(outcome, result=result, failure=Failure(**error) if error else None))

    def on_handled(self, task: str, decision: HandlerDecision | None) -> None:
        """Report an outcome that the process has handled; None leaves it as it is."""
        outcome, report = self._take(task)
        report(replace(outcome, is_handled=True, failure=_apply(outcome, decision)))

    def on_replaced(self, task: str, replacement: GraphResult) -> None:
        """Report the outcome of a task by the result of the graph that replaced it."""
        outcome, report = self._take(task)
        failure = outcome.failure
        assert failure is not None
        if replacement.failures:
            failure = replace(replacement.failures[0][1], requested=False)
        elif replacement.cancel_request is CancelRequest.NONE:
            failure = replace(failure, requested=False, ignored=True)
        report(replace(outcome, is_handled=True, failure=failure, replacement_failures=tuple(replacement.failures)))

    def complete(self, run: GraphRun, error: str) -> None:
        """Send the result of the graph to the process; `error` is empty when nothing failed."""
        states = {
            name: (str(last.state), last.result, asdict(last.failure) if last.failure else None, last.attempt)
            for name, last in run.states.items()
            if name.isdecimal() and last.state in DONE  # other names are those of built-in steps
        }
        self.result = run.result
        self._items.put(
            _ended(error, cancelled=not error and run.result.cancel_request is not CancelRequest.NONE, states=states)
        )

    def succeed(self) -> None:
        self._items.put(_ended("", cancelled=False))

    def fail(self, error: str) -> None:
        """Send the error of a graph that could not be run."""
        failure = Failure("NonRecoverableError", error, recoverable=False)
        self.result = GraphResult([(Operation("graph", LOCAL_PLUGIN, "graph", "", ""), failure)])
        self._items.put(_ended(error, cancelled=False))

    def _request(self, kind: str, outcome: Outcome, report: OutcomeCallback) -> None:
        task = outcome.attempt.task.id
        with self._lock:
            self._pending[task] = outcome, report
        failure = asdict(outcome.failure) if outcome.failure else None
        fields = {"result": outcome.result, "failure": failure, "retries": outcome.attempt.number}
        self._items.put({"kind": kind, "task": task, **fields})

    def _take(self, task: str) -> tuple[Outcome, OutcomeCallback]:
        with self._lock:
            return self._pending.pop(task)


def _ended(error: str | None, *, cancelled: bool, states: Mapping[str, object] | None = None) -> dict[str, object]:
    return {"kind": "end", "error": error, "cancelled": cancelled, "states": states or {}}


def _apply(outcome: Outcome, decision: HandlerDecision | None) -> Failure | None:
    """Return the failure of an outcome after a handler's decision; None when it counts as success."""
    failure = outcome.failure
    action = decision["action"] if decision else None
    if decision is None or (action == "continue" and failure is None):
        return failure
    after, unlimited = decision["retry_after"], decision["unlimited"]
    if failure is None:
        subject = "The success handler of the task wants it to"
        if action == "retry":
            retry = Failure("OperationRetry", f"{subject} run again", requested=True)
            return replace(retry, retry_after=after, unlimited=unlimited)
        return Failure("NonRecoverableError", f"{subject} fail", recoverable=False) if action == "fail" else None
    if action == "retry":
        after = failure.retry_after if after is None else after
        requested = isinstance(outcome.attempt.task.action, Subgraph)  # a replacement graph requests its own retries
        return replace(failure, recoverable=True, retry_after=after, unlimited=unlimited, requested=requested)
    return replace(failure, recoverable=False, requested=False, ignored=action != "fail")
