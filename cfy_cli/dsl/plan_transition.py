"""Plans of a deployment while it is updated: numbers of instances that stay, and definitions of both plans at once."""

from collections.abc import Iterable, Mapping

from cfy_cli.contract.plan import (
    InstanceCounts,
    NodePlan,
    PluginPlan,
    PreparedPlan,
    RelationshipPlan,
    ScalablePlan,
    ScalingGroupPlan,
)

RelationshipKey = tuple[str, str]  # the type and the target


def retain_counts(plan: PreparedPlan, former: ScalablePlan) -> tuple[PreparedPlan, dict[str, int]]:
    """Return the plan with the present numbers of instances of the nodes and scaling groups that the former plan has.

    Those whose default number of instances differs get the new one; these numbers are returned too.
    """
    present = _counts(former)
    changed: dict[str, int] = {}

    def retain(name: str, counts: InstanceCounts) -> InstanceCounts:
        before = present.get(name)
        if before is None:
            return counts
        if before["default_instances"] != counts["default_instances"]:
            changed[name] = int(counts["default_instances"])
            return counts
        return {
            **counts,
            "current_instances": before["current_instances"],
            "planned_instances": before["planned_instances"],
        }

    nodes = [_with_counts(node, retain(node["name"], _node_counts(node))) for node in plan["nodes"]]
    groups: dict[str, ScalingGroupPlan] = {
        name: {**group, "properties": retain(name, group["properties"])}
        for name, group in (plan.get("scaling_groups") or {}).items()
    }
    return {**plan, "nodes": nodes, "scaling_groups": groups}, changed


def with_default_counts(plan: ScalablePlan) -> ScalablePlan:
    """Return the nodes and groups as they are before any scaling, to compare them with others."""
    nodes = [_with_counts(node, _unscaled(_node_counts(node))) for node in plan["nodes"]]
    groups: dict[str, ScalingGroupPlan] = {
        name: {**group, "properties": _unscaled(group["properties"])} for name, group in plan["scaling_groups"].items()
    }
    return {"nodes": nodes, "scaling_groups": groups}


def merge_nodes(nodes: Iterable[NodePlan], others: Iterable[NodePlan]) -> list[NodePlan]:
    """Return the nodes, followed by the other ones of other names; each with its relationships and plugins of both."""
    by_name = {node["name"]: node for node in others}
    merged = [_merge(node, by_name.pop(node["name"])) if node["name"] in by_name else node for node in nodes]
    return [*merged, *by_name.values()]


def _merge(node: NodePlan, other: NodePlan) -> NodePlan:
    relationships = {_key(relationship) for relationship in node["relationships"]}
    plugins = {plugin["name"] for plugin in node.get("plugins") or ()}
    more_relationships = [each for each in other["relationships"] if _key(each) not in relationships]
    more_plugins: list[PluginPlan] = [each for each in other.get("plugins") or () if each["name"] not in plugins]
    return {
        **node,
        "relationships": [*node["relationships"], *more_relationships],
        "plugins": [*(node.get("plugins") or ()), *more_plugins],
    }


def _key(relationship: RelationshipPlan) -> RelationshipKey:
    return relationship["type"], relationship["target_id"]


def _counts(plan: ScalablePlan) -> Mapping[str, InstanceCounts]:
    nodes = {node["name"]: _node_counts(node) for node in plan["nodes"]}
    return nodes | {name: group["properties"] for name, group in plan["scaling_groups"].items()}


def _node_counts(node: NodePlan) -> InstanceCounts:
    return node["capabilities"]["scalable"]["properties"]


def _with_counts(node: NodePlan, counts: InstanceCounts) -> NodePlan:
    return {**node, "capabilities": {"scalable": {"properties": counts}}}


def _unscaled(counts: InstanceCounts) -> InstanceCounts:
    default = counts["default_instances"]
    return {**counts, "current_instances": default, "planned_instances": default}
