"""What run-time functions ask of the world around a deployment."""

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from cfy_cli.contract.json import Json
from cfy_cli.contract.plan import InstanceGroup, InstanceRelationship, NodePlan


class Lookups(Protocol):
    """Everything a function may need that the plan itself does not hold. Unknown names raise KeyError."""

    def node(self, node_id: str) -> NodePlan:
        """The node as the plan has it ("properties", "relationships", "capabilities", ...)."""

    def instance_ids(self, node_id: str) -> list[str]:
        """The instances of a node, in the order of their index."""

    def node_of(self, instance_id: str) -> str: ...

    def runtime_properties(self, instance_id: str) -> Mapping[str, Json]: ...

    def instance_relationships(self, instance_id: str) -> Sequence[InstanceRelationship]:
        """{"type", "target_name", "target_id"} of each."""

    def scaling_groups(self, instance_id: str) -> Sequence[InstanceGroup]:
        """{"name", "id"} of the scaling group instances that hold it."""

    def input(self, name: str) -> Json: ...

    def secret(self, key: str) -> Json: ...

    def capability(self, deployment_id: str, name: str) -> Json: ...

    def label(self, key: str) -> list[str]:
        """The values of a label of this deployment."""

    def sys(self, entity: str, name: str) -> Json:
        """get_sys: ("tenant", "name"), ("deployment", "id" | "blueprint" | "name" | "owner")."""


@runtime_checkable
class WiderLookups(Lookups, Protocol):
    """What not every world can tell; a function that needs it fails with a sentence where it is missing."""

    def instance_index(self, instance_id: str) -> int:
        """The index of an instance among those of its node; it stays when others go."""

    def consumers(self, what: str) -> Json:
        """get_consumers: the "ids", "names" or "count" of the deployments that use this one."""

    def group_capability(self, group_id: str, name: str) -> Json:
        """A capability's value in each deployment of a group."""
