"""Endpoints of operations and tasks graphs: the journal of an execution."""

import uuid
from typing import Annotated

from pydantic import AfterValidator, Field

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.timestamps import now
from cfy_cli.manager.engine.tasks import TaskState
from cfy_cli.manager.rest.api import Call, Routes
from cfy_cli.manager.rest.bodies import AnyJson, Body, Items
from cfy_cli.manager.rest.query import Parameter
from cfy_cli.manager.rest.schemas import list_answer, row_answer
from cfy_cli.manager.rest.serialize import page_of, serialize, serialize_all
from cfy_cli.manager.services.executions import operations
from cfy_cli.manager.store.models import Execution, Operation, TasksGraph
from cfy_cli.manager.store.models.owned import inherited_columns

LIST_PARAMETERS = (
    Parameter("graph_id", "Only operations of this tasks graph.", repeated=True),
    Parameter("execution_id", "Only operations of this execution.", repeated=True),
    Parameter("skip_internal", "Leave out steps that run nothing.", "boolean"),
)

routes = Routes("operations")
OPERATION = row_answer(Operation)
TASKS_GRAPH = row_answer(TasksGraph)


StateName = Annotated[str, AfterValidator(operations.check_state)]


class NewOperation(Body):
    name: str = Field(max_length=512)
    type: str = Field(max_length=64)
    state: StateName = TaskState.PENDING
    dependencies: Items[str] = []
    parameters: dict[str, AnyJson] = {}
    manager_name: str | None = Field(None, max_length=256)
    agent_name: str | None = Field(None, max_length=256)


class OperationInGraph(NewOperation):
    """An operation that is added to a tasks graph."""

    graph_id: str


class OperationChange(Body):
    state: StateName
    result: AnyJson = None
    exception: AnyJson = None
    exception_causes: AnyJson = None
    manager_name: str | None = Field(None, max_length=256)
    agent_name: str | None = Field(None, max_length=256)


class GraphOperation(NewOperation):
    """An operation of a new tasks graph."""

    id: str


class NewGraph(Body):
    execution_id: str
    name: str = Field(max_length=256)
    operations: Items[GraphOperation] | None = None
    graph_id: str | None = Field(None, max_length=36)
    created_at: str | None = Field(None, max_length=24)


@routes.listing("/operations", "operations", LIST_PARAMETERS, list_answer(OPERATION, "OperationList"))
def list_operations(call: Call) -> JsonObject:
    """List the operations of a tasks graph (`graph_id`), or of all graphs of an execution (`execution_id`)."""
    listing = call.listing("created_at")
    conditions = operations.list_conditions(
        call.store,
        graph_ids=call.texts("graph_id"),
        execution_ids=call.texts("execution_id"),
        skip_internal=call.flag("skip_internal"),
    )
    page = call.store.list(Operation, listing, where=conditions)
    return page_of(page, [_show(row, listing.include) for row in page.items])


@routes.get("/operations/{operation_id}", "operations", (), OPERATION)
def get_operation(call: Call, operation_id: str) -> JsonObject:
    return _show(call.store.get(Operation, operation_id), call.include)


@routes.put("/operations/{operation_id}", "operations", (), OPERATION, status=201)
def create_operation(call: Call, operation_id: str, body: OperationInGraph) -> JsonObject:
    graph = call.store.get_own(TasksGraph, body.graph_id)
    return _show(operations.add(call.store, operation_id, graph, body.state, _fields(body)))


@routes.patch("/operations/{operation_id}", "operations", (), OPERATION)
def update_operation(call: Call, operation_id: str, body: OperationChange) -> JsonObject:
    """Set the state of an operation, and its result or exception."""
    row = call.store.get_own(Operation, operation_id)
    row.state = body.state
    row.result = body.result if body.result is not None else row.result
    if body.exception is not None:
        row.failure = operations.failure_of(body.exception, body.exception_causes)
    row.manager_name = body.manager_name or row.manager_name
    row.agent_name = body.agent_name or row.agent_name
    return _show(row)


@routes.delete("/operations/{operation_id}", "operations")
def delete_operation(call: Call, operation_id: str) -> None:
    call.store.delete(call.store.get_own(Operation, operation_id))


@routes.listing("/tasks_graphs", "operations", (), list_answer(TASKS_GRAPH, "TasksGraphList"))
def list_tasks_graphs(call: Call) -> JsonObject:
    """List the tasks graphs of an execution (`execution_id`), or those of a name (`name`)."""
    listing = call.listing("created_at")
    page = call.store.list(TasksGraph, listing)
    return page_of(page, serialize_all(page.items, listing.include))


@routes.post("/tasks_graphs", "operations", (), TASKS_GRAPH, status=201)
def create_tasks_graph(call: Call, body: NewGraph) -> JsonObject:
    """Add a tasks graph, with its operations if there are any."""
    return _add_graph(call, body)


@routes.post("/tasks_graphs/tasks_graphs", "operations", (), TASKS_GRAPH, status=201)
def create_tasks_graph_of_clients(call: Call, body: NewGraph) -> JsonObject:
    """Do what `POST /tasks_graphs` does: this is the path that public clients use."""
    return _add_graph(call, body)


def _add_graph(call: Call, body: NewGraph) -> JsonObject:
    execution = call.store.get_own(Execution, body.execution_id)
    graph = call.store.add(
        TasksGraph(
            id=body.graph_id or str(uuid.uuid4()),
            name=body.name,
            execution_id=execution.id,
            created_at=body.created_at or now(),
            **inherited_columns(execution),
        )
    )
    for operation in body.operations or ():
        operations.add(call.store, operation.id, graph, operation.state, _fields(operation))
    return serialize(graph, call.include)


def _fields(body: NewOperation) -> JsonObject:
    return body.model_dump(exclude={"id", "graph_id", "state"})


def _show(row: Operation, include: tuple[str, ...] | None = None) -> JsonObject:
    return serialize(row, include, parameters=lambda: operations.describe_parameters(row))
