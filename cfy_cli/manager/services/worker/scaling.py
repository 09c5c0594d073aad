"""Adding and removing of node instances of a deployment, and its planned numbers of instances."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import delete, insert, select

from cfy_cli.contract.plan import InstanceCounts, InstancePlan, InstanceRelationship
from cfy_cli.manager.services.deployments import deployments
from cfy_cli.manager.services.system_workflows.deployment_environment import instance_row, owner_columns
from cfy_cli.manager.store.models import Deployment, Node, NodeInstance
from cfy_cli.manager.store.store import Store


def add_instances(
    store: Store,
    deployment_storage_id: int,
    added: Sequence[InstancePlan],
    related: Mapping[str, list[InstanceRelationship]],
) -> None:
    """Insert the instances that do not exist yet; `related` maps ids of others to all of their relationships."""
    deployment = _get_deployment(store, deployment_storage_id)
    existing = {row.id: row for row in _instances(store, deployment_storage_id)}
    owner = owner_columns(deployment)
    new = [instance_row(instance, owner) for instance in added if instance["id"] not in existing]
    if new:
        store.unscoped.execute(insert(NodeInstance), new)  # rows of the deployment
    for instance_id, relationships in related.items():
        _set_relationships(existing[instance_id], relationships)
    deployments.refresh_status(store, deployment)


def remove_instances(store: Store, deployment_storage_id: int, instance_ids: Collection[str]) -> None:
    """Delete the instances that exist, and the relationships of others to them."""
    removed = set(instance_ids)
    for row in _instances(store, deployment_storage_id):
        remaining = [relationship for relationship in row.relationships if relationship["target_id"] not in removed]
        if row.id not in removed and remaining != row.relationships:
            _set_relationships(row, remaining)
    store.flush()
    store.unscoped.execute(  # rows of the deployment
        delete(NodeInstance).where(
            NodeInstance.deployment_storage_id == deployment_storage_id, NodeInstance.id.in_(removed)
        )
    )
    deployments.refresh_status(store, _get_deployment(store, deployment_storage_id))


def set_planned_instances(store: Store, deployment_storage_id: int, entity: str, number: int, *, reached: bool) -> None:
    """Set the planned number of instances of a scaling group or node; `reached`: it is the current number too."""
    deployment = _get_deployment(store, deployment_storage_id)
    group = deployment.scaling_groups.get(entity)
    if group is not None:
        counts: InstanceCounts = {**group["properties"], "planned_instances": number}
        if reached:
            counts["current_instances"] = number
        deployment.scaling_groups = {**deployment.scaling_groups, entity: {**group, "properties": counts}}
        return
    # a node of the deployment
    node = store.unscoped.scalars(
        select(Node).where(Node.deployment_storage_id == deployment_storage_id, Node.id == entity)
    ).one()
    node.planned_number_of_instances = number
    if reached:
        node.number_of_instances = number


def _get_deployment(store: Store, storage_id: int) -> Deployment:
    return store.unscoped.get_one(Deployment, storage_id)  # the execution's own deployment


def _instances(store: Store, deployment_storage_id: int) -> Sequence[NodeInstance]:
    # rows of the deployment
    return store.unscoped.scalars(
        select(NodeInstance).where(NodeInstance.deployment_storage_id == deployment_storage_id)
    ).all()


def _set_relationships(row: NodeInstance, relationships: list[InstanceRelationship]) -> None:
    row.relationships, row.version = relationships, row.version + 1
