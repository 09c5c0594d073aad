"""Subgraphs of Python workflows whose handlers decide how the workflow continues after them."""

from dataclasses import replace
from typing import cast

from cfy_cli.contract.json import Json
from cfy_cli.manager.engine.graph import Graph
from cfy_cli.manager.engine.schedule import Schedule
from cfy_cli.manager.engine.task_states import TaskStates
from cfy_cli.manager.engine.tasks import Action, Attempt, Failure, Operation, Outcome, Subgraph, Task, TaskState

FailedOperation = tuple[Operation, Failure]


class SubgraphHandlers:
    """Handlers of the subgraphs of one graph.

    Failures inside a subgraph do not fail the workflow until its handler has decided.
    """

    def __init__(self, graph: Graph, states: TaskStates, schedule: Schedule, *, enabled: bool) -> None:
        self.undecided = 0  # subgraphs whose handler has been called and has not decided
        self._graph, self._states, self._schedule, self._enabled = graph, states, schedule, enabled
        self._deferred: dict[str, list[FailedOperation]] = {}  # by subgraph: failures until its handler decides

    def has_handler(self, task: Task) -> bool:
        return self._enabled and isinstance(task.action, Subgraph) and task.action.has_handler

    def is_replaced(self, task: Task) -> bool:
        """Return whether another graph runs, or has run, in place of a subgraph."""
        return isinstance(task.action, Subgraph) and self._states.get(task).attempt > 0

    def is_abandoned(self, task: Task) -> bool:
        """Return whether the workflow continues without the remaining tasks of a subgraph."""
        failure = self._states.get(task).failure
        return self.is_replaced(task) or (failure is not None and failure.ignored)

    def defer_failure(self, task: Task, operation: Operation, failure: Failure) -> bool:
        """Keep a failure until the handler of a subgraph around the task decides; return False if there is none."""
        subgraph = task
        while subgraph.subgraph_id is not None:
            subgraph = self._graph.tasks[subgraph.subgraph_id]
            if self.has_handler(subgraph) and not self._states.is_done(subgraph):
                self._deferred.setdefault(subgraph.id, []).append((operation, failure))
                return True
        return False

    def deferred_failures(self) -> list[FailedOperation]:
        """Return the failures that no handler dismissed before the deadline."""
        return [failed for failures in self._deferred.values() for failed in failures]

    def must_call(self, task: Task) -> bool:
        """Return whether the handler of an ended subgraph has to decide.

        Only the handler knows how a replacement graph ended, so it is called in every run.
        """
        return not self._states.is_done(task) or (self.is_replaced(task) and self._states.has_failed(task))

    def request_decision(self, task: Task) -> Outcome:
        """Return the outcome of an ended subgraph for its handler."""
        change, failure = self._states.get(task), self._failure_of(task)
        if self._states.is_done(task):
            self._states.reopen(task)
        elif not change.attempt:
            self._states.emit_state(task, TaskState.FAILED if failure else TaskState.SUCCEEDED, 0, None, None)
        path = cast(Json, self._schedule.failure_path(task.id)) or change.result
        self.undecided += 1
        return Outcome(Attempt(task, as_operation(task.action), change.attempt), path, failure)

    def request_replacement(self, outcome: Outcome) -> Outcome:
        """Return the outcome with which the handler is asked to run another graph in place of its subgraph."""
        self.undecided += 1
        return replace(outcome, is_handled=False)

    def apply_decision(self, outcome: Outcome) -> list[FailedOperation] | None:
        """Store a decision; return the remaining failures, or None if another graph has to replace the subgraph."""
        self.undecided -= 1
        task, failure = outcome.attempt.task, outcome.failure
        if failure is not None and failure.requested:
            self._replace(task, outcome)
            return None
        state, deferred = TaskState.FAILED if failure else TaskState.SUCCEEDED, self._deferred.pop(task.id, [])
        own = failure if failure and (failure.ignored or not deferred) else None  # otherwise a member has it
        self._states.change(task, state, attempt=self._states.get(task).attempt, failure=own, emit=False)
        if failure is None:
            return []
        if failure.ignored:
            self._ignore_failures(task)
            return []
        return list(outcome.replacement_failures) or deferred or [(outcome.attempt.operation, failure)]

    def _replace(self, task: Task, outcome: Outcome) -> None:
        failure = self._failure_of(task)
        self._deferred.pop(task.id, None)
        self._ignore_failures(task)
        self._states.change(task, TaskState.STARTED, attempt=1, result=outcome.result, failure=failure, emit=False)

    def _failure_of(self, task: Task) -> Failure | None:
        """Return the first failure in a subgraph."""
        deferred = self._deferred.get(task.id)
        if deferred:
            return replace(deferred[0][1], requested=False)
        return self._states.get(task).failure if self.is_replaced(task) else None

    def _ignore_failures(self, task: Task) -> None:
        for name in self._schedule.unsuccessful(task.id):
            self._states.ignore_failure(self._graph.tasks[name])


def as_operation(action: Action) -> Operation:
    """Return the operation that a failure is reported of; a subgraph stands for itself when its handler fails it."""
    assert isinstance(action, Operation | Subgraph), "other actions do not fail"
    if isinstance(action, Operation):
        return action
    return Operation(action.name, "", action.name, "", "", has_handler=True)
