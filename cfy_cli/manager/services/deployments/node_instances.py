"""Node instances: changes that do not overwrite each other, and counts by node."""

from collections.abc import Mapping, Sequence
from typing import TypedDict

from sqlalchemy import select, update

from cfy_cli.errors import Conflict, NotFound
from cfy_cli.manager.store.models import Node, NodeInstance
from cfy_cli.manager.store.models.deployments import has_drift, is_status_ok
from cfy_cli.manager.store.store import Store


class VersionConflict(Conflict):
    """The node instance has changed since it was read."""


def change(store: Store, instance_id: str, version: int | None, columns: Mapping[str, object]) -> NodeInstance:
    """Replace columns and increment the version. Raises VersionConflict when the present version is above `version`."""
    row = store.get_own(NodeInstance, instance_id)
    statement = update(NodeInstance).where(NodeInstance.storage_id == row.storage_id)
    if version is not None:
        statement = statement.where(NodeInstance.version <= version)
    statement = statement.values(**columns, version=NodeInstance.version + 1)
    session = store.unscoped  # by the storage id of a row in scope
    is_changed = session.connection().execute(statement).rowcount
    session.refresh(row)
    if not is_changed:
        raise VersionConflict(
            f"Node instance update conflict [current version={row.version}, update version={version}]",
            hint="It was changed meanwhile: read it again, then repeat the change.",
        )
    return row


def delete(store: Store, instance_id: str) -> None:
    row = store.find(NodeInstance, instance_id)
    if row is None:
        raise NotFound(f"Requested `NodeInstance` with ID `{instance_id}` was not found")
    store.delete(row)


class NodeCounts(TypedDict):
    """Numbers of node instances of a node, under the names of the node's wire fields."""

    actual_number_of_instances: int
    actual_planned_number_of_instances: int
    drifted_instances: int
    unavailable_instances: int


COUNTS = frozenset(NodeCounts.__annotations__)


def count(store: Store, nodes: Sequence[Node]) -> dict[int, NodeCounts]:
    """Count the node instances of nodes that are in scope; return the counts by the storage id of the node."""
    counts = {(node.deployment_storage_id, node.id): [0, 0, 0] for node in nodes}
    statement = select(NodeInstance.deployment_storage_id, NodeInstance.node_id, NodeInstance.system_properties).where(
        NodeInstance.deployment_storage_id.in_({node.deployment_storage_id for node in nodes})
    )
    for deployment, node_id, properties in store.unscoped.execute(statement):  # they are as visible as their nodes
        numbers = counts.get((deployment, node_id))
        if numbers:
            numbers[0] += 1
            numbers[1] += has_drift(properties)
            numbers[2] += not is_status_ok(properties)
    return {node.storage_id: _named_counts(*counts[node.deployment_storage_id, node.id]) for node in nodes}


def _named_counts(total: int, drifted: int, unavailable: int) -> NodeCounts:
    return {
        "actual_number_of_instances": total,
        "actual_planned_number_of_instances": total,
        "drifted_instances": drifted,
        "unavailable_instances": unavailable,
    }
