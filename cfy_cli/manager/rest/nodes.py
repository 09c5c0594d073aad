"""Nodes and node instances over HTTP."""

from typing import Annotated, Any

from fastapi import Depends
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import load_only

from cfy_cli import dsl
from cfy_cli.contract.resources import NODE_INSTANCES, NODES
from cfy_cli.errors import Invalid
from cfy_cli.manager.rest.api import Call, Routes, listed
from cfy_cli.manager.rest.paging import flag, listing
from cfy_cli.manager.rest.wire import item, items
from cfy_cli.manager.services.deployments import deployments, node_instances
from cfy_cli.manager.store.listing import Listing
from cfy_cli.manager.store.models import Deployment, Node, NodeInstance

routes = Routes("nodes")
COUNTED = {
    "actual_number_of_instances",
    "actual_planned_number_of_instances",
    "drifted_instances",
    "unavailable_instances",
}


class InstanceChange(BaseModel):
    version: int | None = None
    state: str | None = None
    runtime_properties: dict[str, Any] | None = None
    system_properties: dict[str, Any] | None = None
    relationships: list[dict[str, Any]] | None = None


@routes.get("/nodes", "node_list")
def list_nodes(
    call: Call,
    asked: Annotated[
        Listing,
        Depends(listing(sort=NODES.order, extra=("_evaluate_functions", "evaluate_functions", "_instance_counts"))),
    ],
) -> dict[str, Any]:
    page = call.store.list(Node, asked, search=NODES.search)
    if asked.include is None or not COUNTED.isdisjoint(asked.include):
        _count(call, page.items)
    found = items(page.items, asked.include)
    if flag(call.query, "_evaluate_functions") or flag(call.query, "evaluate_functions"):
        for node, row in zip(found, page.items, strict=True):
            if "properties" in node:
                deployment = call.store.get(Deployment, row.deployment_id)
                lookups = deployments.lookups(call.app, call.scope, deployment)
                node["properties"] = dsl.evaluate(node["properties"], lookups)
    return listed(page, found)


@routes.get("/node-instances", "node_instance_list")
def list_node_instances(
    call: Call, asked: Annotated[Listing, Depends(listing(sort=NODE_INSTANCES.order, extra=("_evaluate_functions",)))]
) -> dict[str, Any]:
    page = call.store.list(NodeInstance, asked, search=NODE_INSTANCES.search)
    return listed(page, items(page.items, asked.include))


@routes.get("/node-instances/{node_instance_id}", "node_instance_get")
def get_node_instance(call: Call, node_instance_id: str) -> dict[str, Any]:
    row = call.store.get(NodeInstance, node_instance_id)
    answer = item(row, call.include)
    if flag(call.query, "_evaluate_functions") and "runtime_properties" in answer:
        deployment = call.store.get(Deployment, row.deployment_id)
        lookups = deployments.lookups(call.app, call.scope, deployment)
        answer["runtime_properties"] = dsl.evaluate(answer["runtime_properties"], lookups, self_id=row.id)
    return answer


@routes.patch("/node-instances/{node_instance_id}", "node_instance_update")
def update_node_instance(call: Call, node_instance_id: str, body: InstanceChange) -> dict[str, Any]:
    """Replace state or properties. `version` is the one that was read: 409 when somebody was faster."""
    changes = body.model_dump(exclude_none=True)
    version = changes.pop("version", None)
    if not changes:
        raise Invalid("Nothing to change: give `state` or `runtime_properties`")
    force = flag(call.query, "force")
    return item(node_instances.change(call.store, node_instance_id, None if force else version, changes))


def _count(call: Call, rows: Any) -> None:
    """How many instances each node has, and how many of them are drifted or unavailable."""
    wanted = {row.deployment_storage_id for row in rows}
    counts: dict[tuple[int, str], list[int]] = {}
    for instance in call.store.unscoped.scalars(
        select(NodeInstance)
        .where(NodeInstance.deployment_storage_id.in_(wanted))
        .options(load_only(NodeInstance.deployment_storage_id, NodeInstance.node_id, NodeInstance.system_properties))
    ):
        count = counts.setdefault((instance.deployment_storage_id, instance.node_id), [0, 0, 0])
        count[0] += 1
        count[1] += instance.has_configuration_drift
        count[2] += not instance.is_status_check_ok
    for row in rows:
        total, drifted, unavailable = counts.get((row.deployment_storage_id, row.id), [0, 0, 0])
        row.actual_number_of_instances = row.actual_planned_number_of_instances = total
        row.drifted_instances, row.unavailable_instances = drifted, unavailable
