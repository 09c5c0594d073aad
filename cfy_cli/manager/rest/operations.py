"""Operations over HTTP: the tasks of a graph, each as it stands."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import Depends
from pydantic import BaseModel, Field
from sqlalchemy import select

from cfy_cli.manager.rest.api import Call, Routes, listed
from cfy_cli.manager.rest.paging import flag, listing
from cfy_cli.manager.rest.wire import item
from cfy_cli.manager.store.listing import Listing
from cfy_cli.manager.store.models import Execution, Operation, TasksGraph
from cfy_cli.manager.store.store import Store

routes = Routes("operations")
EXTRA = ("graph_id", "execution_id", "skip_internal")
WORTH_SEEING = ("RemoteWorkflowTask", "SubgraphTask")  # `skip_internal` leaves out all others


class NewOperation(BaseModel):
    name: str = Field(max_length=512)
    type: str = Field(max_length=64)
    state: str = Field("pending", max_length=24)
    dependencies: list[str] = Field(default_factory=list)
    parameters: dict[str, Any] = Field(default_factory=dict)
    manager_name: str | None = Field(None, max_length=256)
    agent_name: str | None = Field(None, max_length=256)


class OperationOfGraph(NewOperation):
    graph_id: str


class Change(BaseModel):
    state: str = Field(max_length=24)
    result: Any = None
    exception: Any = None
    exception_causes: Any = None
    manager_name: str | None = Field(None, max_length=256)
    agent_name: str | None = Field(None, max_length=256)


@routes.get("/operations", "operations")
def list_operations(
    call: Call, asked: Annotated[Listing, Depends(listing(sort="created_at", extra=EXTRA))]
) -> dict[str, Any]:
    """Those of a graph with `graph_id`, of all graphs of an execution with `execution_id`."""
    graph, execution = call.query.get("graph_id"), call.query.get("execution_id")
    where = None
    if graph:
        where = Operation.tasks_graph_id == call.store.get(TasksGraph, graph).id
    elif execution:
        of_it = select(TasksGraph.id).where(TasksGraph.execution_id == call.store.get(Execution, execution).id)
        where = Operation.tasks_graph_id.in_(of_it)
    if flag(call.query, "skip_internal"):
        asked = replace(asked, filters={**asked.filters, "type": WORTH_SEEING})
    page = call.store.list(Operation, asked, where=where)
    return listed(page, [_shown(row, asked.include) for row in page.items])


@routes.get("/operations/{operation_id}", "operations")
def get_operation(call: Call, operation_id: str) -> dict[str, Any]:
    return _shown(call.store.get(Operation, operation_id), call.include)


@routes.put("/operations/{operation_id}", "operations", status=201)
def create_operation(call: Call, operation_id: str, body: OperationOfGraph) -> dict[str, Any]:
    return _shown(add_operation(call.store, operation_id, call.store.get_own(TasksGraph, body.graph_id), body))


@routes.patch("/operations/{operation_id}", "operations")
def update_operation(call: Call, operation_id: str, body: Change) -> dict[str, Any]:
    """Only its state changes, and what came of it."""
    row = call.store.get_own(Operation, operation_id)
    row.state = body.state.lower()
    row.result = body.result if body.result is not None else row.result
    row.manager_name = body.manager_name or row.manager_name
    row.agent_name = body.agent_name or row.agent_name
    return _shown(row)


@routes.delete("/operations/{operation_id}", "operations")
def delete_operation(call: Call, operation_id: str) -> None:
    call.store.delete(call.store.get_own(Operation, operation_id))


def add_operation(store: Store, operation_id: str, graph: TasksGraph, new: NewOperation) -> Operation:
    given = new.model_dump(exclude={"id", "graph_id", "state"})
    return store.add(
        Operation(
            id=operation_id,
            tasks_graph_id=graph.id,
            visibility=graph.visibility,
            created_at=graph.created_at,
            state=new.state.lower(),
            **given,
        )
    )


def _shown(row: Operation, include: tuple[str, ...] | None = None) -> dict[str, Any]:
    def parameters() -> dict[str, Any]:
        return {**row.parameters, "current_retries": row.attempt, "error": row.failure}

    return item(row, include, parameters=parameters)
