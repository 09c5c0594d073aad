"""Running one graph to its end: light steps here and now, operations in a pool of threads."""

import heapq
import time
from collections import deque
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from cfy_cli.errors import Failed
from cfy_cli.manager.engine.graph import Graph
from cfy_cli.manager.engine.ledger import Ledger
from cfy_cli.manager.engine.pool import Pool
from cfy_cli.manager.engine.ports import Event, Records, Steering
from cfy_cli.manager.engine.retry import after_failure
from cfy_cli.manager.engine.schedule import Schedule
from cfy_cli.manager.engine.stamps import system_properties
from cfy_cli.manager.engine.tasks import (
    Failure,
    Knot,
    Note,
    Operation,
    OperationFailed,
    Outcome,
    SetState,
    Subgraph,
    Task,
    TaskState,
)

ASK_EVERY = 0.2  # seconds between two questions whether to go on


class Operate(Protocol):
    """Runs one attempt of an operation and gives what it returned; raises OperationFailed."""

    def __call__(self, task: Task, operation: Operation, attempt: int) -> Any: ...


@dataclass(slots=True)
class End:
    """What stopped a graph before all of it was done: nothing, failures, or somebody."""

    failures: list[tuple[Operation, Failure]] = field(default_factory=list)
    steering: Steering = Steering.GO_ON


class Execute:
    """One use: `Execute(...).run()`."""

    def __init__(
        self, graph: Graph, ledger: Ledger, records: Records, operate: Operate, pool: Pool, *, wait_after_fail: float
    ) -> None:
        self._graph, self._ledger, self._records, self._operate, self._pool = graph, ledger, records, operate, pool
        self._schedule = Schedule(graph)
        self._outcomes: SimpleQueue[Outcome] = SimpleQueue()
        self._waiting: deque[tuple[Task, Operation, int]] = deque()  # for a thread of the pool
        self._delayed: list[tuple[float, int, Task, Operation, int]] = []  # for their next attempt
        self._running = 0
        self._count = 0
        self._asked = 0.0
        self._wait_after_fail = wait_after_fail
        self._deadline = float("inf")
        self._end = End()

    def run(self) -> End:
        self._ledger.open(self._graph)
        while True:
            self._ask()
            if self._end.steering in (Steering.FORCE_CANCEL, Steering.KILL):
                break
            self._advance()
            if not self._running and not (self._may_begin() and (self._delayed or self._waiting)):
                break
            self._wait()
            self._ledger.show_progress()
        self._check_all_ran()
        return self._end

    def _may_begin(self) -> bool:
        return self._end.steering is Steering.GO_ON and time.monotonic() < self._deadline

    def _ask(self) -> None:
        if time.monotonic() >= self._asked + ASK_EVERY:
            self._asked = time.monotonic()
            self._end.steering = self._records.steering()

    def _advance(self) -> None:
        """Close what has ended, then begin everything that may begin."""
        may_begin = self._may_begin()
        while True:
            if self._schedule.closing:
                self._close(self._graph.tasks[self._schedule.closing.popleft()])
            elif may_begin and (name := self._schedule.take()) is not None:
                self._step(self._graph.tasks[name])
            else:
                break
        if may_begin:
            self._send_waiting()

    def _send_waiting(self) -> None:
        while self._delayed and self._delayed[0][0] <= time.monotonic():
            self._waiting.append(heapq.heappop(self._delayed)[2:])
        while self._waiting and self._running < self._pool.width:
            self._send(*self._waiting.popleft())

    def _step(self, task: Task) -> None:
        work = task.work
        if isinstance(work, Operation):
            if self._ledger.dry_run:
                self._done(task)
            else:
                self._waiting.append((task, work, 0))
        elif isinstance(work, Subgraph):
            self._ledger.move(task, TaskState.STARTED)
            self._schedule.opened(task.id)
        else:
            self._light(work)
            self._done(task)

    def _light(self, work: Note | SetState | Knot) -> None:
        if isinstance(work, Note):
            self._note(work.instance_id, work.message)
        elif isinstance(work, SetState) and not self._ledger.dry_run:
            stamped = system_properties(work, lambda: self._records.instance(work.instance_id).system_properties)
            self._records.update(work.instance_id, state=work.state, system_properties=stamped)

    def _note(self, instance_id: str, message: str) -> None:
        self._records.emit(
            Event(
                "cloudify_event",
                message,
                "workflow_node_event",
                node_instance_id=instance_id,
                node_name=self._records.node_of(instance_id),
            )
        )

    def _close(self, task: Task) -> None:
        failed = self._schedule.failed(task.id)
        self._ledger.move(task, TaskState.FAILED if failed else TaskState.SUCCEEDED)
        self._schedule.ended(task.id, ok=not failed)

    def _done(self, task: Task, attempt: int = 0, result: Any = None) -> None:
        self._ledger.move(task, TaskState.SUCCEEDED, attempt=attempt, result=result)
        self._schedule.ended(task.id, ok=True)

    def _send(self, task: Task, operation: Operation, attempt: int) -> None:
        self._running += 1
        self._ledger.move(task, TaskState.SENDING, attempt=attempt)
        self._pool.submit(lambda: self._attempt(task, operation, attempt))

    def _attempt(self, task: Task, operation: Operation, attempt: int) -> None:
        """In a thread of the pool; whatever happens, the outcome is reported."""
        try:
            self._ledger.move(task, TaskState.STARTED, attempt=attempt)
            outcome = Outcome(task, attempt, self._operate(task, operation, attempt))
        except OperationFailed as error:
            outcome = Outcome(task, attempt, failure=error.failure)
        except BaseException as error:
            outcome = Outcome(task, attempt, failure=Failure(type(error).__name__, str(error) or type(error).__name__))
        self._outcomes.put(outcome)

    def _wait(self) -> None:
        soonest = self._delayed[0][0] - time.monotonic() if self._delayed else ASK_EVERY
        try:
            outcome = self._outcomes.get(timeout=max(0.0, min(ASK_EVERY, soonest)))
        except Empty:
            return
        self._running -= 1
        operation = outcome.task.work
        assert isinstance(operation, Operation)
        if outcome.failure is None:
            self._done(outcome.task, outcome.attempt, outcome.result)
        else:
            self._not_done(outcome.task, operation, outcome.attempt, outcome.failure)

    def _not_done(self, task: Task, operation: Operation, attempt: int, failure: Failure) -> None:
        again = after_failure(operation, attempt, failure)
        state = TaskState.RESCHEDULED if failure.requested else TaskState.FAILED
        self._ledger.move(task, state, attempt=attempt, failure=failure, again=again is not None)
        if again is not None:
            self._count += 1
            due = time.monotonic() + again.delay
            heapq.heappush(self._delayed, (due, self._count, task, operation, attempt + 1))
        elif operation.ignore_failure:
            self._note(operation.instance_id, f"Ignoring task {operation.function} failure")
            self._schedule.ended(task.id, ok=True)
        else:
            self._end.failures.append((operation, failure))
            self._deadline = min(self._deadline, time.monotonic() + self._wait_after_fail)
            self._schedule.ended(task.id, ok=False)

    def _check_all_ran(self) -> None:
        stopped = self._end.failures or self._end.steering is not Steering.GO_ON
        if self._schedule.unfinished and not stopped:
            raise Failed(f"These wait for each other, so none can begin: {', '.join(self._schedule.stuck())}.")
