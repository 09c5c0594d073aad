"""The values of a plan that may contain calls of functions."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar, cast

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.plan import (
    BlueprintSections,
    Capabilities,
    NodePlan,
    OperationPlan,
    Operations,
    RelationshipPlan,
)
from cfy_cli.dsl.functions.function import EvaluationContext
from cfy_cli.dsl.functions.names import holds_function

Transform = Callable[[Json, EvaluationContext], Json]
B = TypeVar("B", bound=BlueprintSections)


def map_values(plan: B, transform: Transform) -> B:
    """Return the plan with all values that may contain calls replaced by `transform(value, context)`."""
    mapped = plan.copy()
    mapped["nodes"] = [_map_node(node, transform) for node in plan["nodes"]]
    mapped["outputs"] = _map_entries(plan["outputs"], "outputs", "value", transform)
    mapped["capabilities"] = _map_entries(plan["capabilities"], "capabilities", "value", transform)
    mapped["labels"] = _map_entries(plan["labels"], "labels", "values", transform)
    by_name = partial(_map_items, transform)
    mapped["policies"] = _map_entries(plan["policies"], "policies", "properties", by_name)
    mapped["scaling_groups"] = _map_entries(plan["scaling_groups"], "scaling_groups", "properties", by_name)
    settings = transform(plan["deployment_settings"], EvaluationContext("deployment_settings"))
    mapped["deployment_settings"] = cast("JsonObject", settings)
    return mapped


def _map_items(transform: Transform, values: Json, context: EvaluationContext) -> Json:
    """Return named values with each transformed; the mapping of names itself is not a call, whatever its names are."""
    if not isinstance(values, dict):
        return transform(values, context)
    mapped = {name: transform(value, context) for name, value in values.items()}
    return mapped if any(mapped[name] is not value for name, value in values.items()) else values


E = TypeVar("E")


def _map_entries(entries: Mapping[str, E] | None, section: str, key: str, transform: Transform) -> dict[str, E]:
    """Return the entries of a section with the value under `key` replaced in each."""
    return {
        name: cast("E", _replace(cast("JsonObject", entry), key, transform, EvaluationContext(f"{section}.{name}")))
        for name, entry in (entries or {}).items()
    }


def _replace(entry: JsonObject, key: str, transform: Transform, context: EvaluationContext) -> JsonObject:
    return {**entry, key: transform(entry[key], context)} if entry.get(key) is not None else entry


def _map_node(node: NodePlan, transform: Transform) -> NodePlan:
    name = node["name"]
    context = EvaluationContext(f"node `{name}`", self_node=name)
    capabilities = transform(cast("Json", node["capabilities"]), context)
    return {
        **node,
        "properties": cast("JsonObject", _map_items(transform, node["properties"], context)),
        "capabilities": cast("Capabilities", capabilities),
        "operations": _map_operations(node["operations"], transform, context),
        "relationships": [_map_relationship(name, relationship, transform) for relationship in node["relationships"]],
    }


def _map_relationship(name: str, relationship: RelationshipPlan, transform: Transform) -> RelationshipPlan:
    target = relationship["target_id"]
    where = f"node `{name}`, relationship to `{target}`"
    context = EvaluationContext(where, source_node=name, target_node=target)
    own = EvaluationContext(where, self_node=name, source_node=name, target_node=target)
    return {
        **relationship,
        "properties": cast("JsonObject", _map_items(transform, relationship["properties"], own)),
        "source_operations": _map_operations(relationship["source_operations"], transform, context),
        "target_operations": _map_operations(relationship["target_operations"], transform, context),
    }


def _map_operations(operations: Operations, transform: Transform, context: EvaluationContext) -> Operations:
    """Return the operations with their inputs transformed, and `has_intrinsic_functions` updated."""
    result = operations
    mapped: dict[int, OperationPlan] = {}
    for name, operation in operations.items():
        if not any(map(holds_function, operation["inputs"].values())):
            continue
        if id(operation) not in mapped:
            inputs = cast("JsonObject", _map_items(transform, operation["inputs"], context))
            remaining = any(map(holds_function, inputs.values()))
            plan: OperationPlan = {**operation, "inputs": inputs, "has_intrinsic_functions": remaining}
            mapped[id(operation)] = plan
        if result is operations:
            result = dict(operations)
        result[name] = mapped[id(operation)]
    return result
