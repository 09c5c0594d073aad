"""Endpoints of workflows: those of the deployments that the parameters select, each name once."""

from dataclasses import replace

from cfy_cli.contract.json import JsonObject
from cfy_cli.manager.rest import deployments
from cfy_cli.manager.rest.api import Call, Routes
from cfy_cli.manager.rest.bodies import RulesBody
from cfy_cli.manager.rest.item_lists import page_of_items
from cfy_cli.manager.rest.query import Parameter
from cfy_cli.manager.rest.schemas import answer_of, list_answer
from cfy_cli.manager.services.executions import workflows
from cfy_cli.manager.store.models import Deployment
from cfy_cli.manager.store.query import all_of

FIELDS = ("name", "plugin", "operation", "is_cascading", "is_available")  # those that deployments do not have
UNUSED = ("_group_id", deployments.ALL_SUB_DEPLOYMENTS.name)  # of the parameters of deployments
PARAMETERS = (
    Parameter("deployment_id", "The same as `id`, the id of a deployment.", repeated=True),
    Parameter("deployment_group_id", "Only workflows of the deployments in this group."),
    *(each for each in deployments.noun.parameters if each.name not in UNUSED),
)
COMMON_ONLY = Parameter("_common_only", "Only workflows that all of the deployments have.", "boolean")
ANSWER = list_answer(answer_of(workflows.WorkflowAnswer), "WorkflowList")

routes = Routes("workflows")


@routes.listing("/workflows", "deployment_list", PARAMETERS, ANSWER)
def list_workflows(call: Call) -> JsonObject:
    """List the workflows of all deployments, or of those that `id` or other fields of deployments select."""
    return _find_page(call)


@routes.search("/searches/workflows", "deployment_list", (*PARAMETERS, COMMON_ONLY), ANSWER)
def search_workflows(call: Call, body: RulesBody | None = None) -> JsonObject:
    """List the workflows of the deployments that match filter rules."""
    return _find_page(call, body)


def _find_page(call: Call, body: RulesBody | None = None) -> JsonObject:
    found = workflows.describe_all(
        _find_deployments(call, body), common_only=COMMON_ONLY.name in call.declared and call.flag(COMMON_ONLY.name)
    )
    listing = call.listing("")
    own = {name: values for name, values in listing.filters.items() if name in FIELDS}
    size = listing.size if call.query.get("_size") else len(found)
    sort = tuple(key for key in listing.sort if key)
    return page_of_items(found, replace(listing, filters=own, ranges=(), size=size, sort=sort), (*FIELDS, "created_at"))


def _find_deployments(call: Call, body: RulesBody | None) -> list[Deployment]:
    """Return the deployments that match the request. Raises NotFound for an id, a group or a filter that is unknown."""
    listing = call.listing("", deployments.noun.searched)
    ids = [*call.texts("id"), *call.texts("deployment_id")]
    for deployment_id in ids:
        call.store.get(Deployment, deployment_id)
    filters = {name: values for name, values in listing.filters.items() if name not in (*FIELDS, "id")}
    selected = replace(listing, include=None, filters={**filters, **({"id": ids} if ids else {})}, sort=("created_at",))
    conditions = (*deployments.noun.conditions(call), *deployments.noun.rule_conditions(call, body))
    return workflows.find_deployments(call.store, selected, all_of(*conditions))
