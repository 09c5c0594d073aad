"""Entities that can be scaled: nodes and scaling groups, and the instances that parameters may name."""

from collections.abc import Mapping
from dataclasses import dataclass

from cfy_cli.contract.json import Json
from cfy_cli.contract.plan import InstanceCounts
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.topology import Topology
from cfy_cli.manager.engine.workflows.context import WorkflowContext


@dataclass(frozen=True, slots=True)
class ScalableEntity:
    """A node or a scaling group, with its numbers of instances."""

    name: str
    is_group: bool
    current: int
    planned: int
    min_instances: int
    max_instances: int  # negative: no limit
    scale_compute: bool


def find_entity(ctx: WorkflowContext, name: Json, *, scale_compute: bool) -> ScalableEntity:
    """Return the group or node of that name; with `scale_compute` the host of the node. Raises Invalid."""
    groups = ctx.job.plan.get("scaling_groups") or {}
    name = str(name)
    if name in groups:
        return _entity(name, groups[name]["properties"], is_group=True, scale_compute=scale_compute)
    nodes = {node["id"]: node for node in ctx.job.plan["nodes"]}
    if name not in nodes:
        raise Invalid(
            f"No scalable entity named {name} was found",
            hint=f"The scalable entities are {', '.join(sorted([*groups, *nodes]))}.",
        )
    node = nodes[name]
    if scale_compute:
        node = nodes.get(node.get("host_id") or "", node)
    return _entity(
        node["id"], node["capabilities"]["scalable"]["properties"], is_group=False, scale_compute=scale_compute
    )


def included_and_excluded(
    topology: Topology, entity: ScalableEntity, delta: int, parameters: Mapping[str, Json]
) -> tuple[list[str], list[str]]:
    """Return the instances to remove first and those to keep. Raises Invalid with all problems."""
    include, exclude = _names(parameters.get("include_instances")), _names(parameters.get("exclude_instances"))
    if not include and not exclude:
        return [], []
    if delta > 0:
        raise Invalid("Instances cannot be included or excluded when scaling up.")
    members = _members(topology, entity)
    known = {*members, *(member for contained in members.values() for member in contained)}
    problems = [
        *_missing("included", include, known),
        *_missing("excluded", exclude, known),
        *_both(include, exclude),
        *_too_many(entity, delta, exclude, members),
    ]
    if entity.scale_compute:
        problems.append(
            "Instances cannot be included or excluded with scale_compute; name the host as the scalable entity instead."
        )
    if problems:
        raise Invalid(" ".join([*problems, _available(members, entity)]))
    return include, exclude


def _entity(name: str, counts: InstanceCounts, *, is_group: bool, scale_compute: bool) -> ScalableEntity:
    return ScalableEntity(
        name,
        is_group,
        int(counts["current_instances"]),
        int(counts["planned_instances"]),
        int(counts.get("min_instances") or 0),
        int(counts.get("max_instances", -1)),
        scale_compute,
    )


def _members(topology: Topology, entity: ScalableEntity) -> dict[str, list[str]]:
    """Return the instances of a node, or the instances of a group with the node instances in each."""
    if not entity.is_group:
        return {instance.id: [] for instance in topology.instances.values() if instance.node_id == entity.name}
    found: dict[str, list[str]] = {}
    for instance in topology.instances.values():
        for group in instance.scaling_groups:
            if group["name"] == entity.name:
                found.setdefault(group["id"], []).append(instance.id)
    return found


def _missing(what: str, named: list[str], known: set[str]) -> list[str]:
    missing = [name for name in named if name not in known]
    return [f"The following {what} instances did not exist: {', '.join(missing)}."] if missing else []


def _both(include: list[str], exclude: list[str]) -> list[str]:
    both = [name for name in include if name in exclude]
    return [f"The following instances were both excluded and included: {', '.join(both)}."] if both else []


def _too_many(entity: ScalableEntity, delta: int, exclude: list[str], members: Mapping[str, list[str]]) -> list[str]:
    excluded = [
        name for name, contained in members.items() if name in exclude or not set(contained).isdisjoint(exclude)
    ]
    remaining = len(members) + delta
    if len(excluded) <= max(remaining, 0):
        return []
    return [f"{len(excluded)} instances of {entity.name} are excluded, but only {remaining} are to remain."]


def _available(members: Mapping[str, list[str]], entity: ScalableEntity) -> str:
    if not entity.is_group:
        return f"Available instances were: {', '.join(members)}"
    listed = "; ".join(f"{group}: {', '.join(inside)}" for group, inside in members.items())
    return f"Groups and member instances were: {listed}"


def _names(value: Json) -> list[str]:
    if not value:
        return []
    return [str(name) for name in value] if isinstance(value, list) else [str(value)]
