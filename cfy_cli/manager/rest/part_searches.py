"""Searches for scaling groups and capabilities, which have no rows of their own."""

from dataclasses import replace
from functools import partial
from typing import TypedDict

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.limits import active_limits
from cfy_cli.contract.plan import ScalingGroupPlan
from cfy_cli.errors import Invalid
from cfy_cli.manager.rest.api import Call, Deferred, Routes
from cfy_cli.manager.rest.bodies import RulesBody
from cfy_cli.manager.rest.item_lists import Item
from cfy_cli.manager.rest.query import SEARCH
from cfy_cli.manager.rest.schemas import answer_of, list_answer
from cfy_cli.manager.rest.search_owners import (
    BLUEPRINT_ID,
    DEPLOYMENT_ID,
    page_of_found,
    plan_of,
    read_owner,
    with_filtered,
)
from cfy_cli.manager.services.deployments import deployments
from cfy_cli.manager.services.searches import check_size
from cfy_cli.manager.store.constraints import NAME_PATTERN, TENANTS, VALID_VALUES, Constraints, read_constraints
from cfy_cli.manager.store.models import Deployment

CONSTRAINTS = (NAME_PATTERN, VALID_VALUES, TENANTS)
NAME_SEARCH = replace(SEARCH, description="The name of a scaling group.")
VALUE_SEARCH = replace(SEARCH, description="The value of a capability.")


class ScalingGroupAnswer(ScalingGroupPlan):
    """A scaling group as the API answers it."""

    name: str


class CapabilityValue(TypedDict):
    value: Json


class FoundCapabilities(TypedDict):
    """The capabilities of a deployment that match, each an object of its name."""

    deployment_id: str
    capabilities: list[dict[str, CapabilityValue]]


routes = Routes("searches")


@routes.search(
    "/searches/scaling-groups",
    "deployment_list",
    (NAME_SEARCH, DEPLOYMENT_ID, BLUEPRINT_ID),
    list_answer(answer_of(ScalingGroupAnswer), "ScalingGroupList"),
)
def search_scaling_groups(call: Call, body: RulesBody | None = None) -> JsonObject:
    """List the scaling groups of a deployment or blueprint that match constraints."""
    owner = read_owner(call, body or RulesBody())
    constraints = _read_constraints(call, owner.body, "scaling groups")
    blueprint, deployment = owner.blueprint(call), owner.deployment(call)
    if blueprint:
        plan, tenant = plan_of(call, blueprint), blueprint.tenant_name
        groups = plan["scaling_groups"] if plan else {}
    else:
        assert deployment
        groups, tenant = deployment.scaling_groups, deployment.tenant_name
    words = call.texts(SEARCH.name)
    named = {name: group for name, group in groups.items() if not words or name in words}
    items: dict[str, Item] = {
        name: {"name": name, "members": group["members"], "properties": group["properties"]}
        for name, group in named.items()
    }
    found = [item for name, item in items.items() if constraints.match(name, name, tenant)]
    is_limited = owner.body.constraints is not None
    return page_of_found(
        call, list(items.values()), found, ("name",), is_limited=is_limited, whole=blueprint is not None
    )


@routes.search(
    "/searches/capabilities",
    "deployment_capabilities",
    (VALUE_SEARCH, DEPLOYMENT_ID),
    list_answer(answer_of(FoundCapabilities), "FoundCapabilitiesList"),
)
def search_capabilities(call: Call, body: RulesBody | None = None) -> Deferred:
    """List the capabilities of a deployment that match constraints, with their present values."""
    owner = read_owner(call, body or RulesBody())
    deployment = owner.deployment(call)
    if deployment is None:
        raise Invalid("Capabilities have values in deployments only: give `deployment_id`")
    constraints = _read_constraints(call, owner.body, "capabilities")
    evaluate = partial(deployments.evaluate_values, call.app, call.scope, deployment, deployment.capabilities)
    return Deferred(lambda: _find_capabilities(call, deployment, evaluate(), constraints, owner.body))


def _find_capabilities(
    call: Call, deployment: Deployment, values: JsonObject, constraints: Constraints, body: RulesBody
) -> JsonObject:
    words = call.texts(SEARCH.name)
    searched = {name: value for name, value in values.items() if not words or _text(value) in words}
    found = [name for name, value in searched.items() if constraints.match(name, value, deployment.tenant_name)]
    item: Item = {
        "deployment_id": deployment.id,
        "capabilities": [{name: {"value": searched[name]}} for name in found],
    }
    items = [item] if found else []
    answer = page_of_found(call, items, items, ("deployment_id",), is_limited=False, whole=False)
    return with_filtered(answer, len(searched) - len(found) if body.constraints is not None else None)


def _read_constraints(call: Call, body: RulesBody, what: str) -> Constraints:
    if body.filter_rules or body.filter_id:
        raise Invalid(f"There are no filter rules about {what}: give `constraints`")
    check_size((), body.constraints or {}, active_limits())
    return read_constraints(body.constraints or {}, CONSTRAINTS, what)


def _text(value: Json) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
