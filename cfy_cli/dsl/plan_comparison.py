"""Comparison of two plans of a deployment: the steps of an update."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, cast

from cfy_cli.contract.json import Json
from cfy_cli.contract.plan import BlueprintSections, NodePlan, Operations, PluginPlan, RelationshipPlan
from cfy_cli.dsl.functions.names import is_function

Action = Literal["add", "remove", "modify"]
_ENTITY_TYPES = {  # of the entries of sections
    "inputs": "input",
    "workflows": "workflow",
    "outputs": "output",
    "capabilities": "capability",
    "labels": "label",
    "groups": "group",
    "policies": "policy",
    "scaling_groups": "scaling_group",
    "policy_types": "policy_type",
    "policy_triggers": "policy_trigger",
    "deployment_settings": "deployment_setting",
}
_PLUGIN_SECTIONS = ("deployment_plugins_to_install", "workflow_plugins_to_install", "host_agent_plugins_to_install")
_MISSING = object()


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One difference; an added entity has no `old` value, a removed one no `new` value.

    `path` is its path in the plan, with nodes by name and relationships as [index] in the new plan, or in the old one
    if removed. Properties are compared key by key; lists and calls of functions as a whole.
    """

    action: Action
    entity_type: str
    path: tuple[str, ...]
    old: Json = None
    new: Json = None

    @property
    def entity_id(self) -> str:
        return ":".join(self.path)


def compare_plans(old: BlueprintSections, new: BlueprintSections) -> list[PlanStep]:
    """Return the differences of nodes, their relationships, operations and properties, and of all other sections."""
    steps = list(_compare_nodes(old["nodes"], new["nodes"]))
    before, after = cast("Mapping[str, object]", old), cast("Mapping[str, object]", new)
    for section, entity_type in _ENTITY_TYPES.items():
        entries = [cast("Mapping[str, object]", plan.get(section) or {}) for plan in (before, after)]
        steps += _compare_entries(entity_type, (section,), *entries)
    for section in _PLUGIN_SECTIONS:
        plugins = [_plugins_by_name(cast("list[PluginPlan]", plan.get(section) or [])) for plan in (before, after)]
        steps += _compare_entries("plugin", (section,), *plugins)
    steps += _compare_values("description", ("description",), old.get("description"), new.get("description"))
    return steps


def _compare_nodes(old: Iterable[NodePlan], new: Iterable[NodePlan]) -> Iterator[PlanStep]:
    before, after = {node["name"]: node for node in old}, {node["name"]: node for node in new}
    for name in dict.fromkeys((*before, *after)):
        path = ("nodes", name)
        if name in before and name in after:
            yield from _compare_node(path, before[name], after[name])
        else:
            yield from _compare_values("node", path, before.get(name, _MISSING), after.get(name, _MISSING))


def _compare_node(path: tuple[str, ...], old: NodePlan, new: NodePlan) -> Iterator[PlanStep]:
    yield from _compare_values("type", (*path, "type"), old["type"], new["type"])
    yield from _compare_properties("property", (*path, "properties"), old["properties"], new["properties"])
    counts = [node["capabilities"]["scalable"]["properties"] for node in (old, new)]
    yield from _compare_properties("scalable", (*path, "capabilities", "scalable", "properties"), *counts)
    operations = [_by_full_name(node["operations"]) for node in (old, new)]
    yield from _compare_entries("operation", (*path, "operations"), *operations)
    yield from _compare_relationships((*path, "relationships"), old["relationships"], new["relationships"])


def _compare_relationships(
    path: tuple[str, ...], old: list[RelationshipPlan], new: list[RelationshipPlan]
) -> Iterator[PlanStep]:
    before, after = _by_target(old), _by_target(new)
    for key, (index, relationship) in before.items():
        if key not in after:
            yield PlanStep("remove", "relationship", (*path, f"[{index}]"), old=cast("Json", relationship))
    for key, (index, relationship) in after.items():
        own_path = (*path, f"[{index}]")
        if key not in before:
            yield PlanStep("add", "relationship", own_path, new=cast("Json", relationship))
            continue
        old_index, old_relationship = before[key]
        if old_index != index:
            yield PlanStep("modify", "relationship", (*path, f"[{old_index}]", f"[{index}]"), old=old_index, new=index)
        both = (old_relationship, relationship)
        yield from _compare_properties("property", (*own_path, "properties"), *(link["properties"] for link in both))
        sources = [_by_full_name(link["source_operations"]) for link in both]
        yield from _compare_entries("operation", (*own_path, "source_operations"), *sources)
        targets = [_by_full_name(link["target_operations"]) for link in both]
        yield from _compare_entries("operation", (*own_path, "target_operations"), *targets)


def _by_target(relationships: list[RelationshipPlan]) -> dict[tuple[str, str, int], tuple[int, RelationshipPlan]]:
    """Return the relationships and their indexes by type, target, and number among those that have both alike."""
    result: dict[tuple[str, str, int], tuple[int, RelationshipPlan]] = {}
    for index, relationship in enumerate(relationships):
        count = 0
        while (relationship["type"], relationship["target_id"], count) in result:
            count += 1
        result[relationship["type"], relationship["target_id"], count] = (index, relationship)
    return result


def _by_full_name(operations: Operations) -> Operations:
    """Return each operation once, by its full name, INTERFACE.OPERATION, and not by its short one."""
    return {name: operation for name, operation in operations.items() if "." in name}


def _compare_entries(
    entity_type: str, path: tuple[str, ...], old: Mapping[str, object], new: Mapping[str, object]
) -> Iterator[PlanStep]:
    for name in dict.fromkeys((*old, *new)):
        yield from _compare_values(entity_type, (*path, name), old.get(name, _MISSING), new.get(name, _MISSING))


def _compare_properties(entity_type: str, path: tuple[str, ...], old: object, new: object) -> Iterator[PlanStep]:
    if not isinstance(old, dict) or not isinstance(new, dict) or is_function(old) or is_function(new):
        yield from _compare_values(entity_type, path, old, new)
        return
    for name in dict.fromkeys((*old, *new)):
        yield from _compare_properties(entity_type, (*path, name), old.get(name, _MISSING), new.get(name, _MISSING))


def _compare_values(entity_type: str, path: tuple[str, ...], old: object, new: object) -> Iterator[PlanStep]:
    if old is _MISSING:
        yield PlanStep("add", entity_type, path, new=cast("Json", new))
    elif new is _MISSING:
        yield PlanStep("remove", entity_type, path, old=cast("Json", old))
    elif old != new:
        yield PlanStep("modify", entity_type, path, old=cast("Json", old), new=cast("Json", new))


def _plugins_by_name(plugins: list[PluginPlan]) -> dict[str, PluginPlan]:
    return {plugin["name"]: plugin for plugin in plugins}
