"""Placement of instances beside existing ones, of which some are removed."""

from collections.abc import Mapping, Sequence
from enum import IntEnum

from cfy_cli.contract.plan import InstanceGroup, InstancePlan, NodePlan, ScalablePlan
from cfy_cli.dsl.nodes import container_of
from cfy_cli.dsl.placement import PlacedInstance, Placement


class _Removal(IntEnum):
    """The order in which instances are removed."""

    REQUESTED = 0
    NORMAL = 1
    SHARED_TARGET = 2
    EXCLUDED = 3


class RetainingPlacement(Placement):
    """Places existing instances where they are, and new ones beside them."""

    def __init__(
        self,
        plan: ScalablePlan,
        existing: Sequence[InstancePlan],
        counts: Mapping[str, int],
        *,
        include: set[str],
        exclude: set[str],
        shared: set[str],
    ) -> None:
        ids = {instance["id"] for instance in existing}
        super().__init__(plan, ids | {group["id"] for instance in existing for group in _groups(instance)})
        self._counts, self._include, self._exclude, self._shared = counts, include, exclude, shared
        self._existing: dict[str, PlacedInstance] = {}
        self._members: dict[str, set[str]] = {}  # ids of the node instances in each group instance
        self._children: dict[tuple[str, str | None], list[PlacedInstance]] = {}  # by name and id of the parent
        self._restore(existing)

    def instances_in(self, parent: PlacedInstance | None, name: str) -> list[PlacedInstance]:
        existing = self._children.get((name, parent.id if parent is not None else None), [])
        count = self._counts.get(name)
        if count is None:
            count = max(len(existing), self.count_of(name))
        retained = self._retain(existing, count)
        for instance in retained:
            instance.parent = parent
        return retained + [self.create(parent, name) for _ in range(count - len(retained))]

    def _retain(self, instances: list[PlacedInstance], count: int) -> list[PlacedInstance]:
        """Return the instances that remain if there may be `count` of them."""
        newest_first = instances[::-1]
        surplus = max(len(instances) - count, 0)
        removed = {instance.id for instance in sorted(newest_first, key=self._removal)[:surplus]}
        return [instance for instance in instances if instance.id not in removed]

    def _removal(self, instance: PlacedInstance) -> _Removal:
        ids = {instance.id} | self._members.get(instance.id, set())
        if ids & self._include:
            return _Removal.REQUESTED
        if ids & self._exclude:
            return _Removal.EXCLUDED
        return _Removal.SHARED_TARGET if instance.id in self._shared else _Removal.NORMAL

    def _restore(self, existing: Sequence[InstancePlan]) -> None:
        """Place the existing instances of nodes that are in the plan, in the order of their index."""
        instances = [instance for instance in existing if instance["node_id"] in self.nodes]
        for instance in sorted(instances, key=lambda instance: int(instance.get("index") or 0)):
            self._existing[instance["id"]] = PlacedInstance(instance["id"], instance["node_id"], None)
        for instance in instances:
            parent_id = _container_id(instance, self.nodes[instance["node_id"]])
            for group in reversed(_groups(instance)):
                placed_group = self._existing.setdefault(
                    group["id"], PlacedInstance(group["id"], group["name"], None, is_group=True)
                )
                if parent_id is not None:
                    placed_group.parent = self._existing.get(parent_id)
                self._members.setdefault(group["id"], set()).add(instance["id"])
                parent_id = group["id"]
            self._existing[instance["id"]].parent = self._existing.get(parent_id) if parent_id is not None else None
        for placed in self._existing.values():
            parent = placed.parent if self.parents.get(placed.name) is not None else None
            self._children.setdefault((placed.name, parent.id if parent is not None else None), []).append(placed)


def _groups(instance: InstancePlan) -> list[InstanceGroup]:
    return instance.get("scaling_groups") or []


def _container_id(instance: InstancePlan, node: NodePlan) -> str | None:
    """Return the id of the instance that contains this one."""
    name = container_of(node)
    return next((link["target_id"] for link in instance["relationships"] if link["target_name"] == name), None)
