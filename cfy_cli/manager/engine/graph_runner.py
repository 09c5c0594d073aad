"""Running one graph to its end, in rounds: what has ended is noted, what may begin is noted, all is stored, then done.

Light steps are done with the storing itself; operations go to an executor once it is stored that they start.
"""

import heapq
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

from cfy_cli.errors import Failed
from cfy_cli.manager.engine.graph import Graph
from cfy_cli.manager.engine.ports import CancelRequest, Event, Executor, OutcomeHandler, Records
from cfy_cli.manager.engine.retry import after_failure
from cfy_cli.manager.engine.schedule import Schedule
from cfy_cli.manager.engine.subgraph_handlers import SubgraphHandlers, as_operation
from cfy_cli.manager.engine.task_states import TaskStates
from cfy_cli.manager.engine.tasks import (
    Attempt,
    Barrier,
    Failure,
    NodeEvent,
    Operation,
    Outcome,
    SetState,
    Subgraph,
    Task,
    TaskState,
)

ASK_EVERY = 0.2  # seconds between two questions whether to go on
MOST_STEPS = 1000  # in one round, so that steering and progress have their turn


@dataclass(slots=True)
class GraphResult:
    """What stopped a graph before all of it was done: nothing, failures, or somebody."""

    failures: list[tuple[Operation, Failure]] = field(default_factory=list)
    cancel_request: CancelRequest = CancelRequest.NONE


