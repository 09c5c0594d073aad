"""Operations of tasks graphs, as the API lists and adds them."""

from sqlalchemy import select

from cfy_cli.contract.json import JsonObject
from cfy_cli.manager.store.models import Execution, Operation, TasksGraph
from cfy_cli.manager.store.query import Condition, all_of
from cfy_cli.manager.store.store import Store

VISIBLE_TYPES = ("RemoteWorkflowTask", "SubgraphTask")  # all other types are internal


def list_conditions(store: Store, *, graph_id: str | None, execution_id: str | None, skip_internal: bool) -> Condition:
    """Return the condition of a list. Raises NotFound for an unknown graph or execution."""
    conditions: list[Condition] = []
    if graph_id:
        conditions.append(Operation.tasks_graph_id == store.get(TasksGraph, graph_id).id)
    if execution_id:
        graphs = select(TasksGraph.id).where(TasksGraph.execution_id == store.get(Execution, execution_id).id)
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
            visibility=graph.visibility,
            created_at=graph.created_at,
            state=state.lower(),
            **fields,
        )
    )
