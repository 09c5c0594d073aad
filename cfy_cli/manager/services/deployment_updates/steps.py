"""Steps of an update, made from the differences of two plans: as its record shows them, and which are unsupported."""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from cfy_cli import dsl
from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.plan import NodePlan, RelationshipPlan, ScalablePlan, ScalingGroupPlan
from cfy_cli.dsl.plan_comparison import PlanStep

CONTAINED_IN = "cloudify.relationships.contained_in"
MAX_VALUE = 1024  # characters of a value that a step shows
WIRE_TYPES = {  # by the type of a difference: the types of entities that public clients know
    "type": "node",
    "scalable": "node",
    "scaling_group": "group",
    "policy": "group",
    "policy_type": "group",
    "policy_trigger": "group",
}
SHOWN = frozenset(
    ("property", "input", "output", "capability", "label", "deployment_setting", "description", "scalable")
)
ATTRIBUTES = {"property": "properties", "operation": "operations", "scalable": "capabilities"}  # of nodes, by type


@dataclass(frozen=True, slots=True)
class NodeChanges:
    """The names of the nodes that an update adds, removes and changes; what it changes of each, by name."""

    added: list[str]
    removed: list[str]
    modified: dict[str, list[str]]
    drifted: list[str]  # whose own properties or operations differ
    drifted_links: list[tuple[str, str]]  # sources and targets of relationships whose properties or operations differ


def is_supported(step: PlanStep, old: ScalablePlan, new: ScalablePlan) -> bool:
    """Return whether a deployment can be changed so while its node instances exist."""
    if step.entity_type == "type":
        return False
    if step.entity_type == "relationship" and step.action != "modify":
        return not _is_containment(cast(RelationshipPlan, step.new or step.old))
    if step.entity_type == "scaling_group":
        before, after = (cast("ScalingGroupPlan | None", value) for value in (step.old, step.new))
        if before is None and after is not None:
            return _holds_only_new(after, old, new)
        return before is not None and after is not None and before["members"] == after["members"]
    return True


def _holds_only_new(group: ScalingGroupPlan, old: ScalablePlan, new: ScalablePlan) -> bool:
    present = {node["name"] for node in old["nodes"]} | set(old["scaling_groups"])
    groups = new["scaling_groups"]
    return all(
        member not in present and (member not in groups or _holds_only_new(groups[member], old, new))
        for member in group["members"]
    )


def _is_containment(relationship: RelationshipPlan) -> bool:
    return CONTAINED_IN in relationship["type_hierarchy"]


def describe(step: PlanStep, *, supported: bool, owner: Mapping[str, Json]) -> JsonObject:
    """Return a step as the record of an update has it; `owner` are the fields that it shares with the others."""
    values: JsonObject = {}
    if step.entity_type == "relationship" and step.action != "modify":
        names = [
            {name: each[name] for name in ("type", "target_id")} if isinstance(each, dict) else None
            for each in (step.old, step.new)
        ]
        values = {"old_value": names[0], "new_value": names[1]}
    elif step.entity_type in SHOWN:
        values = {"old_value": _shown(step.old), "new_value": _shown(step.new)}
    return {
        "id": str(uuid.uuid4()),
        "action": step.action,
        "entity_type": WIRE_TYPES.get(step.entity_type, step.entity_type),
        "entity_id": list(step.path),
        "topology_order": 0,
        "supported": supported,
        **values,
        **owner,
    }


def _shown(value: Json) -> Json:
    return value if len(json.dumps(value)) <= MAX_VALUE else "..."


def with_group_steps_once(steps: Iterable[PlanStep]) -> list[PlanStep]:
    """Return the steps without those of groups that are about a scaling group too."""
    found = list(steps)
    scaled = {step.path[1] for step in found if step.entity_type == "scaling_group"}
    return [
        replace(step, path=("groups", step.path[1])) if step.entity_type == "scaling_group" else step
        for step in found
        if not (step.entity_type == "group" and step.path[1] in scaled)
    ]


def node_changes(steps: Sequence[PlanStep], new: ScalablePlan) -> NodeChanges:
    nodes = {node["name"]: node for node in new["nodes"]}
    changes = NodeChanges([], [], {}, [], [])
    for step in steps:
        if step.path[0] != "nodes":
            continue
        name = step.path[1]
        if step.entity_type == "node":
            (changes.added if step.action == "add" else changes.removed).append(name)
            continue
        in_relationship = step.path[2] == "relationships"
        attribute = "relationships" if in_relationship else ATTRIBUTES.get(step.entity_type, step.entity_type)
        found = changes.modified.setdefault(name, [])
        if attribute not in found:
            found.append(attribute)
        if in_relationship and step.entity_type in ("property", "operation"):
            changes.drifted_links.append((name, _target(nodes[name], step.path[3])))
        elif step.entity_type in ("property", "operation") and name not in changes.drifted:
            changes.drifted.append(name)
    return changes


def _target(node: NodePlan, position: str) -> str:
    return node["relationships"][int(position.strip("[]"))]["target_id"]


def modified_entities(steps: Iterable[PlanStep]) -> JsonObject:
    """Return the ids of all entities that the steps are about, by their type."""
    ids: dict[str, list[Json]] = {}
    for step in steps:
        found = ids.setdefault(WIRE_TYPES.get(step.entity_type, step.entity_type), [])
        if step.entity_id not in found:
            found.append(step.entity_id)
    return cast(JsonObject, ids)


def unsupported_message(steps: Iterable[PlanStep]) -> str:
    what = "; ".join(
        f"{step.action} {WIRE_TYPES.get(step.entity_type, step.entity_type)} {step.entity_id}" for step in steps
    )
    return f"Cannot update: unsupported steps found: {what}"


def describe_instances(changes: dsl.InstanceChanges, changed: Sequence[str]) -> JsonObject:
    """Return the node instances as the record of an update has them."""

    def described(
        modification: str, own: Sequence[Mapping[str, object]], related: Sequence[Mapping[str, object]]
    ) -> Json:
        both = [{**each, "modification": modification} for each in own]
        return cast(Json, [*both, *({**each, "modification": None} for each in related)])

    return {
        "added_and_related": described("added", changes.added, changes.added_related),
        "extended_and_related": described("extended", changes.extended, changes.extended_related),
        "reduced_and_related": described("reduced", changes.reduced, changes.reduced_related),
        "removed_and_related": described("removed", changes.removed, changes.removed_related),
        "relationships_changed": list(changed),
    }
