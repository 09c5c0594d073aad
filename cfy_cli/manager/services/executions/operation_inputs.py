"""Inputs for operations among the parameters of built-in workflows, checked before the workflow starts."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import select

from cfy_cli import dsl
from cfy_cli.contract.json import Json
from cfy_cli.contract.plan import Operations, WorkflowPlan
from cfy_cli.errors import ErrorCode, Invalid
from cfy_cli.manager.engine.workflows import PACKAGE
from cfy_cli.manager.engine.workflows.operation import PULL, START, STOP
from cfy_cli.manager.store.models import Deployment, Node, NodeInstance
from cfy_cli.manager.store.store import Store

# By workflow, the parameter that holds the inputs, and the operation that takes them; None: the one that is asked for.
INPUTS: Mapping[str, Sequence[tuple[str, str | None]]] = {
    "execute_operation": (("operation_kwargs", None),),
    "start": (("operation_parms", START),),
    "stop": (("operation_parms", STOP),),
    "restart": (("stop_parms", STOP), ("start_parms", START)),
    "pull": (("operation_parms", PULL),),
}


def check_inputs(store: Store, deployment: Deployment, workflow: WorkflowPlan, parameters: Mapping[str, Json]) -> None:
    """Raise Invalid with every input that violates what the type of a selected node declares."""
    problems: dict[str, None] = {}
    for parameter, operation in INPUTS.get(workflow["operation"].removeprefix(PACKAGE), ()):
        inputs = parameters.get(parameter)
        if not isinstance(inputs, dict) or not inputs:
            continue
        name = operation or str(parameters.get("operation"))
        for node_id, operations in _selected_nodes(store, deployment, parameters):
            if name not in operations:
                continue
            try:
                dsl.check_values(inputs, operations[name].get("inputs_schema") or {})
            except dsl.InputsInvalid as error:
                problems |= {f'Parameter "{parameter}", {name} of {node_id}: {each}': None for each in error.problems}
    if problems:
        raise Invalid("\n".join(problems), code=ErrorCode.ILLEGAL_EXECUTION_PARAMETERS)


def _selected_nodes(
    store: Store, deployment: Deployment, parameters: Mapping[str, Json]
) -> Iterable[tuple[str, Operations]]:
    """Return the nodes that the parameters `node_ids`, `node_instance_ids` and `type_names` select."""
    statement = select(Node.id, Node.operations, Node.type_hierarchy).where(
        Node.deployment_storage_id == deployment.storage_id
    )
    if node_ids := _names(parameters, "node_ids"):
        statement = statement.where(Node.id.in_(node_ids))
    if instance_ids := _names(parameters, "node_instance_ids"):
        owners = select(NodeInstance.node_id).where(
            NodeInstance.deployment_storage_id == deployment.storage_id, NodeInstance.id.in_(instance_ids)
        )
        statement = statement.where(Node.id.in_(owners))
    types = set(_names(parameters, "type_names"))
    for node_id, operations, hierarchy in store.unscoped.execute(statement):  # nodes of the deployment
        if not types or not types.isdisjoint(hierarchy):
            yield node_id, operations


def _names(parameters: Mapping[str, Json], name: str) -> list[str]:
    names = parameters.get(name) or []
    return [str(each) for each in names] if isinstance(names, list) else []
