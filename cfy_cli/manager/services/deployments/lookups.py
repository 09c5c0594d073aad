"""What run-time functions find in the store about one deployment."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import select

from cfy_cli import dsl
from cfy_cli.contract.plan import InstanceGroup, InstanceRelationship, NodePlan
from cfy_cli.manager.services.labels import CONSUMER
from cfy_cli.manager.store.models import Deployment, DeploymentLabel, Node, NodeInstance
from cfy_cli.manager.store.store import Store

OpenStore = Callable[[], AbstractContextManager[Store]]
ReadSecret = Callable[[str], str]


class StoreLookups:
    """`cfy_cli.dsl.lookups.Lookups` over a deployment's rows; `read` opens a store for each look.

    `read_secret` gives the value of a secret; it raises KeyError with a sentence, or NotYet to leave the call as it is.
    """

    def __init__(self, read: OpenStore, deployment: Deployment, read_secret: ReadSecret) -> None:
        self._read = read
        self._read_secret = read_secret
        self.deployment = deployment
        self._nodes: dict[str, NodePlan] = {}

    def node(self, node_id: str) -> NodePlan:
        if not self._nodes:
            with self._read() as store:
                rows = store.unscoped.scalars(select(Node).where(self._of(Node))).all()
            self._nodes = {row.id: plan_node(row) for row in rows}
        return self._nodes[node_id]

    def instance_ids(self, node_id: str) -> list[str]:
        with self._read() as store:
            return list(
                store.unscoped.scalars(
                    select(NodeInstance.id)
                    .where(self._of(NodeInstance), NodeInstance.node_id == node_id)
                    .order_by(NodeInstance.index)
                )
            )

    def node_of(self, instance_id: str) -> str:
        return str(self._column(instance_id, NodeInstance.node_id))

    def instance_index(self, instance_id: str) -> int:
        return int(self._column(instance_id, NodeInstance.index))

    def consumers(self, what: str) -> Any:
        """Of the deployments that need this one: their `ids`, their `names` for people, or their `count`."""
        ids = self.label(CONSUMER)
        if what == "names":
            with self._read() as store:
                found = [store.find(Deployment, name) for name in ids]
            return [each.display_name for each in found if each is not None]
        return len(ids) if what == "count" else ids

    def group_capability(self, group_id: str, name: str) -> Any:
        raise KeyError(
            f"There is no deployment group `{group_id}` to ask for `{name}`: this manager keeps no groups yet"
        )

    def runtime_properties(self, instance_id: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._column(instance_id, NodeInstance.runtime_properties)
        return found

    def instance_relationships(self, instance_id: str) -> list[InstanceRelationship]:
        found: list[InstanceRelationship] = self._column(instance_id, NodeInstance.relationships)
        return found

    def scaling_groups(self, instance_id: str) -> list[InstanceGroup]:
        found: list[InstanceGroup] = self._column(instance_id, NodeInstance.scaling_groups)
        return found

    def input(self, name: str) -> Any:
        return self.deployment.inputs[name]

    def secret(self, key: str) -> Any:
        return self._read_secret(key)

    def capability(self, deployment_id: str, name: str) -> Any:
        with self._read() as store:
            other = store.find(Deployment, deployment_id)
        if other is None:
            raise KeyError(f"Requested deployment `{deployment_id}` was not found (get_capability)")
        if name not in other.capabilities:
            raise KeyError(f"Deployment `{deployment_id}` has no capability `{name}`")
        return dsl.evaluate(other.capabilities[name].get("value"), StoreLookups(self._read, other, self._read_secret))

    def label(self, key: str) -> list[str]:
        with self._read() as store:
            return list(
                store.unscoped.scalars(
                    select(DeploymentLabel.value)
                    .where(
                        DeploymentLabel.deployment_storage_id == self.deployment.storage_id, DeploymentLabel.key == key
                    )
                    .order_by(DeploymentLabel.storage_id)
                )
            )

    def sys(self, entity: str, name: str) -> Any:
        known = {
            ("tenant", "name"): self.deployment.tenant_name,
            ("deployment", "id"): self.deployment.id,
            ("deployment", "name"): self.deployment.display_name,
            ("deployment", "blueprint"): self.deployment.blueprint_id,
            ("deployment", "owner"): self.deployment.created_by,
        }
        return known[entity, name]

    def _of(self, model: type[Node] | type[NodeInstance]) -> Any:
        return model.deployment_storage_id == self.deployment.storage_id

    def _column(self, instance_id: str, column: Any) -> Any:
        with self._read() as store:
            found = store.unscoped.execute(
                select(column).where(self._of(NodeInstance), NodeInstance.id == instance_id)
            ).one_or_none()
        if found is None:
            raise KeyError(f"There is no node instance `{instance_id}` in deployment `{self.deployment.id}`")
        return found[0]


def plan_node(row: Node) -> NodePlan:
    """A node as the plan has it, from its row."""
    return {
        "id": row.id,
        "name": row.id,
        "type": row.type,
        "type_hierarchy": row.type_hierarchy,
        "host_id": row.host_id,
        "properties": row.properties,
        "operations": row.operations,
        "relationships": row.relationships,
        "plugins": row.plugins,
        "plugins_to_install": row.plugins_to_install,
        "capabilities": {
            "scalable": {
                "properties": {
                    "current_instances": row.number_of_instances,
                    "default_instances": row.deploy_number_of_instances,
                    "min_instances": row.min_number_of_instances,
                    "max_instances": row.max_number_of_instances,
                    "planned_instances": row.planned_number_of_instances,
                }
            }
        },
    }
