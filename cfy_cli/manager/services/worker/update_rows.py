"""Rows that the tasks of an update work with."""

from collections.abc import Iterable, Sequence
from typing import cast

from sqlalchemy import select

from cfy_cli.contract.plan import InstancePlan, PreparedPlan
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.ports import UpdateChanges
from cfy_cli.manager.services.deployment_updates import records
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext
from cfy_cli.manager.store.models import Deployment, DeploymentUpdate, Node, NodeInstance
from cfy_cli.manager.store.store import Store

FORMER_BLUEPRINTS = "blueprints_of_nodes"  # in the record of the deployment before the update


def former_blueprints(update: DeploymentUpdate) -> dict[str, str]:
    """Return what `blueprints_of` was before the update; nothing before the update is prepared."""
    raw = update.deployment_update_deployment or {}
    return cast("dict[str, str]", raw.get(FORMER_BLUEPRINTS) or {})


def blueprints_of(nodes: Iterable[Node]) -> dict[str, str]:
    """Return the blueprint of each node, and of each relationship that is of another one than its source."""
    found: dict[str, str] = {}
    for node in nodes:
        found[node.id] = node.blueprint_id
        found.update(node.link_blueprints or {})
    return found


def read_rows(context: ExecutionContext, store: Store) -> tuple[DeploymentUpdate, Deployment]:
    update = records.get_of_execution(store.unscoped, context.execution)  # of the execution
    return update, read_deployment(context, store)


def read_deployment(context: ExecutionContext, store: Store) -> Deployment:
    return store.unscoped.get_one(Deployment, context.execution.deployment_storage_id)  # the execution's own


def read_nodes(store: Store, deployment: Deployment) -> Sequence[Node]:
    own = select(Node).where(Node.deployment_storage_id == deployment.storage_id).order_by(Node.storage_id)
    return store.unscoped.scalars(own).all()  # rows of the deployment


def read_instances(store: Store, deployment: Deployment) -> Sequence[NodeInstance]:
    own = select(NodeInstance).where(NodeInstance.deployment_storage_id == deployment.storage_id)
    return store.unscoped.scalars(own.order_by(NodeInstance.storage_id)).all()  # rows of the deployment


def plans_of(context: ExecutionContext, update: DeploymentUpdate) -> tuple[PreparedPlan, PreparedPlan]:
    """Return the plans before and after the update, which are read once: nobody may change them."""
    if not context.update_plans:
        if update.former_plan is None or update.deployment_plan is None:
            raise Invalid(f"The update {update.id} is not prepared")
        context.update_plans[:] = update.former_plan, update.deployment_plan
    former, plan = context.update_plans
    return former, plan


def instance_plan(row: NodeInstance) -> InstancePlan:
    return {
        "id": row.id,
        "name": row.node_id,
        "node_id": row.node_id,
        "index": row.index,
        "host_id": row.host_id,
        "relationships": row.relationships,
        "scaling_groups": row.scaling_groups,
    }


def instances_after(rows: Iterable[NodeInstance], changes: UpdateChanges) -> list[InstancePlan]:
    """Return the node instances that there are after the update."""
    left_out = {*changes["removed"], *(instance["id"] for instance in changes["added"])}
    after = [instance_plan(row) for row in rows if row.id not in left_out]
    for instance in after:
        instance["relationships"] = changes["final"].get(instance["id"], instance["relationships"])
    return [*after, *changes["added"]]
