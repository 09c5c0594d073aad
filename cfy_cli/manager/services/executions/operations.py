"""Operations of tasks graphs, as the API lists and adds them."""

import json
from collections.abc import Collection
from dataclasses import asdict

from sqlalchemy import select

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.tasks import Failure, TaskState
from cfy_cli.manager.store.models import Execution, Operation, TasksGraph
from cfy_cli.manager.store.models.owned import inherited_columns
from cfy_cli.manager.store.query import Condition, all_of
from cfy_cli.manager.store.store import Store

# States that the API takes; the journal has no others than those of the engine's own tasks.
STATES = (*TaskState, "sent", "response_sent")
VISIBLE_TYPES = ("RemoteWorkflowTask", "SubgraphTask")  # all other types are internal


def list_conditions(
    store: Store, *, graph_ids: Collection[str], execution_ids: Collection[str], skip_internal: bool
) -> Condition:
    """Return the condition of a list. Raises NotFound for an unknown graph or execution."""
    conditions: list[Condition] = []
    if graph_ids:
        conditions.append(Operation.tasks_graph_id.in_([store.get(TasksGraph, each).id for each in graph_ids]))
    if execution_ids:
        executions = [store.get(Execution, each).id for each in execution_ids]
        graphs = select(TasksGraph.id).where(TasksGraph.execution_id.in_(executions))
        conditions.append(Operation.tasks_graph_id.in_(graphs))
    if skip_internal:
        conditions.append(Operation.type.in_(VISIBLE_TYPES))
    return all_of(*conditions)


def add(store: Store, operation_id: str, graph: TasksGraph, state: str, fields: JsonObject) -> Operation:
    """Add an operation to a graph."""
    return store.add(
        Operation(
            id=operation_id,
            tasks_graph_id=graph.id,
            created_at=graph.created_at,
            state=state,
            **fields,
            **inherited_columns(graph),
        )
    )


def check_state(state: str) -> str:
    """Return a state in lower case. Raises Invalid for one that operations do not have."""
    if state.lower() not in STATES:
        raise Invalid(f"`{state}` is not a state of operations: give one of {', '.join(STATES)}")
    return state.lower()


def failure_of(exception: Json, causes: Json) -> JsonObject:
    """Return the failure of an operation, in the form of the journal, from what a client reports."""
    text = exception if isinstance(exception, str) else json.dumps(exception)
    return asdict(Failure("Exception", text, traceback=json.dumps(causes) if causes else ""))


def describe_parameters(operation: Operation) -> JsonObject:
    """Return the parameters as the API answers them: those of a task of the engine with its retries and its error."""
    if operation.task is None:
        return operation.parameters
    return {**operation.parameters, "current_retries": operation.attempt, "error": operation.failure}
