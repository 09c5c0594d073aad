"""Every place in a plan where functions may be called."""

from collections.abc import Callable, Mapping
from typing import Any

from cfy_cli.dsl.functions.function import Context, Json
from cfy_cli.dsl.functions.names import holds_function

Plan = dict[str, Any]
Make = Callable[[Json, Context], Json]

# Sections of named values, each with the key that holds the value.
VALUES = (("outputs", "value"), ("capabilities", "value"), ("labels", "values"))


def with_calls_made(plan: Mapping[str, Any], make: Make) -> Plan:
    """The plan with `make` applied to all values in which functions may be called; the given plan is not changed."""
    made: Plan = {**plan, "nodes": [_node(node, make) for node in plan["nodes"]]}
    for section, key in VALUES:
        made[section] = {
            name: _replaced(about, key, make, Context(f"{section}.{name}"))
            for name, about in (plan[section] or {}).items()
        }
    for section in ("policies", "scaling_groups"):
        made[section] = {
            name: _replaced(about, "properties", make, Context(f"{section}.{name}"))
            for name, about in plan[section].items()
        }
    made["deployment_settings"] = make(plan["deployment_settings"], Context("deployment_settings"))
    return made


def _node(node: dict[str, Any], make: Make) -> dict[str, Any]:
    name = node["name"]
    own = Context(f"node `{name}`", self_node=name)
    return {
        **node,
        "properties": make(node["properties"], own),
        "capabilities": make(node["capabilities"], own),
        "operations": _operations(node["operations"], make, own),
        "relationships": [_relationship(name, each, make) for each in node["relationships"]],
    }


def _relationship(name: str, relationship: dict[str, Any], make: Make) -> dict[str, Any]:
    target = relationship["target_id"]
    own = Context(f"node `{name}`, relationship to `{target}`", source_node=name, target_node=target)
    return {
        **relationship,
        "properties": make(relationship["properties"], own),
        "source_operations": _operations(relationship["source_operations"], make, own),
        "target_operations": _operations(relationship["target_operations"], make, own),
    }


def _operations(operations: dict[str, dict[str, Any]], make: Make, own: Context) -> dict[str, dict[str, Any]]:
    """Operations with the calls in their inputs made; each is noted as having some left or not."""
    result = operations
    done: dict[int, dict[str, Any]] = {}
    for name, operation in operations.items():
        if not operation["inputs"] or not holds_function(operation["inputs"]):
            continue
        if id(operation) not in done:
            inputs = make(operation["inputs"], own)
            done[id(operation)] = {**operation, "inputs": inputs, "has_intrinsic_functions": holds_function(inputs)}
        if result is operations:
            result = dict(operations)
        result[name] = done[id(operation)]
    return result


def _replaced(about: dict[str, Any], key: str, make: Make, context: Context) -> dict[str, Any]:
    return {**about, key: make(about[key], context)} if about.get(key) is not None else about
