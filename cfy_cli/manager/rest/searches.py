"""Searches for nodes, types of nodes and node instances. Those of a blueprint come from its plan."""

from collections.abc import Mapping, Sequence
from typing import cast

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.resources import NODE_INSTANCES, NODES
from cfy_cli.manager.rest import nodes
from cfy_cli.manager.rest.api import Call, Routes
from cfy_cli.manager.rest.bodies import RulesBody
from cfy_cli.manager.rest.nouns import read_search
from cfy_cli.manager.rest.query import SEARCH
from cfy_cli.manager.rest.schemas import list_answer, row_answer
from cfy_cli.manager.rest.search_owners import (
    BLUEPRINT_ID,
    DEPLOYMENT_ID,
    page_of_found,
    plan_of,
    read_owner,
    take_constraint,
    with_filtered,
)
from cfy_cli.manager.rest.serialize import page_of
from cfy_cli.manager.services.deployments.plan_nodes import describe_nodes
from cfy_cli.manager.services.searches import NODE_TYPE_FIELDS, Search
from cfy_cli.manager.store.models import Blueprint, Node, NodeInstance
from cfy_cli.manager.store.query import all_of, column
from cfy_cli.manager.store.rule_operators import fold

# In a plan, a number of instances may be the call of a function, and there is no deployment.
OF_PLAN: Mapping[str, object] = {
    **dict.fromkeys((name for name in Node.WIRE_FIELDS if name.endswith("number_of_instances")), object),
    **dict.fromkeys(("drifted_instances", "unavailable_instances"), int),
    **dict.fromkeys(("deployment_id", "deployment_display_name"), str | None),
}
ANSWER = list_answer(row_answer(Node, OF_PLAN, "FoundNode"), "FoundNodeList")
SCALARS = tuple(name for name in Node.WIRE_FIELDS if name in ANSWER.filters)
PARAMETERS = (*nodes.NODE_PARAMETERS, SEARCH, DEPLOYMENT_ID, BLUEPRINT_ID)
INSTANCE_CONSTRAINTS = ("deployment_id", "node_id")  # which node instances have beside those of every search

routes = Routes("searches")


@routes.search("/searches/nodes", "node_list", PARAMETERS, ANSWER)
def search_nodes(call: Call, body: RulesBody | None = None) -> JsonObject:
    """List the nodes of a deployment or blueprint that match rules or constraints."""
    return _find_nodes(call, body or RulesBody(), "id")


@routes.search("/searches/node-types", "node_list", PARAMETERS, ANSWER)
def search_node_types(call: Call, body: RulesBody | None = None) -> JsonObject:
    """List the nodes whose types match; `valid_values` are met by types that are derived from them too."""
    return _find_nodes(call, body or RulesBody(), "type")


@routes.search(
    "/searches/node-instances", "node_instance_list", nodes.instances.parameters, nodes.instances.list_answer
)
def search_node_instances(call: Call, body: RulesBody | None = None) -> JsonObject:
    """List the node instances that match rules or constraints."""
    body = body or RulesBody()
    places = []
    for name in INSTANCE_CONSTRAINTS:
        texts, body = take_constraint(body, name)
        places += [column(NodeInstance, name) == text for text in texts]
    search = read_search(call, NodeInstance, body)
    listing = call.listing(NODE_INSTANCES.order, nodes.instances.searched)
    conditions = search.conditions() if search else []
    page, items = nodes.find_instances(call, listing, all_of(*places, *conditions))
    filtered = call.store.count(NodeInstance, listing, where=all_of(*places)) - page.total if search else None
    return with_filtered(page_of(page, items), filtered)


def _find_nodes(call: Call, body: RulesBody, name: str) -> JsonObject:
    """Answer the nodes of which a search looks at the field of that name.

    Rules alone are for the nodes of all deployments.
    """
    is_about_all = body.filter_rules is not None and not (call.texts("deployment_id") or call.texts("blueprint_id"))
    owner = None if is_about_all else read_owner(call, body)
    fields = NODE_TYPE_FIELDS if name == NODE_TYPE_FIELDS.name else None
    search = read_search(call, Node, owner.body if owner else body, fields)
    if owner and (blueprint := owner.blueprint(call)):
        return _find_plan_nodes(call, blueprint, name, search)
    listing = call.listing(NODES.order, {SEARCH.name: (name,)})
    in_owner = [Node.deployment_storage_id == owner.storage_id(call)] if owner else []
    conditions = search.conditions() if search else []
    page, items = nodes.find_nodes(call, listing, all_of(*in_owner, *conditions))
    filtered = call.store.count(Node, listing, where=all_of(*in_owner)) - page.total if search else None
    return with_filtered(page_of(page, items), filtered)


def _find_plan_nodes(call: Call, blueprint: Blueprint, name: str, search: Search | None) -> JsonObject:
    plan = plan_of(call, blueprint)
    words = [fold(word) for word in call.texts(SEARCH.name)]
    items = describe_nodes(blueprint, plan) if plan else []
    items = [node for node in items if not words or any(word in fold(str(node[name])) for word in words)]
    found = [node for node in items if search is None or _matches(node, name, search)]
    return page_of_found(call, items, found, SCALARS, is_limited=search is not None, whole=True)


def _matches(node: Mapping[str, object], name: str, search: Search) -> bool:
    value = str(node[name])
    types = cast("Sequence[str]", node["type_hierarchy"]) if name == NODE_TYPE_FIELDS.name else ()
    return all(rule.matches(node) for rule in search.rules) and search.constraints.match(
        value, value, str(node["tenant_name"]), operations=cast("Mapping[str, object]", node["operations"]), types=types
    )
