"""Running one graph to its end, in rounds.

A round collects the tasks that have ended and those that may start, stores all changes in one transaction, and only
then starts operations in the executor. Other actions are done by the storing itself, as are operations that do nothing.
"""

import heapq
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from cfy_cli.contract.json import Json
from cfy_cli.errors import Failed
from cfy_cli.manager.engine.agents import describe_nothing, does_nothing
from cfy_cli.manager.engine.graph import Graph
from cfy_cli.manager.engine.ports import CancelRequest, ExecutionEvent, Executor, OutcomeHandler, Records
from cfy_cli.manager.engine.remote_hosts import is_for_agent
from cfy_cli.manager.engine.retry import retry_delay
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

CANCEL_POLL_INTERVAL = 0.2  # seconds
ROUND_BATCH = 1000  # steps of one round, so that cancelling and progress are not delayed


@dataclass(slots=True)
class GraphResult:
    """The end of a graph: complete, with failures, or by a request to cancel."""

    failures: list[tuple[Operation, Failure]] = field(default_factory=list)
    cancel_request: CancelRequest = CancelRequest.NONE


class GraphRunner:
    """Runs one graph, which `states` has loaded, once: `GraphRunner(...).run()`."""

    def __init__(
        self,
        graph: Graph,
        states: TaskStates,
        records: Records,
        executor: Executor,
        *,
        wait_after_fail: float,
        cancel_request: Callable[[], CancelRequest] | None = None,
        handler: OutcomeHandler | None = None,
    ) -> None:
        self._graph, self._states, self._records, self._executor = graph, states, records, executor
        self._schedule = Schedule(graph)
        self._handler = handler
        handlers_enabled = handler is not None and not states.dry_run
        self._subgraph_handlers = SubgraphHandlers(graph, states, self._schedule, enabled=handlers_enabled)
        self._outcomes: SimpleQueue[Outcome] = SimpleQueue()
        self._queued: deque[Attempt] = deque()  # until the executor has room
        self._delayed: list[tuple[float, int, Attempt]] = []  # a heap by due time, until their retry is due
        self._to_submit: list[Attempt] = []  # once their start is stored
        self._to_handle: list[Outcome] = []  # for the workflow's handlers, once their events are stored
        self._running = 0
        self._retries = 0  # makes entries of the heap unique
        self._poll_cancel_request = cancel_request or records.cancel_request
        self._polled_at = 0.0
        self._wait_after_fail = wait_after_fail  # seconds
        self._deadline = float("inf")
        self._result = GraphResult()
        self._detach_lock = threading.Lock()
        self._detached = False  # the graph has ended while operations still run

    def run(self) -> GraphResult:
        self._recall_failures()
        while True:
            self._poll()
            if self._result.cancel_request in (CancelRequest.FORCE_CANCEL, CancelRequest.KILL):
                self._detach()
                break
            more = self._advance()
            self._states.store(ahead=more and not self._to_handle)
            self._start_stored()
            self._states.report_progress()
            if more:
                continue
            to_start = self._may_start() and (self._delayed or self._queued)
            if not (self._running or self._subgraph_handlers.undecided or to_start):
                break
            if time.monotonic() >= self._deadline:
                self._detach()
                break
            self._wait()
        self._result.failures += self._subgraph_handlers.deferred_failures()
        self._check_complete()
        return self._result

    def _recall_failures(self) -> None:
        """Report the failures of earlier runs again; their dependents stay undone."""
        for task in self._graph.tasks.values():
            failure = self._states.get(task).failure
            if failure is None or not self._states.has_failed(task) or self._subgraph_handlers.is_replaced(task):
                continue
            self._fail(task, as_operation(task.action), failure)

    def _may_start(self) -> bool:
        return self._result.cancel_request is CancelRequest.NONE and time.monotonic() < self._deadline

    def _poll(self, *, force: bool = False) -> None:
        if force or time.monotonic() >= self._polled_at + CANCEL_POLL_INTERVAL:
            self._polled_at = time.monotonic()
            self._result.cancel_request = self._poll_cancel_request()

    def _advance(self) -> bool:
        """Close ended subgraphs, then start tasks; return whether the batch was full and there may be more."""
        may_start = self._may_start()
        for _ in range(ROUND_BATCH):
            if self._schedule.closing:
                self._close(self._graph.tasks[self._schedule.closing.popleft()])
            elif may_start and (name := self._schedule.take()) is not None:
                self._start(self._graph.tasks[name])
            else:
                break
        else:
            return True
        if may_start:
            self._start_queued()
        return False

    def _start_queued(self) -> None:
        while self._delayed and self._delayed[0][0] <= time.monotonic():
            self._queued.append(heapq.heappop(self._delayed)[2])
        while self._queued and self._running < self._executor.concurrency:
            attempt = self._queued.popleft()
            self._to_submit.append(attempt)
            self._mark_started(attempt)

    def _mark_started(self, attempt: Attempt) -> None:
        self._running += 1
        for state in (TaskState.SENDING, TaskState.STARTED):
            self._states.change(attempt.task, state, attempt=attempt.number)

    def _start_stored(self) -> None:
        """Start the operations and call the handlers whose states are stored by now."""
        for attempt in self._to_submit:
            self._executor.submit(attempt, self._states.operation_id(attempt.task), self._report)
        self._to_submit.clear()
        for outcome in self._to_handle:
            assert self._handler is not None
            self._handler(outcome, self._report)
        self._to_handle.clear()

    def _start(self, task: Task) -> None:
        action = task.action
        if isinstance(action, Subgraph):
            self._start_subgraph(task, action)
        elif self._states.is_done(task):
            self._schedule.mark_ended(task.id, ok=not self._states.has_failed(task))
        elif task.subgraph_id is not None and self._states.has_failed(self._graph.tasks[task.subgraph_id]):
            self._schedule.mark_ended(task.id, ok=False)
        elif isinstance(action, Operation) and not self._states.dry_run:
            attempt = Attempt(task, action, self._states.get(task).attempt)
            if self._ends_at_once(action):
                self._do_nothing(attempt)
            else:
                self._queued.append(attempt)
        else:
            self._apply(action)
            self._succeed(task)

    def _ends_at_once(self, operation: Operation) -> bool:
        """Return whether an operation does nothing, and the executor would neither refuse nor judge it."""
        is_judged = operation.health_check or operation.repeat_until_true or is_for_agent(operation)
        return not is_judged and does_nothing(self._records, operation)

    def _do_nothing(self, attempt: Attempt) -> None:
        """Start and end an operation without effect, whose start needs not be stored before."""
        self._mark_started(attempt)
        self._states.emit_log(attempt.task, attempt.operation, describe_nothing(attempt.operation))
        self._process(Outcome(attempt))

    def _start_subgraph(self, task: Task, subgraph: Subgraph) -> None:
        if subgraph.has_handler and self._subgraph_handlers.is_abandoned(task):
            self._schedule.closing.append(task.id)
            return
        if not self._states.is_done(task):
            self._states.change(task, TaskState.STARTED)
        self._schedule.open_subgraph(task.id)

    def _apply(self, action: NodeEvent | SetState | Operation | Barrier) -> None:
        """Do an action that needs no executor."""
        if isinstance(action, NodeEvent):
            self._emit_node_event(action.instance_id, action.message)
        elif isinstance(action, SetState) and not self._states.dry_run:
            self._states.set_instance_state(action)

    def _emit_node_event(self, instance_id: str, message: str) -> None:
        self._states.emit(
            ExecutionEvent(
                "cloudify_event",
                message,
                "workflow_node_event",
                node_instance_id=instance_id,
                node_name=self._records.node_of(instance_id),
            )
        )

    def _close(self, task: Task) -> None:
        if self._subgraph_handlers.has_handler(task):
            if self._subgraph_handlers.must_call(task):
                self._to_handle.append(self._subgraph_handlers.request_decision(task))
            else:
                self._close_decided(task)
            return
        failed = self._schedule.has_failed_member(task.id)
        if not self._states.is_done(task):
            self._states.change(task, TaskState.FAILED if failed else TaskState.SUCCEEDED)
        self._schedule.mark_ended(task.id, ok=not failed)

    def _close_decided(self, task: Task) -> None:
        ok = not self._states.has_failed(task)
        if ok:
            self._schedule.skip_unsuccessful(task.id)
        self._schedule.mark_ended(task.id, ok=ok)

    def _apply_decision(self, outcome: Outcome) -> None:
        """Continue as the handler of a subgraph has decided."""
        failures = self._subgraph_handlers.apply_decision(outcome)
        if failures is None:  # another graph will run once the decision is stored
            if self._may_start():
                self._to_handle.append(self._subgraph_handlers.request_replacement(outcome))
            return
        for operation, failure in failures:
            self._fail(outcome.attempt.task, operation, failure)
        self._close_decided(outcome.attempt.task)

    def _succeed(self, task: Task, attempt: int = 0, result: Json = None, *, emit: bool = True) -> None:
        self._states.change(task, TaskState.SUCCEEDED, attempt=attempt, result=result, emit=emit)
        self._schedule.mark_ended(task.id, ok=True)

    def _report(self, outcome: Outcome) -> None:
        """Take an outcome from a thread of the executor."""
        with self._detach_lock:
            if not self._detached:
                self._outcomes.put(outcome)
            elif outcome.failure is None:  # a resumed run must know, although this one has ended
                self._succeed(outcome.attempt.task, outcome.attempt.number, outcome.result)
                self._states.store()

    def _detach(self) -> None:
        """End without waiting for running operations. A killed operation has no outcome: it stays started."""
        with self._detach_lock:
            if self._result.cancel_request is not CancelRequest.KILL:
                self._process_outcomes()
                self._detached = True
            self._states.store()  # under the lock, because from now on other threads store too

    def _wait(self) -> None:
        """Wait for an outcome, the next retry, the deadline, or the next poll for a cancel request."""
        next_due = min([self._deadline, *(due for due, _, _ in self._delayed[:1])]) - time.monotonic()
        try:
            self._process(self._outcomes.get(timeout=max(0.0, min(CANCEL_POLL_INTERVAL, next_due))))
        except Empty:
            return
        self._process_outcomes()

    def _process_outcomes(self) -> None:
        while not self._outcomes.empty():
            self._process(self._outcomes.get())

    def _process(self, outcome: Outcome) -> None:
        if outcome.failure is not None:
            self._poll(force=True)
            if self._result.cancel_request is CancelRequest.KILL:  # the kill may have caused this failure
                return
        attempt = outcome.attempt
        if isinstance(attempt.task.action, Subgraph):
            self._apply_decision(outcome)
        elif self._needs_handler(outcome):
            state = TaskState.FAILED if outcome.failure else TaskState.SUCCEEDED
            self._states.emit_state(attempt.task, state, attempt.number, outcome.result, outcome.failure)
            self._to_handle.append(outcome)
        else:
            self._running -= 1
            if outcome.failure is None:
                self._succeed(attempt.task, attempt.number, outcome.result, emit=not outcome.is_handled)
            else:
                self._process_failure(attempt, outcome.failure, emit=not outcome.is_handled)

    def _needs_handler(self, outcome: Outcome) -> bool:
        """Return whether a handler of the workflow has to decide; a retry that was requested needs no decision."""
        requested = outcome.failure is not None and outcome.failure.requested
        has_handler = outcome.attempt.operation.has_handler and self._handler is not None
        return has_handler and not outcome.is_handled and not requested

    def _process_failure(self, attempt: Attempt, failure: Failure, *, emit: bool) -> None:
        task, operation = attempt.task, attempt.operation
        delay = retry_delay(operation, attempt.number, failure)
        state = TaskState.RESCHEDULED if failure.requested else TaskState.FAILED
        self._states.change(task, state, attempt=attempt.number, failure=failure, retried=delay is not None, emit=emit)
        if delay is not None:
            self._retries += 1
            due = time.monotonic() + delay
            self._states.emit_next_attempt(task, attempt.number, failure, delay)
            heapq.heappush(self._delayed, (due, self._retries, Attempt(task, operation, attempt.number + 1)))
        elif operation.ignore_failure:
            self._emit_node_event(operation.instance_id, f"Ignoring task {operation.function} failure")
            self._schedule.mark_ended(task.id, ok=True)
        elif failure.ignored:
            self._schedule.mark_ended(task.id, ok=True)
        else:
            self._fail(task, operation, failure)
            self._schedule.mark_ended(task.id, ok=False)

    def _fail(self, task: Task, operation: Operation, failure: Failure) -> None:
        """Add a failure to the result, unless the handler of a subgraph around the task decides about it first."""
        if self._subgraph_handlers.defer_failure(task, operation, failure):
            return
        self._result.failures.append((operation, failure))
        self._deadline = min(self._deadline, time.monotonic() + self._wait_after_fail)

    def _check_complete(self) -> None:
        stopped = self._result.failures or self._result.cancel_request is not CancelRequest.NONE
        if self._schedule.remaining and not stopped:
            raise Failed(
                "The graph of the workflow has a cycle: these subgraphs wait for each other: "
                f"{', '.join(self._schedule.blocked_subgraphs())}."
            )
