"""Placement of instances of nodes and scaling groups in instances of their containers and groups."""

import secrets
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cfy_cli.contract.limits import active_limits, raise_hint
from cfy_cli.contract.plan import InstanceGroup, NodePlan, ScalablePlan, ScalingGroupPlan
from cfy_cli.dsl.nodes import container_of
from cfy_cli.errors import Invalid

_ID_ALPHABET = string.ascii_lowercase + string.digits
_ID_LENGTH = 6


@dataclass(eq=False, slots=True)
class PlacedInstance:
    """An instance of a node or scaling group; `parent` is the instance that contains it."""

    id: str
    name: str
    parent: "PlacedInstance | None"
    is_group: bool = False

    def group(self, name: str) -> "PlacedInstance | None":
        """Return the instance of a scaling group that contains this one."""
        parent = self.parent
        while parent is not None and not (parent.is_group and parent.name == name):
            parent = parent.parent
        return parent

    def groups(self) -> list[InstanceGroup]:
        """Return the scaling group instances around this one, up to the next node instance."""
        groups: list[InstanceGroup] = []
        parent = self.parent
        while parent is not None and parent.is_group:
            groups.append({"name": parent.name, "id": parent.id})
            parent = parent.parent
        return groups

    def container(self) -> "PlacedInstance | None":
        """Return the node instance that contains this one."""
        parent = self.parent
        while parent is not None and parent.is_group:
            parent = parent.parent
        return parent


class TooManyInstances(Invalid):
    """The limit `node_instances` or `relationships` was reached."""


class Placement:
    """The placement of new instances of all nodes and groups of a prepared plan."""

    def __init__(self, plan: ScalablePlan, reserved_ids: Iterable[str] = ()) -> None:
        self.nodes: dict[str, NodePlan] = {node["name"]: node for node in plan["nodes"]}
        self.groups: Mapping[str, ScalingGroupPlan] = plan["scaling_groups"]
        self.parents = self._parents()  # the node or group that contains each node and group
        self.instances: dict[str, list[PlacedInstance]] = {}
        self._ids = set(reserved_ids)
        self._remaining = active_limits().node_instances - len(self._ids)

    def place_all(self) -> None:
        for name in (*self.nodes, *self.groups):
            self._place(name)

    def count_of(self, name: str) -> int:
        """Return the number of instances of a node or group in each instance of its parent."""
        scalable = self.groups[name] if name in self.groups else self.nodes[name]["capabilities"]["scalable"]
        return int(scalable["properties"]["current_instances"])

    def instances_in(self, parent: PlacedInstance | None, name: str) -> list[PlacedInstance]:
        return [self.create(parent, name) for _ in range(self.count_of(name))]

    def create(self, parent: PlacedInstance | None, name: str) -> PlacedInstance:
        self._remaining -= 1
        if self._remaining < 0:
            limit = active_limits().node_instances
            raise TooManyInstances(
                f"the deployment would have more than {limit:,} node instances, with those of `{name}`",
                hint=raise_hint("node_instances"),
            )
        return PlacedInstance(self._new_id(name), name, parent, name in self.groups)

    def _parents(self) -> dict[str, str | None]:
        """Return the parents: of a member its group, of an outermost group the node that contains its members."""
        group_of = {member: name for name, group in self.groups.items() for member in group["members"]}
        parents: dict[str, str | None] = {**dict.fromkeys(self.groups), **group_of}
        for name, node in self.nodes.items():
            container = container_of(node)
            if container is None:
                parents.setdefault(name, None)
                continue
            outermost = name
            while outermost in group_of:
                outermost = group_of[outermost]
            parents[outermost] = container
        return parents

    def _place(self, name: str) -> None:
        """Place all instances of a node or group, after those of its ancestors."""
        lineage = [name]
        while (parent := self.parents.get(lineage[-1])) is not None and parent not in self.instances:
            lineage.append(parent)
        for ancestor in reversed(lineage):
            if ancestor not in self.instances:
                parent = self.parents.get(ancestor)
                parents: list[PlacedInstance | None] = [None] if parent is None else [*self.instances[parent]]
                self.instances[ancestor] = [
                    instance for parent_instance in parents for instance in self.instances_in(parent_instance, ancestor)
                ]

    def _new_id(self, name: str) -> str:
        while True:
            new_id = f"{name}_{''.join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH))}"
            if new_id not in self._ids:
                self._ids.add(new_id)
                return new_id