class GraphRunner:
    """One use: `Execute(...).run()`, of a graph that the ledger has opened."""

    def __init__(
        self,
        graph: Graph,
        ledger: TaskStates,
        records: Records,
        executor: Executor,
        *,
        wait_after_fail: float,
        cancel_request: Callable[[], CancelRequest] | None = None,
        judge: OutcomeHandler | None = None,
    ) -> None:
        self._graph, self._ledger, self._records, self._executor = graph, ledger, records, executor
        self._schedule = Schedule(graph)
        asked = judge is not None and not ledger.dry_run
        self._verdicts = SubgraphHandlers(graph, ledger, self._schedule, asked=asked)
        self._outcomes: SimpleQueue[Outcome] = SimpleQueue()
        self._waiting: deque[Attempt] = deque()  # for their turn
        self._delayed: list[tuple[float, int, Attempt]] = []  # for their time
        self._leaving: list[Attempt] = []  # for the executor, once it is stored that they start
        self._steering = cancel_request or records.cancel_request
        self._judge = judge
        self._to_judge: list[Outcome] = []  # for the workflow, once it is stored what is told of them
        self._running = 0
        self._count = 0
        self._asked = 0.0
        self._wait_after_fail = wait_after_fail
        self._deadline = float("inf")
        self._end = GraphResult()
        self._door = threading.Lock()
        self._left = False

    def run(self) -> GraphResult:
        self._recall_failures()
        while True:
            self._ask()
            if self._end.cancel_request in (CancelRequest.FORCE_CANCEL, CancelRequest.KILL):
                self._leave()
                break
            more = self._advance()
            self._ledger.store()
            self._send_off()
            self._ledger.show_progress()
            if more:
                continue
            to_begin = self._may_begin() and (self._delayed or self._waiting)
            if not (self._running or self._verdicts.open or to_begin):
                break
            if time.monotonic() >= self._deadline:
                self._leave()
                break
            self._wait()
        self._end.failures += self._verdicts.unsaid()
        self._check_all_ran()
        return self._end

    def _recall_failures(self) -> None:
        """Those of an earlier run; what they left undone stays undone."""
        for task in self._graph.tasks.values():
            found = self._ledger.found(task)
            if found.failure is not None and self._ledger.has_failed(task) and not self._verdicts.is_replaced(task):
                self._fail(task, as_operation(task.action), found.failure)

    def _may_begin(self) -> bool:
        return self._end.cancel_request is CancelRequest.NONE and time.monotonic() < self._deadline

    def _ask(self, *, at_once: bool = False) -> None:
        if at_once or time.monotonic() >= self._asked + ASK_EVERY:
            self._asked = time.monotonic()
            self._end.cancel_request = self._steering()

    def _advance(self) -> bool:
        """Close what has ended, then begin what may begin; whether there is more of it."""
        may_begin = self._may_begin()
        for _ in range(MOST_STEPS):
            if self._schedule.closing:
                self._close(self._graph.tasks[self._schedule.closing.popleft()])
            elif may_begin and (name := self._schedule.take()) is not None:
                self._step(self._graph.tasks[name])
            else:
                break
        else:
            return True
        if may_begin:
            self._start_waiting()
        return False

    def _start_waiting(self) -> None:
        while self._delayed and self._delayed[0][0] <= time.monotonic():
            self._waiting.append(heapq.heappop(self._delayed)[2])
        while self._waiting and self._running < self._executor.concurrency:
            attempt = self._waiting.popleft()
            self._running += 1
            self._leaving.append(attempt)
            for state in (TaskState.SENDING, TaskState.STARTED):
                self._ledger.move(attempt.task, state, attempt=attempt.number)

    def _send_off(self) -> None:
        for attempt in self._leaving:
            self._executor.submit(attempt, self._ledger.mark(attempt.task), self._report)
        self._leaving.clear()
        for outcome in self._to_judge:
            assert self._judge is not None
            self._judge(outcome, self._report)
        self._to_judge.clear()

    def _step(self, task: Task) -> None:
        action = task.action
        if isinstance(action, Subgraph):
            if action.has_handler and self._verdicts.is_left_behind(task):
                self._schedule.closing.append(task.id)
                return
            if not self._ledger.is_done(task):
                self._ledger.move(task, TaskState.STARTED)
            self._schedule.opened(task.id)
        elif self._ledger.is_done(task):
            self._schedule.ended(task.id, ok=not self._ledger.has_failed(task))
        elif task.subgraph_id is not None and self._ledger.has_failed(self._graph.tasks[task.subgraph_id]):
            self._schedule.ended(task.id, ok=False)
        elif isinstance(action, Operation) and not self._ledger.dry_run:
            self._waiting.append(Attempt(task, action, self._ledger.found(task).attempt))
        else:
            self._light(action)
            self._done(task)

    def _light(self, action: NodeEvent | SetState | Operation | Barrier) -> None:
        if isinstance(action, NodeEvent):
            self._note(action.instance_id, action.message)
        elif isinstance(action, SetState) and not self._ledger.dry_run:
            self._ledger.apply_state(action)

    def _note(self, instance_id: str, message: str) -> None:
        self._ledger.tell(
            Event(
                "cloudify_event",
                message,
                "workflow_node_event",
                node_instance_id=instance_id,
                node_name=self._records.node_of(instance_id),
            )
        )

    def _close(self, task: Task) -> None:
        if self._verdicts.handles(task):
            if self._verdicts.must_ask(task):
                self._to_judge.append(self._verdicts.question(task))
            else:
                self._close_judged(task)
            return
        failed = self._schedule.failed(task.id)
        if not self._ledger.is_done(task):
            self._ledger.move(task, TaskState.FAILED if failed else TaskState.SUCCEEDED)
        self._schedule.ended(task.id, ok=not failed)

    def _close_judged(self, task: Task) -> None:
        ok = not self._ledger.has_failed(task)
        if ok:
            self._schedule.forget(task.id)
        self._schedule.ended(task.id, ok=ok)

    def _take_verdict(self, outcome: Outcome) -> None:
        """The handler of a subgraph has said what is to become of it."""
        failures = self._verdicts.take(outcome)
        if failures is None:  # something else is to run, once that is stored
            if self._may_begin():
                self._to_judge.append(self._verdicts.again(outcome))
            return
        for operation, failure in failures:
            self._fail(outcome.attempt.task, operation, failure)
        self._close_judged(outcome.attempt.task)

    def _done(self, task: Task, attempt: int = 0, result: Any = None, *, told: bool = False) -> None:
        self._ledger.move(task, TaskState.SUCCEEDED, attempt=attempt, result=result, told=told)
        self._schedule.ended(task.id, ok=True)

    def _report(self, outcome: Outcome) -> None:
        """Called by the executor, in a thread of its own."""
        with self._door:
            if not self._left:
                self._outcomes.put(outcome)
            elif outcome.failure is None:  # nobody waits for it any more, but a resumed run will want to know
                self._done(outcome.attempt.task, outcome.attempt.number, outcome.result)
                self._ledger.store()

    def _leave(self) -> None:
        """Go without waiting for what runs. What was killed has no outcome of its own: it stays as started."""
        with self._door:
            if self._end.cancel_request is not CancelRequest.KILL:
                self._take_all()
                self._left = True
        self._ledger.store()

    def _wait(self) -> None:
        soonest = min([self._deadline, *(due for due, _, _ in self._delayed[:1])]) - time.monotonic()
        try:
            self._take(self._outcomes.get(timeout=max(0.0, min(ASK_EVERY, soonest))))
        except Empty:
            return
        self._take_all()

    def _take_all(self) -> None:
        while not self._outcomes.empty():
            self._take(self._outcomes.get())

    def _take(self, outcome: Outcome) -> None:
        if outcome.failure is not None:
            self._ask(at_once=True)
            if (
                self._end.cancel_request is CancelRequest.KILL
            ):  # whoever ends all that runs may have ended this before us
                return
        attempt = outcome.attempt
        if isinstance(attempt.task.action, Subgraph):
            self._take_verdict(outcome)
            return
        wanted = outcome.failure is not None and outcome.failure.requested  # to be run again: nothing to judge
        if attempt.operation.has_handler and not outcome.is_handled and not wanted and self._judge is not None:
            state = TaskState.FAILED if outcome.failure else TaskState.SUCCEEDED
            self._ledger.say(attempt.task, state, attempt.number, outcome.result, outcome.failure)
            self._to_judge.append(outcome)
            return
        self._running -= 1
        if outcome.failure is None:
            self._done(attempt.task, attempt.number, outcome.result, told=outcome.is_handled)
        else:
            self._not_done(attempt, outcome.failure, told=outcome.is_handled)

    def _not_done(self, attempt: Attempt, failure: Failure, *, told: bool) -> None:
        task, operation = attempt.task, attempt.operation
        again = after_failure(operation, attempt.number, failure)
        state = TaskState.RESCHEDULED if failure.requested else TaskState.FAILED
        self._ledger.move(task, state, attempt=attempt.number, failure=failure, again=again is not None, told=told)
        if again is not None:
            self._count += 1
            due = time.monotonic() + again.delay
            heapq.heappush(self._delayed, (due, self._count, Attempt(task, operation, attempt.number + 1)))
        elif operation.ignore_failure:
            self._note(operation.instance_id, f"Ignoring task {operation.function} failure")
            self._schedule.ended(task.id, ok=True)
        elif failure.ignored:
            self._schedule.ended(task.id, ok=True)
        else:
            self._fail(task, operation, failure)
            self._schedule.ended(task.id, ok=False)

    def _fail(self, task: Task, operation: Operation, failure: Failure) -> None:
        """Unless a subgraph around it has a handler: that is asked first whether anything has failed."""
        if self._verdicts.hold(task, operation, failure):
            return
        self._end.failures.append((operation, failure))
        self._deadline = min(self._deadline, time.monotonic() + self._wait_after_fail)

    def _check_all_ran(self) -> None:
        stopped = self._end.failures or self._end.cancel_request is not CancelRequest.NONE
        if self._schedule.unfinished and not stopped:
            raise Failed(f"These wait for each other, so none can begin: {', '.join(self._schedule.stuck())}.")
