"""Which other deployments a deployment asks, and where in its plan it does."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cfy_cli.contract.plan import BlueprintSections, CapabilityCall, InstancePlan
from cfy_cli.dsl.functions.names import called, is_function
from cfy_cli.dsl.syntax import Json

ASKS = "get_capability"
_SECTIONS = ("outputs", "capabilities", "labels")

Ids = dict[str, str]
Owner = tuple[str, str, str] | str | None  # a relationship's source, target and type; a node; neither


def inter_deployment_functions(prepared: BlueprintSections, instances: Sequence[InstancePlan]) -> list[CapabilityCall]:
    """Every call in a prepared plan that asks another deployment; in a node's values, once for each instance.

    Each: {"function_identifier": its path in the plan, "target_deployment": [the deployment's name, or None when a
    call gives it; what is written], "context": {"self"?, "source"?, "target"?: ids of node instances}}.
    """
    of_node: dict[str, list[InstancePlan]] = {}
    for instance in instances:
        of_node.setdefault(instance["node_id"], []).append(instance)
    found: list[CapabilityCall] = []
    for path, value, owner in _values(prepared):
        for where, asked in _calls(path, value):
            target: list[Any] = [None if is_function(asked) else asked, asked]
            found += [
                {"function_identifier": where, "target_deployment": target, "context": ids}
                for ids in _contexts(owner, of_node)
            ]
    return found


def _contexts(owner: Owner, of_node: Mapping[str, list[InstancePlan]]) -> Iterator[Ids]:
    if owner is None:
        yield {}
    elif isinstance(owner, str):
        for instance in of_node.get(owner, ()):
            yield {"self": instance["id"]}
    else:
        source, target, kind = owner
        for instance in of_node.get(source, ()):
            links = (
                each for each in instance["relationships"] if (each["target_name"], each["type"]) == (target, kind)
            )
            link = next(links, None)
            if link is not None:
                yield {"self": instance["id"], "source": instance["id"], "target": link["target_id"]}


def _calls(path: str, value: Json) -> Iterator[tuple[str, Json]]:
    """The path of each call, inner ones first, and the deployment it asks."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _calls(f"{path}.{key}", item)
        if called(value) == ASKS:
            yield f"{path}.{ASKS}", value[ASKS][0]
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _calls(f"{path}[{position}]", item)


def _values(plan: Mapping[str, Any]) -> Iterator[tuple[str, Json, Owner]]:
    for node in plan["nodes"]:
        yield from _of_node(node)
    for section in _SECTIONS:
        yield section, plan[section] or {}, None
    for section in ("policies", "scaling_groups"):
        for name, about in plan[section].items():
            yield f"{section}.{name}.properties", about.get("properties") or {}, None
    yield "deployment_settings", plan["deployment_settings"], None


def _of_node(node: Mapping[str, Any]) -> Iterator[tuple[str, Json, Owner]]:
    name = node["name"]
    path = f"nodes.{name}"
    yield f"{path}.properties", node["properties"], name
    for capability, about in node["capabilities"].items():
        yield f"{path}.capabilities.{capability}", about["properties"], name
    yield from _of_operations(f"{path}.operations", node["operations"], name)
    for each in node["relationships"]:
        owner = (name, each["target_id"], each["type"])
        for side in ("source_operations", "target_operations"):
            yield from _of_operations(f"{path}.{each['type']}", each[side], owner)


def _of_operations(path: str, operations: Mapping[str, Any], owner: Owner) -> Iterator[tuple[str, Json, Owner]]:
    for name, about in operations.items():
        if about["inputs"]:
            yield f"{path}.{name}.inputs", about["inputs"], owner
