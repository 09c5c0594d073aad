"""Endpoints of nodes and node instances."""

from collections.abc import Mapping
from functools import partial

from pydantic import Field

from cfy_cli import dsl
from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.plan import PluginPlan
from cfy_cli.contract.resources import NODE_INSTANCES, NODES
from cfy_cli.contract.states import InstanceState
from cfy_cli.errors import CfyError, Invalid
from cfy_cli.manager.rest.api import Call, Routes
from cfy_cli.manager.rest.bodies import AnyJson, Body, Items
from cfy_cli.manager.rest.nouns import Noun
from cfy_cli.manager.rest.query import FORCE, Parameter
from cfy_cli.manager.rest.serialize import page_of, serialize
from cfy_cli.manager.rest.summaries import add_summary
from cfy_cli.manager.services.deployments import deployments, node_instances
from cfy_cli.manager.services.deployments.lookups import StoreLookups
from cfy_cli.manager.store.listing import Listing, Page
from cfy_cli.manager.store.models import Deployment, Node, NodeInstance
from cfy_cli.manager.store.query import Condition

EVALUATE = Parameter("_evaluate_functions", "Answer the values of functions instead of their calls.", "boolean")
NODE_PARAMETERS = (
    EVALUATE,
    Parameter("evaluate_functions", "The same as `_evaluate_functions`.", "boolean"),
    Parameter("_instance_context", "Evaluate functions as seen from this node instance."),
    Parameter("_instance_counts", "Count the node instances; they are counted in any case.", "boolean"),
)

MAX_VERSION = 2**31 - 1
PROPERTIES = ("runtime_properties", "system_properties")
SUMMARIZED = frozenset({"state", "system_properties"})  # fields that the status of the deployment follows from

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
    version: int = Field(ge=0, le=MAX_VERSION)  # 0 stands for 1: old clients send it for a new node instance
    state: InstanceState | None = None
    runtime_properties: dict[str, AnyJson] | None = None
    system_properties: dict[str, AnyJson] | None = None
    relationships: Items[dict[str, AnyJson]] | None = None


add_summary(nodes, "deployment_id", "tenant_name", "visibility", without=NODE_PARAMETERS)
add_summary(
    instances, "deployment_id", "index", "node_id", "state", "host_id", "tenant_name", "visibility", without=(EVALUATE,)
)


@routes.listing("/nodes", "node_list", nodes.parameters, nodes.list_answer)
def list_nodes(call: Call) -> JsonObject:
    return page_of(*find_nodes(call, call.listing(NODES.order, nodes.searched)))


def find_nodes(call: Call, listing: Listing, where: Condition | None = None) -> tuple[Page[Node], list[Json]]:
    """Return a page of nodes, and how they are answered."""
    page = call.store.list(Node, listing, where=where)
    has_counts = listing.include is None or not node_instances.COUNTS.isdisjoint(listing.include)
    counts = node_instances.count(call.store, page.items) if has_counts else {}
    should_evaluate = call.flag("_evaluate_functions") | call.flag("evaluate_functions")
    self_id = call.query.get("_instance_context")
    instance = call.store.get(NodeInstance, self_id) if self_id else None
    evaluation = _Evaluation(call)
    items: list[Json] = []
    for row in page.items:
        row_counts: Mapping[str, object] = counts.get(row.storage_id, {})
        computed = {name: partial(row_counts.get, name) for name in row_counts}
        node = serialize(row, listing.include, plugins_to_install=partial(_plugins_to_install, row), **computed)
        if should_evaluate and "properties" in node:
            is_seen = instance is not None and instance.deployment_storage_id == row.deployment_storage_id
            evaluation.add(row, node, "properties", self_id if is_seen else None)
        items.append(node)
    return page, items


@routes.listing("/node-instances", "node_instance_list", instances.parameters, instances.list_answer)
def list_node_instances(call: Call) -> JsonObject:
    return page_of(*find_instances(call, call.listing(NODE_INSTANCES.order, instances.searched)))


def find_instances(
    call: Call, listing: Listing, where: Condition | None = None
) -> tuple[Page[NodeInstance], list[Json]]:
    """Return a page of node instances, and how they are answered."""
    evaluation = _Evaluation(call) if call.flag(EVALUATE.name) else None
    page = call.store.list(NodeInstance, listing, where=where)
    return page, [_show_instance(call, row, evaluation) for row in page.items]


@routes.get("/node-instances/{key}", "node_instance_get", (EVALUATE,), instances.answer)
def get_node_instance(call: Call, key: str) -> JsonObject:
    evaluation = _Evaluation(call) if call.flag(EVALUATE.name) else None
    return _show_instance(call, call.store.get(NodeInstance, key), evaluation)


@routes.patch("/node-instances/{key}", "node_instance_update", (FORCE,), instances.answer)
def update_node_instance(call: Call, key: str, body: InstanceChange) -> JsonObject:
    """Replace the state or properties; null removes all properties.

    409 when the node instance has a higher version than the one given, unless `force`.
    """
    given = body.model_dump(exclude_unset=True, exclude={"version"})
    changes = {name: {} if name in PROPERTIES and value is None else value for name, value in given.items()}
    changes = {name: value for name, value in changes.items() if value is not None}
    if not changes:
        raise Invalid("Nothing to change: give `state` or `runtime_properties`")
    version = None if call.flag("force") else body.version or 1
    row = node_instances.change(call.store, key, version, changes)
    call.store.record_update(row)
    if not SUMMARIZED.isdisjoint(changes):
        deployment = call.store.unscoped.get_one(Deployment, row.deployment_storage_id)  # of a row in scope
        deployments.refresh_status(call.store, deployment)
    return serialize(row)


def _show_instance(call: Call, row: NodeInstance, evaluation: "_Evaluation | None") -> JsonObject:
    answer = serialize(row, call.include)
    if evaluation and "runtime_properties" in answer:
        evaluation.add(row, answer, "runtime_properties", row.id)
    return answer


def _plugins_to_install(row: Node) -> list[PluginPlan]:
    return row.plugins_to_install or []


class _Evaluation:
    """Evaluation of functions in nodes and node instances of several deployments on behalf of a user.

    It begins when the transaction has ended, because secrets may be kept elsewhere. A property that cannot be evaluated
    stays as it is written.
    """

    def __init__(self, call: Call) -> None:
        self._call = call
        self._lookups: dict[int, StoreLookups | None] = {}  # by the storage id of the deployment

    def add(self, row: Node | NodeInstance, item: JsonObject, name: str, self_id: str | None = None) -> None:
        """Evaluate a field of an item, the row as it is answered, before that is sent."""
        lookups = self._lookups_of(row.deployment_storage_id)
        if lookups is not None:
            self._call.after_transaction(partial(_evaluate, item, name, lookups, self_id))

    def _lookups_of(self, storage_id: int) -> StoreLookups | None:
        """Return the lookups of a deployment; None when it was deleted after the row was read."""
        if storage_id not in self._lookups:
            call = self._call
            deployment = call.store.unscoped.get(Deployment, storage_id)  # of a row in scope
            lookups = None if deployment is None else deployments.user_lookups(call.app, call.scope, deployment)
            self._lookups[storage_id] = lookups
        return self._lookups[storage_id]


def _evaluate(item: JsonObject, name: str, lookups: StoreLookups, self_id: str | None) -> None:
    properties = item[name]
    if not isinstance(properties, dict):
        return
    values: JsonObject = {}
    for key, value in properties.items():
        try:
            values[key] = dsl.evaluate(value, lookups, self_id=self_id)
        except CfyError:
            values[key] = value
    item[name] = values
