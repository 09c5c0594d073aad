"""Calls of `get_capability` in the plan of a deployment: its dependencies on other deployments."""

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from cfy_cli.contract.json import Json
from cfy_cli.contract.plan import BlueprintSections, CapabilityCall, InstancePlan, NodePlan, Operations
from cfy_cli.dsl.functions.names import called_function, is_function

FUNCTION = "get_capability"

_Owner = tuple[str, str, str] | str | None  # source, target and type of a relationship; the name of a node; neither


def find_capability_calls(prepared: BlueprintSections, instances: Sequence[InstancePlan]) -> list[CapabilityCall]:
    """Return every call in a prepared plan; a call in a node's values once for each of its instances."""
    by_node: dict[str, list[InstancePlan]] = {}
    for instance in instances:
        by_node.setdefault(instance["node_id"], []).append(instance)
    found: list[CapabilityCall] = []
    for path, value, owner in _values(prepared):
        for call_path, deployment in _calls(path, value):
            target = [None if is_function(deployment) else deployment, deployment]
            found += [
                {"function_identifier": call_path, "target_deployment": target, "context": context}
                for context in _contexts(owner, by_node)
            ]
    return found


def _contexts(owner: _Owner, by_node: Mapping[str, list[InstancePlan]]) -> Iterator[dict[str, str]]:
    if owner is None:
        yield {}
    elif isinstance(owner, str):
        for instance in by_node.get(owner, ()):
            yield {"self": instance["id"]}
    else:
        source, target, kind = owner
        for instance in by_node.get(source, ()):
            links = (
                link for link in instance["relationships"] if (link["target_name"], link["type"]) == (target, kind)
            )
            link = next(links, None)
            if link is not None:
                yield {"self": instance["id"], "source": instance["id"], "target": link["target_id"]}


def _calls(path: str, value: Json) -> Iterator[tuple[str, Json]]:
    """Iterate over the path and the first argument, the deployment, of each call; inner calls come first."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _calls(f"{path}.{key}", item)
        if called_function(value) == FUNCTION:
            yield f"{path}.{FUNCTION}", cast("list[Json]", value[FUNCTION])[0]
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _calls(f"{path}[{index}]", item)


def _values(plan: BlueprintSections) -> Iterator[tuple[str, Json, _Owner]]:
    for node in plan["nodes"]:
        yield from _values_of_node(node)
    yield "outputs", cast("Json", plan["outputs"] or {}), None
    yield "capabilities", cast("Json", plan["capabilities"] or {}), None
    yield "labels", cast("Json", plan["labels"] or {}), None
    for name, policy in plan["policies"].items():
        yield f"policies.{name}.properties", cast("Json", policy.get("properties") or {}), None
    for name, group in plan["scaling_groups"].items():
        yield f"scaling_groups.{name}.properties", cast("Json", group.get("properties") or {}), None
    yield "deployment_settings", plan["deployment_settings"], None


def _values_of_node(node: NodePlan) -> Iterator[tuple[str, Json, _Owner]]:
    name = node["name"]
    path = f"nodes.{name}"
    yield f"{path}.properties", node["properties"], name
    yield f"{path}.capabilities.scalable", cast("Json", node["capabilities"]["scalable"]["properties"]), name
    yield from _values_of_operations(f"{path}.operations", node["operations"], name)
    for link in node["relationships"]:
        owner = (name, link["target_id"], link["type"])
        yield from _values_of_operations(f"{path}.{link['type']}", link["source_operations"], owner)
        yield from _values_of_operations(f"{path}.{link['type']}", link["target_operations"], owner)


def _values_of_operations(path: str, operations: Operations, owner: _Owner) -> Iterator[tuple[str, Json, _Owner]]:
    for name, operation in operations.items():
        if operation["inputs"]:
            yield f"{path}.{name}.inputs", operation["inputs"], owner
