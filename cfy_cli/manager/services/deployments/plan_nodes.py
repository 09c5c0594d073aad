"""Nodes of a plan: their columns in the table of nodes, and as they are answered while no deployment has them."""

from typing import TypedDict

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.plan import NodePlan, Operations, Plan, PluginPlan, RelationshipPlan
from cfy_cli.contract.states import Visibility
from cfy_cli.manager.services.deployments.node_instances import COUNTS
from cfy_cli.manager.store.models import Blueprint, Node


class NodeColumns(TypedDict):
    """Columns of a node that come from its plan."""

    id: str
    type: str
    type_hierarchy: list[str]
    host_id: str | None
    properties: JsonObject
    operations: Operations
    relationships: list[RelationshipPlan]
    plugins: list[PluginPlan]
    plugins_to_install: list[PluginPlan] | None
    deploy_number_of_instances: Json
    max_number_of_instances: Json
    min_number_of_instances: Json
    number_of_instances: Json
    planned_number_of_instances: Json


def node_columns(node: NodePlan) -> NodeColumns:
    scalable = node["capabilities"]["scalable"]["properties"]
    return {
        "id": node["name"],
        "type": node["type"],
        "type_hierarchy": node["type_hierarchy"],
        "host_id": node.get("host_id"),
        "properties": node["properties"],
        "operations": node["operations"],
        "relationships": node.get("relationships") or [],
        "plugins": node.get("plugins") or [],
        "plugins_to_install": node.get("plugins_to_install"),
        "deploy_number_of_instances": scalable["default_instances"],
        "max_number_of_instances": scalable["max_instances"],
        "min_number_of_instances": scalable["min_instances"],
        "number_of_instances": scalable["current_instances"],
        "planned_number_of_instances": scalable["planned_instances"],
    }


def describe_nodes(blueprint: Blueprint, plan: Plan) -> list[dict[str, object]]:
    """Return the nodes of a blueprint as nodes without a deployment and without instances."""
    shared = {
        **dict.fromkeys(COUNTS, 0),
        "visibility": blueprint.visibility,
        "tenant_name": blueprint.tenant_name,
        "created_by": blueprint.created_by,
        "resource_availability": blueprint.visibility,
        "private_resource": blueprint.visibility == Visibility.PRIVATE,
        "blueprint_id": blueprint.id,
    }
    fields = ({**shared, **node_columns(node)} for node in plan["nodes"])
    return [
        {name: node.get(name) for name in Node.WIRE_FIELDS} | {"plugins_to_install": node["plugins_to_install"] or []}
        for node in fields
    ]
