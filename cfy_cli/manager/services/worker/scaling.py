"""Node instances that come and go while a deployment lives, and how many there are to be."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, insert, select

from cfy_cli.contract.plan import InstanceCounts, InstancePlan, InstanceRelationship
from cfy_cli.manager.services.deployments import deployments
from cfy_cli.manager.services.system_workflows.deployment_environment import instance_row, owner_of
from cfy_cli.manager.store.models import Deployment, Node, NodeInstance
from cfy_cli.manager.store.store import Store


def add(
    store: Store,
    deployment_storage_id: int,
    added: Sequence[InstancePlan],
    related: Mapping[str, list[InstanceRelationship]],
) -> None:
    """Insert the instances that are not there yet; `related` gives others all of their relationships."""
    deployment = store.unscoped.get_one(Deployment, deployment_storage_id)
    rows = {row.id: row for row in _instances(store, deployment_storage_id)}
    fields = owner_of(deployment)
    fresh = [instance_row(instance, fields) for instance in added if instance["id"] not in rows]
    if fresh:
        store.unscoped.execute(insert(NodeInstance), fresh)
    for name, relationships in related.items():
        _relate(rows[name], relationships)
    deployments.refresh_status(store, deployment)


def remove(store: Store, deployment_storage_id: int, instance_ids: Collection[str]) -> None:
    """Delete the instances that are there, and the relationships that others have to them."""
    gone = set(instance_ids)
    for row in _instances(store, deployment_storage_id):
        kept = [each for each in row.relationships if each["target_id"] not in gone]
        if row.id not in gone and kept != row.relationships:
            _relate(row, kept)
    store.flush()
    store.unscoped.execute(
        delete(NodeInstance).where(
            NodeInstance.deployment_storage_id == deployment_storage_id, NodeInstance.id.in_(gone)
        )
    )
    deployments.refresh_status(store, store.unscoped.get_one(Deployment, deployment_storage_id))


def set_planned_instances(store: Store, deployment_storage_id: int, entity: str, number: int, *, reached: bool) -> None:
    """Of a node, or of a scaling group of that name; `reached` makes it the current number too."""
    deployment = store.unscoped.get_one(Deployment, deployment_storage_id)
    group = deployment.scaling_groups.get(entity)
    if group is not None:
        counts: InstanceCounts = {**group["properties"], "planned_instances": number}
        if reached:
            counts["current_instances"] = number
        deployment.scaling_groups = {**deployment.scaling_groups, entity: {**group, "properties": counts}}
        return
    node = store.unscoped.scalars(
        select(Node).where(Node.deployment_storage_id == deployment_storage_id, Node.id == entity)
    ).one()
    node.planned_number_of_instances = number
    if reached:
        node.number_of_instances = number


def _instances(store: Store, deployment_storage_id: int) -> Sequence[NodeInstance]:
    return store.unscoped.scalars(
        select(NodeInstance).where(NodeInstance.deployment_storage_id == deployment_storage_id)
    ).all()


def _relate(row: NodeInstance, relationships: list[Any]) -> None:
    row.relationships, row.version = relationships, row.version + 1
