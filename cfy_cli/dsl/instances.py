"""Node instances: their number, containers and relationships."""

from collections.abc import Iterable

from cfy_cli.contract.limits import active_limits, raise_hint
from cfy_cli.contract.plan import InstancePlan, InstanceRelationship, RelationshipPlan, ScalablePlan
from cfy_cli.dsl.gc_pause import gc_paused
from cfy_cli.dsl.nodes import CONNECTED_TO, CONTAINED_IN, DEPENDS_ON
from cfy_cli.dsl.placement import PlacedInstance, Placement, TooManyInstances
from cfy_cli.errors import Invalid

_KNOWN_TYPES = {CONTAINED_IN, CONNECTED_TO, DEPENDS_ON}


@gc_paused()
def create_instances(plan: ScalablePlan, reserved_ids: Iterable[str] = ()) -> list[InstancePlan]:
    """Return the node instances of a prepared plan, with ids that are not reserved.

    A node or scaling group has `current_instances` instances in each instance of its container. Raises Invalid if a
    relationship cannot be resolved.
    """
    placement = Placement(plan, reserved_ids)
    placement.place_all()
    builder = InstanceBuilder(placement)
    return [
        builder.build(instance, index)
        for name in placement.nodes
        for index, instance in enumerate(placement.instances[name], 1)
    ]


class InstanceBuilder:
    """Builds node instances from their placement."""

    def __init__(self, placement: Placement) -> None:
        self._nodes, self._instances, self._parents = placement.nodes, placement.instances, placement.parents
        self._remaining = active_limits().relationships

    def build(self, placed: PlacedInstance, index: int) -> InstancePlan:
        instance: InstancePlan = {
            "id": placed.id,
            "name": placed.name,
            "node_id": placed.name,
            "index": index,
            "relationships": self.relationships(placed),
        }
        host = self._host(placed)
        if host is not None:
            instance["host_id"] = host
        groups = placed.groups()
        if groups:
            instance["scaling_groups"] = groups
        return instance

    def relationships(self, placed: PlacedInstance) -> list[InstanceRelationship]:
        links: list[InstanceRelationship] = [
            {"type": relationship["type"], "target_name": relationship["target_id"], "target_id": target.id}
            for relationship in self._nodes[placed.name]["relationships"]
            for target in self._targets(placed, relationship)
        ]
        self._remaining -= len(links)
        if self._remaining < 0:
            limit = active_limits().relationships
            raise TooManyInstances(
                f"the node instances would have more than {limit:,} relationships, with those of `{placed.name}`",
                hint=raise_hint("relationships"),
            )
        return links

    def select_target(
        self, source: str, relationship: RelationshipPlan, targets: list[PlacedInstance]
    ) -> PlacedInstance:
        """Return the instance to which all instances of the node `source` are related (all_to_one)."""
        return min(targets, key=lambda target: target.id)

    def _host(self, placed: PlacedInstance) -> str | None:
        host_node = self._nodes[placed.name].get("host_id")
        instance: PlacedInstance | None = placed
        while instance is not None and host_node is not None:
            if instance.name == host_node and not instance.is_group:
                return instance.id
            instance = instance.parent
        return host_node

    def _targets(self, source: PlacedInstance, relationship: RelationshipPlan) -> list[PlacedInstance]:
        """Return the instances to which one instance is related."""
        hierarchy, target_node = relationship["type_hierarchy"], relationship["target_id"]
        if CONTAINED_IN in hierarchy:
            container = source.container()
            return [container] if container is not None else []
        if not _KNOWN_TYPES & set(hierarchy):
            raise Invalid(
                f"the relationship type `{relationship['type']}` is not derived from a basic relationship type"
            )
        targets = self._instances[target_node]
        connection = relationship["properties"].get("connection_type")
        shared = self._shared_group(source, target_node)
        if connection == "all_to_one":
            if shared is not None:
                raise Invalid(
                    f"`all_to_one` cannot be used within a scaling group, and `{source.name}` and "
                    f"`{target_node}` are both in `{shared.name}`"
                )
            return [self.select_target(source.name, relationship, targets)] if targets else []
        if connection != "all_to_all":
            raise Invalid(
                f"the `connection_type` of the relationship from `{source.name}` to `{target_node}` "
                f"is `{connection}`; it must be `all_to_all` or `all_to_one`"
            )
        return targets if shared is None else [target for target in targets if target.group(shared.name) is shared]

    def _shared_group(self, source: PlacedInstance, target: str) -> PlacedInstance | None:
        """Return the innermost group instance around the source whose group contains the target node too."""
        ancestors = set()
        parent_name = self._parents.get(target)
        while parent_name is not None:
            ancestors.add(parent_name)
            parent_name = self._parents.get(parent_name)
        parent = source.parent
        while parent is not None and not (parent.is_group and parent.name in ancestors):
            parent = parent.parent
        return parent
