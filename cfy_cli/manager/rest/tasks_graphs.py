"""Tasks graphs over HTTP: what an execution drew up to do."""

import uuid
from typing import Annotated, Any

from fastapi import Depends
from pydantic import BaseModel, Field

from cfy_cli.contract.timestamps import now
from cfy_cli.manager.rest.api import Call, Routes, listed
from cfy_cli.manager.rest.operations import NewOperation, add_operation
from cfy_cli.manager.rest.paging import listing
from cfy_cli.manager.rest.wire import item, items
from cfy_cli.manager.store.listing import Listing
from cfy_cli.manager.store.models import Execution, TasksGraph

routes = Routes("tasks graphs")
EXTRA = ("_include_operations",)  # sent by clients; operations have a list of their own


class GraphOperation(NewOperation):
    id: str


class NewGraph(BaseModel):
    execution_id: str
    name: str = Field(max_length=256)
    operations: list[GraphOperation] | None = None
    graph_id: str | None = Field(None, max_length=36)
    created_at: str | None = Field(None, max_length=24)


@routes.get("/tasks_graphs", "operations")
def list_tasks_graphs(
    call: Call, asked: Annotated[Listing, Depends(listing(sort="created_at", extra=EXTRA))]
) -> dict[str, Any]:
    """Those of one execution with `execution_id`, of one name with `name`."""
    page = call.store.list(TasksGraph, asked)
    return listed(page, items(page.items, asked.include))


@routes.post("/tasks_graphs", "operations", status=201)
def create_tasks_graph(call: Call, body: NewGraph) -> dict[str, Any]:
    """With all its operations, or empty."""
    execution = call.store.get_own(Execution, body.execution_id)
    graph = call.store.add(
        TasksGraph(
            id=body.graph_id or str(uuid.uuid4()),
            name=body.name,
            execution_id=execution.id,
            visibility=execution.visibility,
            created_at=body.created_at or now(),
        )
    )
    for operation in body.operations or ():
        add_operation(call.store, operation.id, graph, operation)
    return item(graph, call.include)
