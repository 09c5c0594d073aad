"""One graph that runs for the process of a workflow: what that is asked meanwhile, and what it answers."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from queue import Empty, SimpleQueue
from typing import Any

from cfy_cli.manager.engine.graph_runner import GraphResult
from cfy_cli.manager.engine.ports import CancelRequest, Executor, OutcomeCallback, TaskStateChange
from cfy_cli.manager.engine.tasks import DONE, Attempt, Failure, Operation, Outcome, Subgraph
from cfy_cli.manager.engine.workflows.graph_spec import HERE

Json = Any
LOOK_EVERY = 0.5  # seconds between looks whether the process is still there


@dataclass(frozen=True, slots=True)
class Ran:
    """How a graph ended, and how its tasks stand."""

    end: GraphResult
    moved: Mapping[str, TaskStateChange]


class Beside:
    """Its executor gives to the process what is the process's to run, and all else to the executor of the execution."""

    def __init__(self, executor: Executor, is_over: Callable[[], bool]) -> None:
        self.concurrency = executor.concurrency
        self._executor, self._is_over = executor, is_over
        self._items: SimpleQueue[dict[str, Json]] = SimpleQueue()
        self._asked: dict[str, tuple[Outcome, OutcomeCallback]] = {}
        self._lock = threading.Lock()
        self.end = GraphResult()  # when it is over

    def next(self) -> dict[str, Json]:
        """What the process is to do next, when there is something.

        It is to `run` or `judge` a task, to `replace` one by what its handler has drawn, or to note the `end`.
        """
        while True:
            try:
                return self._items.get(timeout=LOOK_EVERY)
            except Empty:
                if self._is_over():
                    return _ended(None, cancelled=True)

    def submit(self, attempt: Attempt, operation_id: str, report: OutcomeCallback) -> None:
        if attempt.operation.plugin == HERE:
            self._ask("run", Outcome(attempt), report)
        else:
            self._executor.submit(attempt, operation_id, report)

    def kill(self) -> None:
        self._executor.kill()

    def close(self) -> None:
        """There are others who use the executor."""

    def judge(self, outcome: Outcome, report: OutcomeCallback) -> None:
        """`cfy_cli.manager.engine.ports.Judge`."""
        wanted = outcome.failure is not None and outcome.failure.requested
        self._ask("replace" if wanted else "judge", outcome, report)

    def ran(self, task: str, result: Json, error: Mapping[str, Json] | None) -> None:
        """The process has run a task."""
        outcome, report = self._take(task)
        report(replace(outcome, result=result, failure=Failure(**error) if error else None))

    def judged(self, task: str, verdict: Mapping[str, Json] | None) -> None:
        """The process has judged a task: `action` is retry, fail, ignore or continue; None leaves it as it is."""
        outcome, report = self._take(task)
        report(replace(outcome, is_handled=True, failure=_failure(outcome, verdict)))

    def replaced(self, task: str, by: GraphResult) -> None:
        """What the process had run in the place of a task has ended."""
        outcome, report = self._take(task)
        failure = outcome.failure
        assert failure is not None
        if by.failures:
            failure = replace(by.failures[0][1], requested=False)
        elif by.cancel_request is CancelRequest.NONE:
            failure = replace(failure, requested=False, ignored=True)
        report(replace(outcome, is_handled=True, failure=failure, replacement_failures=tuple(by.failures)))

    def over(self, ran: Ran, error: str) -> None:
        states = {
            name: (str(moved.state), moved.result, asdict(moved.failure) if moved.failure else None, moved.attempt)
            for name, moved in ran.moved.items()
            if name.isdecimal() and moved.state in DONE  # the others are steps that we drew
        }
        self.end = ran.end
        self._items.put(
            _ended(error, cancelled=not error and ran.end.cancel_request is not CancelRequest.NONE, states=states)
        )

    def done(self) -> None:
        self._items.put(_ended("", cancelled=False))

    def broken(self, error: str) -> None:
        """It could not be run at all."""
        failure = Failure("NonRecoverableError", error, recoverable=False)
        self.end = GraphResult([(Operation("graph", HERE, "graph", "", ""), failure)])
        self._items.put(_ended(error, cancelled=False))

    def _ask(self, kind: str, outcome: Outcome, report: OutcomeCallback) -> None:
        task = outcome.attempt.task.id
        with self._lock:
            self._asked[task] = outcome, report
        failure = asdict(outcome.failure) if outcome.failure else None
        about = {"result": outcome.result, "failure": failure, "retries": outcome.attempt.number}
        self._items.put({"kind": kind, "task": task, **about})

    def _take(self, task: str) -> tuple[Outcome, OutcomeCallback]:
        with self._lock:
            return self._asked.pop(task)


def _ended(error: str | None, *, cancelled: bool, states: Mapping[str, Json] | None = None) -> dict[str, Json]:
    return {"kind": "end", "error": error, "cancelled": cancelled, "states": states or {}}


def _failure(outcome: Outcome, verdict: Mapping[str, Json] | None) -> Failure | None:
    failure, action = outcome.failure, (verdict or {}).get("action")
    if verdict is None or (action == "continue" and failure is None):
        return failure
    after, unlimited = verdict["retry_after"], verdict["unlimited"]
    if failure is None:
        told = "The handler of its success wants it to"
        if action == "retry":
            wanted = Failure("OperationRetry", f"{told} run again", requested=True)
            return replace(wanted, retry_after=after, unlimited=unlimited)
        return Failure("NonRecoverableError", f"{told} fail", recoverable=False) if action == "fail" else None
    if action == "retry":
        after = failure.retry_after if after is None else after
        requested = isinstance(outcome.attempt.task.action, Subgraph)  # what runs in its place asks for its own tries
        return replace(failure, recoverable=True, retry_after=after, unlimited=unlimited, requested=requested)
    return replace(failure, recoverable=False, requested=False, ignored=action != "fail")
