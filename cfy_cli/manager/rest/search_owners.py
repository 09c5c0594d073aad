"""The deployment or the blueprint that a search looks in, and pages of what was found in it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.plan import Plan
from cfy_cli.errors import Invalid
from cfy_cli.manager.rest.api import Call
from cfy_cli.manager.rest.bodies import RulesBody
from cfy_cli.manager.rest.item_lists import Item, page_of_items
from cfy_cli.manager.rest.query import ALL_TENANTS, Parameter
from cfy_cli.manager.services.blueprints.plan_cache import PlanCache
from cfy_cli.manager.store.listing import Listing
from cfy_cli.manager.store.models import Base, Blueprint, Deployment

DEPLOYMENT_ID = Parameter("deployment_id", "The deployment to search in.")
BLUEPRINT_ID = Parameter("blueprint_id", "The blueprint to search in.")
M = TypeVar("M", Deployment, Blueprint)


@dataclass(frozen=True, slots=True)
class Owner:
    """The kind and the name of what a search looks in. `body` is the body of the search without them."""

    model: type[Deployment] | type[Blueprint]
    key: str
    body: RulesBody

    def deployment(self, call: Call) -> Deployment | None:
        """Return the visible deployment, if it is one. Raises NotFound."""
        return _find(call, Deployment, self.key) if self.model is Deployment else None

    def blueprint(self, call: Call) -> Blueprint | None:
        """Return the visible blueprint, if it is one. Raises NotFound."""
        return _find(call, Blueprint, self.key) if self.model is Blueprint else None

    def storage_id(self, call: Call) -> int:
        """Return the storage id of the deployment or blueprint, of which no more is read. Raises NotFound."""
        found = call.store.find_storage_id(self.model, self.key)
        if found is not None:
            return found
        row: Base | None = self.deployment(call) or self.blueprint(call)
        assert row is not None
        return row.storage_id


def read_owner(call: Call, body: RulesBody) -> Owner:
    """Read `deployment_id` or `blueprint_id`, in the query or in the constraints.

    Raises Invalid unless exactly one is given, once.
    """
    deployment_ids, body = take_constraint(body, DEPLOYMENT_ID.name)
    blueprint_ids, body = take_constraint(body, BLUEPRINT_ID.name)
    deployment_ids += call.texts(DEPLOYMENT_ID.name)
    blueprint_ids += call.texts(BLUEPRINT_ID.name)
    if len(deployment_ids) + len(blueprint_ids) != 1:
        raise Invalid(
            "Give exactly one of `deployment_id` and `blueprint_id`, either in the query or in `constraints`",
            hint='For example {"constraints": {"deployment_id": "web-1"}}.',
        )
    return Owner(Deployment, deployment_ids[0], body) if deployment_ids else Owner(Blueprint, blueprint_ids[0], body)


def take_constraint(body: RulesBody, name: str) -> tuple[list[str], RulesBody]:
    """Return the text of a constraint, if it is given, and the body without it. Raises Invalid."""
    if body.constraints is None or name not in body.constraints:
        return [], body
    text = body.constraints[name]
    if not isinstance(text, str):
        raise Invalid(f"`{name}` must be text (constraints)")
    others = {key: value for key, value in body.constraints.items() if key != name}
    return [text], body.model_copy(update={"constraints": others})


def plan_of(call: Call, blueprint: Blueprint) -> Plan | None:
    return call.app.service(PlanCache).get(call.store.unscoped, blueprint.storage_id)  # of a row in scope


def page_of_found(
    call: Call, items: Sequence[Item], found: Sequence[Item], fields: Sequence[str], *, is_limited: bool, whole: bool
) -> JsonObject:
    """Answer those of the items that were found, with the number of the others.

    `whole` answers all of them in one page, whose total counts the others too.
    """
    listing = replace(call.listing(""), sort=sorting(call))
    others = len(items) - len(found)
    answer = page_of_items(found, replace(listing, offset=0, size=len(found)) if whole else listing, fields)
    if not whole:
        return with_filtered(answer, others if is_limited else None)
    count = len(answer["items"])  # type: ignore[arg-type]
    pagination: JsonObject = {"total": count + others, "size": count, "offset": 0}
    return {**answer, "metadata": {"pagination": pagination, "filtered": others if is_limited else None}}


def sorting(call: Call) -> tuple[str, ...]:
    return tuple(key for key in call.listing("").sort if key)


def with_filtered(answer: JsonObject, filtered: int | None) -> JsonObject:
    """Return the answer of a list with the number of items that the search excludes."""
    metadata = answer["metadata"]
    assert isinstance(metadata, dict)
    more: dict[str, Json] = {"filtered": filtered}
    return {**answer, "metadata": metadata | more}


def _find(call: Call, model: type[M], key: str) -> M:
    """Return a visible row; with `_all_tenants`, of any tenant, the own one first. Raises NotFound."""
    if call.flag(ALL_TENANTS.name) and call.store.find(model, key) is None:
        for row in call.store.list(model, Listing(filters={"id": [key]}, size=1, all_tenants=True)).items:
            return row
    return call.store.get(model, key)
