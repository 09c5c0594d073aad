"""Subgraphs of workflows in Python whose handlers are asked what to make of their ends."""

from dataclasses import replace
from typing import cast

from cfy_cli.contract.json import Json
from cfy_cli.manager.engine.graph import Graph
from cfy_cli.manager.engine.schedule import Schedule
from cfy_cli.manager.engine.task_states import TaskStates
from cfy_cli.manager.engine.tasks import Action, Attempt, Failure, Operation, Outcome, Subgraph, Task, TaskState

Failed = tuple[Operation, Failure]


class SubgraphHandlers:
    """Of one graph. Until a handler has spoken, what failed in its subgraph counts for nobody else."""

    def __init__(self, graph: Graph, ledger: TaskStates, schedule: Schedule, *, asked: bool) -> None:
        self.open = 0  # subgraphs that are being judged
        self._graph, self._ledger, self._schedule, self._asked = graph, ledger, schedule, asked
        self._held: dict[str, list[Failed]] = {}  # in subgraphs that are still to be judged

    def handles(self, task: Task) -> bool:
        return self._asked and isinstance(task.action, Subgraph) and task.action.has_handler

    def is_replaced(self, task: Task) -> bool:
        """Whether something else runs, or has run, in the place of a subgraph."""
        return isinstance(task.action, Subgraph) and self._ledger.found(task).attempt > 0

    def is_left_behind(self, task: Task) -> bool:
        """Whether nothing more of a subgraph is to run, whatever is left of it."""
        failure = self._ledger.found(task).failure
        return self.is_replaced(task) or (failure is not None and failure.ignored)

    def hold(self, task: Task, operation: Operation, failure: Failure) -> bool:
        """Keep a failure for the handler of a subgraph around it; False when there is none to be asked."""
        holder = task
        while holder.subgraph_id is not None:
            holder = self._graph.tasks[holder.subgraph_id]
            if self.handles(holder) and not self._ledger.is_done(holder):
                self._held.setdefault(holder.id, []).append((operation, failure))
                return True
        return False

    def unsaid(self) -> list[Failed]:
        """What nobody has said, in the time there was, to be no failure."""
        return [each for held in self._held.values() for each in held]

    def must_ask(self, task: Task) -> bool:
        """How that ended which ran in its place is known to its handler alone, so that is asked in each run."""
        return not self._ledger.is_done(task) or (self.is_replaced(task) and self._ledger.has_failed(task))

    def question(self, task: Task) -> Outcome:
        """What the handler of a subgraph that has ended is asked."""
        found, failure = self._ledger.found(task), self._failure_of(task)
        if self._ledger.is_done(task):
            self._ledger.reopen(task)
        elif not found.attempt:
            self._ledger.say(task, TaskState.FAILED if failure else TaskState.SUCCEEDED, 0, None, None)
        way = cast(Json, self._schedule.way(task.id)) or found.result
        self.open += 1
        return Outcome(Attempt(task, as_operation(task.action), found.attempt), way, failure)

    def again(self, outcome: Outcome) -> Outcome:
        """What it is asked for: to run something else in the place of its subgraph."""
        self.open += 1
        return replace(outcome, is_handled=False)

    def take(self, outcome: Outcome) -> list[Failed] | None:
        """What stays failed by the verdict; None when something else is to run in the place of the subgraph."""
        self.open -= 1
        task, failure = outcome.attempt.task, outcome.failure
        if failure is not None and failure.requested:
            self._replace(task, outcome)
            return None
        state, held = TaskState.FAILED if failure else TaskState.SUCCEEDED, self._held.pop(task.id, [])
        own = failure if failure and (failure.ignored or not held) else None  # else it is kept with a member
        self._ledger.move(task, state, attempt=self._ledger.found(task).attempt, failure=own, told=True)
        if failure is None:
            return []
        if failure.ignored:
            self._forgive(task)
            return []
        return list(outcome.replacement_failures) or held or [(outcome.attempt.operation, failure)]

    def _replace(self, task: Task, outcome: Outcome) -> None:
        failure = self._failure_of(task)
        self._held.pop(task.id, None)
        self._forgive(task)
        self._ledger.move(task, TaskState.STARTED, attempt=1, result=outcome.result, failure=failure, told=True)

    def _failure_of(self, task: Task) -> Failure | None:
        """The first one in a subgraph."""
        held = self._held.get(task.id)
        if held:
            return replace(held[0][1], requested=False)
        return self._ledger.found(task).failure if self.is_replaced(task) else None

    def _forgive(self, task: Task) -> None:
        for name in self._schedule.left(task.id):
            self._ledger.forgive(self._graph.tasks[name])


def as_operation(action: Action) -> Operation:
    """What is told to have failed: a subgraph fails by itself when its handler wants that."""
    assert isinstance(action, Operation | Subgraph), "light steps do not fail"
    return (
        action if isinstance(action, Operation) else Operation(action.name, "", action.name, "", "", has_handler=True)
    )
