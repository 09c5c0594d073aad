"""Node instances to add and remove, and relationships that change, when a deployment is scaled or updated."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cfy_cli.contract.plan import InstancePlan, InstanceRelationship, NodePlan, RelationshipPlan, ScalablePlan
from cfy_cli.dsl.gc_pause import gc_paused
from cfy_cli.dsl.instance_retention import RetainingPlacement
from cfy_cli.dsl.instances import InstanceBuilder
from cfy_cli.dsl.placement import PlacedInstance, Placement
from cfy_cli.errors import Invalid


@dataclass(frozen=True, slots=True)
class InstanceChanges:
    """Changes of instances, as create_instances returns them; existing instances keep their other fields.

    `extended` and `reduced` instances stay, with the relationships that they gain or lose. `..._related` instances stay
    too, with those of their relationships that lead to an instance that changes. `related` has all relationships
    from now on of the instances that stay and whose relationships change, by their ids.
    """

    added: list[InstancePlan]
    added_related: list[InstancePlan]
    removed: list[InstancePlan]
    removed_related: list[InstancePlan]
    extended: list[InstancePlan]
    extended_related: list[InstancePlan]
    reduced: list[InstancePlan]
    reduced_related: list[InstancePlan]
    related: dict[str, list[InstanceRelationship]]


@gc_paused()
def modify_instances(
    plan: ScalablePlan,
    existing: Sequence[InstancePlan],
    counts: Mapping[str, int],
    *,
    include: Iterable[str] = (),
    exclude: Iterable[str] = (),
) -> InstanceChanges:
    """Return the changes for `counts[name]` instances of nodes and scaling groups in each instance of their container.

    `plan` is a prepared plan; for an update, the new one. Names that are not in `counts` keep their number; in new
    containers they have that of the plan. `include` and `exclude` are ids of instances (of a group: of any instance in
    it) to remove first and last; otherwise the newest are removed first, targets of `all_to_one` relationships late.
    Raises Invalid for unknown names and negative numbers.
    """
    for name, count in counts.items():
        if name not in plan["scaling_groups"] and all(node["name"] != name for node in plan["nodes"]):
            raise Invalid(f"there is no node and no scaling group `{name}`")
        if count < 0:
            raise Invalid(f"`{name}` cannot have {count} instances")
    shared_targets = _shared_targets({node["name"]: node for node in plan["nodes"]}, existing)
    placement = RetainingPlacement(
        plan, existing, counts, include=set(include), exclude=set(exclude), shared=set(shared_targets.values())
    )
    placement.place_all()
    before = {instance["id"]: instance for instance in existing}
    return _compare(before, _build_all(placement, before, shared_targets))


_TargetKey = tuple[str, str, str]  # the source node, the target node and the type of a relationship


def _shared_targets(nodes: Mapping[str, NodePlan], existing: Sequence[InstancePlan]) -> dict[_TargetKey, str]:
    """Return the ids of the instances to which all instances of a node are related (all_to_one)."""
    keys = {
        (name, relationship["target_id"], relationship["type"])
        for name, node in nodes.items()
        for relationship in node["relationships"]
        if relationship["properties"].get("connection_type") == "all_to_one"
    }
    if not keys:
        return {}
    return {
        key: link["target_id"]
        for instance in existing
        for link in instance["relationships"]
        if (key := (instance["node_id"], link["target_name"], link["type"])) in keys
    }


class _ExtendingBuilder(InstanceBuilder):
    """Builds instances beside existing ones, whose shared targets it retains."""

    def __init__(self, placement: Placement, shared_targets: Mapping[_TargetKey, str]) -> None:
        super().__init__(placement)
        self._shared_targets = shared_targets

    def select_target(
        self, source: str, relationship: RelationshipPlan, targets: list[PlacedInstance]
    ) -> PlacedInstance:
        shared = self._shared_targets.get((source, relationship["target_id"], relationship["type"]))
        retained = next((target for target in targets if target.id == shared), None)
        return retained or super().select_target(source, relationship, targets)


def _build_all(
    placement: Placement, before: Mapping[str, InstancePlan], shared_targets: Mapping[_TargetKey, str]
) -> dict[str, InstancePlan]:
    """Return all instances after the change, by id."""
    builder = _ExtendingBuilder(placement, shared_targets)
    last_index = dict.fromkeys(placement.nodes, 0)
    for instance in before.values():
        node = instance["node_id"]
        last_index[node] = max(last_index.get(node, 0), instance.get("index") or 0)
    after: dict[str, InstancePlan] = {}
    for name in placement.nodes:
        for placed in placement.instances[name]:
            if placed.id in before:
                after[placed.id] = {**before[placed.id], "relationships": builder.relationships(placed)}
            else:
                last_index[name] += 1
                after[placed.id] = builder.build(placed, last_index[name])
    return after


def _compare(before: Mapping[str, InstancePlan], after: Mapping[str, InstancePlan]) -> InstanceChanges:
    added, added_related = _only_in(after, before)
    removed, removed_related = _only_in(before, after)
    extended, extended_related = _with_more_relationships(after, before)
    reduced, reduced_related = _with_more_relationships(before, after)
    related = {
        instance_id: instance["relationships"]
        for instance_id, instance in after.items()
        if instance_id in before and instance["relationships"] != before[instance_id]["relationships"]
    }
    return InstanceChanges(
        added, added_related, removed, removed_related, extended, extended_related, reduced, reduced_related, related
    )


def _only_in(
    instances: Mapping[str, InstancePlan], others: Mapping[str, InstancePlan]
) -> tuple[list[InstancePlan], list[InstancePlan]]:
    """Return the instances that are not in the other set, and those that are related to them in either direction."""
    alone = [instance for instance_id, instance in instances.items() if instance_id not in others]
    ids = {instance["id"] for instance in alone}
    targets = {link["target_id"] for instance in alone for link in instance["relationships"]}
    related: list[InstancePlan] = []
    for instance_id, instance in instances.items():
        links = [link for link in instance["relationships"] if link["target_id"] in ids]
        if instance_id not in ids and (links or instance_id in targets):
            related.append({**instance, "relationships": links})
    return alone, related


def _with_more_relationships(
    instances: Mapping[str, InstancePlan], others: Mapping[str, InstancePlan]
) -> tuple[list[InstancePlan], list[InstancePlan]]:
    """Return instances in both sets with the relationships that are not in the other set, and the targets of these."""
    changed: list[InstancePlan] = []
    for instance_id, instance in instances.items():
        if instance_id in others:
            links = [link for link in instance["relationships"] if link not in others[instance_id]["relationships"]]
            if links:
                changed.append({**instance, "relationships": links})
    ids = {instance["id"] for instance in changed}
    targets = {link["target_id"] for instance in changed for link in instance["relationships"]} - ids
    related = [instance_id for instance_id in instances if instance_id in targets and instance_id in others]
    return changed, [{**instances[instance_id], "relationships": []} for instance_id in related]
