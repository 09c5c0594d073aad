"""The state of a deployment and its manager that functions read at run time."""

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from cfy_cli.contract.json import Json
from cfy_cli.contract.plan import InstanceGroup, InstanceRelationship, NodePlan


class Lookups(Protocol):
    """State that functions read and the plan does not hold; methods raise KeyError for unknown names."""

    def node(self, node_id: str) -> NodePlan: ...

    def instance_ids(self, node_id: str) -> list[str]:
        """Return the ids of the instances of a node, in the order of their index."""

    def node_of(self, instance_id: str) -> str: ...

    def runtime_properties(self, instance_id: str) -> Mapping[str, Json]: ...

    def instance_relationships(self, instance_id: str) -> Sequence[InstanceRelationship]: ...

    def scaling_groups(self, instance_id: str) -> Sequence[InstanceGroup]:
        """Return the scaling group instances that contain an instance, the innermost first."""

    def input(self, name: str) -> Json: ...

    def secret(self, key: str) -> Json: ...

    def has_secret(self, key: str) -> bool:
        """Return whether there is such a secret; its value is not read."""

    def capability(self, deployment_id: str, name: str) -> Json: ...

    def label(self, key: str) -> list[str]:
        """Return the values of a label of this deployment."""

    def sys(self, entity: str, name: str) -> Json:
        """Answer get_sys: ("tenant", "name"), ("deployment", "id" | "blueprint" | "name" | "owner")."""


@runtime_checkable
class ExtendedLookups(Lookups, Protocol):
    """Lookups that not every environment has; functions that need a missing one fail with a sentence."""

    def instance_index(self, instance_id: str) -> int:
        """Return the index of an instance among those of its node; it stays when other instances are removed."""

    def consumers(self, what: str) -> Json:
        """Answer get_consumers: the "ids", "names" or "count" of the deployments that use this one."""

    def group_capability(self, group_id: str, name: str) -> Json:
        """Return the value of a capability in each deployment of a group."""
