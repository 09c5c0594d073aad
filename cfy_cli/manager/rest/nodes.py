"""Endpoints of nodes and node instances."""

from collections.abc import Mapping
from functools import partial

from cfy_cli import dsl
from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.resources import NODE_INSTANCES, NODES
from cfy_cli.errors import Invalid
from cfy_cli.manager.rest.api import Call, Routes
from cfy_cli.manager.rest.bodies import AnyJson, Body
from cfy_cli.manager.rest.nouns import Noun
from cfy_cli.manager.rest.query import FORCE, Parameter
from cfy_cli.manager.rest.serialize import page_of, serialize
from cfy_cli.manager.services.deployments import deployments, node_instances
from cfy_cli.manager.store.models import Deployment, Node, NodeInstance

EVALUATE = Parameter("_evaluate_functions", "Answer the values of functions instead of their calls.", "boolean")
NODE_PARAMETERS = (
    EVALUATE,
    Parameter("evaluate_functions", "The same as `_evaluate_functions`.", "boolean"),
    Parameter("_instance_context", "Evaluate functions as seen from this node instance."),
    Parameter("_instance_counts", "Count the node instances; they are counted in any case.", "boolean"),
)

routes = Routes("nodes")
instances = Noun(NODE_INSTANCES, NodeInstance, parameters=(EVALUATE,), routes=routes)
nodes = Noun(
    NODES,
    Node,
    parameters=NODE_PARAMETERS,
    computed_types=dict.fromkeys(node_instances.COUNTS, int),
    routes=routes,
)


class InstanceChange(Body):
    version: int | None = None
    state: str | None = None
    runtime_properties: dict[str, AnyJson] | None = None
    system_properties: dict[str, AnyJson] | None = None
    relationships: list[dict[str, AnyJson]] | None = None


@routes.listing("/nodes", "node_list", nodes.parameters, nodes.list_answer)
def list_nodes(call: Call) -> JsonObject:
    listing = call.listing(NODES.order)
    page = call.store.list(Node, listing, search=NODES.search)
    has_counts = listing.include is None or not node_instances.COUNTS.isdisjoint(listing.include)
    counts = node_instances.count(call.store, page.items) if has_counts else {}
    should_evaluate = call.flag("_evaluate_functions") | call.flag("evaluate_functions")
    call.flag("_instance_counts")
    self_id = call.query.get("_instance_context")
    instance = call.store.get(NodeInstance, self_id) if self_id else None
    items: list[Json] = []
    for row in page.items:
        row_counts: Mapping[str, object] = counts.get(row.storage_id, {})
        node = serialize(row, listing.include, **{name: partial(row_counts.get, name) for name in row_counts})
        if should_evaluate and "properties" in node:
            is_seen = instance is not None and instance.deployment_id == row.deployment_id
            node["properties"] = _evaluate(call, row.deployment_id, node["properties"], self_id if is_seen else None)
        items.append(node)
    return page_of(page, items)


@routes.listing("/node-instances", "node_instance_list", instances.parameters, instances.list_answer)
def list_node_instances(call: Call) -> JsonObject:
    listing = call.listing(NODE_INSTANCES.order)
    should_evaluate = call.flag(EVALUATE.name)
    page = call.store.list(NodeInstance, listing, search=NODE_INSTANCES.search)
    return page_of(page, [_show_instance(call, row, evaluate=should_evaluate) for row in page.items])


@routes.get("/node-instances/{key}", "node_instance_get", (EVALUATE,), instances.answer)
def get_node_instance(call: Call, key: str) -> JsonObject:
    return _show_instance(call, call.store.get(NodeInstance, key), evaluate=call.flag(EVALUATE.name))


@routes.patch("/node-instances/{key}", "node_instance_update", (FORCE,), instances.answer)
def update_node_instance(call: Call, key: str, body: InstanceChange) -> JsonObject:
    """Replace the state or properties; 409 when `version` is not the current one any more."""
    changes = body.model_dump(exclude_none=True)
    version = changes.pop("version", None)
    if not changes:
        raise Invalid("Nothing to change: give `state` or `runtime_properties`")
    force = call.flag("force")
    return serialize(node_instances.change(call.store, key, None if force else version, changes))


def _show_instance(call: Call, row: NodeInstance, *, evaluate: bool) -> JsonObject:
    answer = serialize(row, call.include)
    if evaluate and "runtime_properties" in answer:
        answer["runtime_properties"] = _evaluate(call, row.deployment_id, answer["runtime_properties"], row.id)
    return answer


def _evaluate(call: Call, deployment_id: str, properties: Json, self_id: str | None = None) -> Json:
    deployment = call.store.get(Deployment, deployment_id)
    lookups = deployments.user_lookups(call.app, call.scope, deployment)
    value: Json = dsl.evaluate(properties, lookups, self_id=self_id)
    return value
