"""Lookups of functions that are evaluated at run time, in the rows of one deployment."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import TypeVar

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute

from cfy_cli import dsl
from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.plan import InstanceGroup, InstanceRelationship, NodePlan
from cfy_cli.manager.services.labels import CONSUMER
from cfy_cli.manager.services.secrets.secrets import ReadSecret
from cfy_cli.manager.store.models import Deployment, DeploymentGroup, DeploymentLabel, Node, NodeInstance
from cfy_cli.manager.store.store import Store

OpenStore = Callable[[], AbstractContextManager[Store]]
OpenPermitted = Callable[[str], AbstractContextManager[Store]]  # with a permission
T = TypeVar("T")
DEPLOYMENT_GET = "deployment_get"


class StoreLookups:
    """Implements `cfy_cli.dsl.lookups.ExtendedLookups`.

    `read` opens a store for each lookup, with the rights of the user for whom functions are evaluated. What they name
    is looked up in the tenant of the deployment, whichever the user works in. `read_own` opens one for rows of the
    deployment itself, which are as visible as the deployment, so that queries of them are unscoped; it is `read` unless
    the caller checks the rights. `read_secret` finds a secret, and what it returns reads the value when the store is
    closed; it raises NotYet to leave a call unevaluated.
    """

    def __init__(
        self,
        read: OpenPermitted,
        deployment: Deployment,
        read_secret: ReadSecret,
        *,
        read_own: OpenStore | None = None,
    ) -> None:
        self._read = read
        self._read_secret = read_secret
        self._read_own = read_own or partial(read, DEPLOYMENT_GET)
        self.deployment = deployment
        self._nodes: dict[str, NodePlan] = {}

    def node(self, node_id: str) -> NodePlan:
        if not self._nodes:
            with self._read_own() as store:
                rows = store.unscoped.scalars(select(Node).where(self._in_deployment(Node))).all()  # its nodes
            self._nodes = {row.id: plan_node(row) for row in rows}
        return self._nodes[node_id]

    def instance_ids(self, node_id: str) -> list[str]:
        statement = (
            select(NodeInstance.id)
            .where(self._in_deployment(NodeInstance), NodeInstance.node_id == node_id)
            .order_by(NodeInstance.index)
        )
        with self._read_own() as store:
            return list(store.unscoped.scalars(statement))  # its node instances

    def node_of(self, instance_id: str) -> str:
        return self._column(instance_id, NodeInstance.node_id)

    def instance_index(self, instance_id: str) -> int:
        return self._column(instance_id, NodeInstance.index)

    def consumers(self, what: str) -> Json:
        """Return `ids`, display `names` or the `count` of the visible deployments that depend on this one."""
        ids = self.label(CONSUMER)
        with self._read_in_tenant(DEPLOYMENT_GET) as store:
            consumers = [consumer for each in ids if (consumer := store.find(Deployment, each)) is not None]
        if what == "names":
            return [consumer.display_name for consumer in consumers]
        return len(consumers) if what == "count" else [consumer.id for consumer in consumers]

    def group_capability(self, group_id: str, name: str) -> Json:
        """Return the capability by the ids of the deployments in the group that are visible and have it."""
        with self._read_in_tenant("deployment_capabilities") as store:
            group = store.find(DeploymentGroup, group_id)
            if group is None:
                raise KeyError(f"Requested deployment group `{group_id}` was not found (get_group_capability)")
            members = store.visible(Deployment).where(Deployment.member_of.any(storage_id=group.storage_id))
            others = store.unscoped.scalars(members.order_by(Deployment.storage_id)).unique().all()  # visible ones
        found = {each.id: each.capabilities[name] for each in others if name in each.capabilities}
        if not found:
            raise KeyError(f"No deployment of the group `{group_id}` has a capability `{name}`")
        by_id = {each.id: StoreLookups(self._read, each, self._read_secret) for each in others}
        return {key: dsl.evaluate(capability.get("value"), by_id[key]) for key, capability in found.items()}

    def runtime_properties(self, instance_id: str) -> JsonObject:
        return self._column(instance_id, NodeInstance.runtime_properties)

    def instance_relationships(self, instance_id: str) -> list[InstanceRelationship]:
        return self._column(instance_id, NodeInstance.relationships)

    def scaling_groups(self, instance_id: str) -> list[InstanceGroup]:
        return self._column(instance_id, NodeInstance.scaling_groups)

    def input(self, name: str) -> Json:
        return self.deployment.inputs[name]

    def secret(self, key: str) -> Json:
        with self._read_in_tenant("secret_get") as store:
            read_value = self._read_secret(store, key)
        return read_value()

    def has_secret(self, key: str) -> bool:
        try:
            with self._read_in_tenant("secret_get") as store:
                self._read_secret(store, key)
        except KeyError:
            return False
        return True

    def capability(self, deployment_id: str, name: str) -> Json:
        with self._read_in_tenant("deployment_capabilities") as store:
            other = store.find(Deployment, deployment_id)
        if other is None:
            raise KeyError(f"Requested deployment `{deployment_id}` was not found (get_capability)")
        if name not in other.capabilities:
            raise KeyError(f"Deployment `{deployment_id}` has no capability `{name}`")
        return dsl.evaluate(other.capabilities[name].get("value"), StoreLookups(self._read, other, self._read_secret))

    def label(self, key: str) -> list[str]:
        statement = (
            select(DeploymentLabel.value)
            .where(DeploymentLabel.deployment_storage_id == self.deployment.storage_id, DeploymentLabel.key == key)
            .order_by(DeploymentLabel.storage_id)
        )
        with self._read_own() as store:
            return list(store.unscoped.scalars(statement))  # its labels

    def sys(self, entity: str, name: str) -> Json:
        values = {
            ("tenant", "name"): self.deployment.tenant_name,
            ("deployment", "id"): self.deployment.id,
            ("deployment", "name"): self.deployment.display_name,
            ("deployment", "blueprint"): self.deployment.blueprint_id,
            ("deployment", "owner"): self.deployment.created_by,
        }
        return values[entity, name]

    @contextmanager
    def _read_in_tenant(self, permission: str) -> Iterator[Store]:
        with self._read(permission) as store:
            yield store.in_tenant(self.deployment.tenant_name)

    def _in_deployment(self, model: type[Node] | type[NodeInstance]) -> ColumnElement[bool]:
        return model.deployment_storage_id == self.deployment.storage_id

    def _column(self, instance_id: str, column: InstrumentedAttribute[T]) -> T:
        statement = select(column).where(self._in_deployment(NodeInstance), NodeInstance.id == instance_id)
        with self._read_own() as store:
            row = store.unscoped.execute(statement).one_or_none()  # of its node instances
        if row is None:
            raise KeyError(f"There is no node instance `{instance_id}` in deployment `{self.deployment.id}`")
        return row[0]


def plan_node(row: Node) -> NodePlan:
    """Return a node in the form of the plan, from its row."""
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
