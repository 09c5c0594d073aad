"""Lists asked with filter rules, which may be too long for a query string."""

from typing import Annotated, Any

from fastapi import Depends
from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, and_, true

from cfy_cli.contract.resources import BLUEPRINTS, DEPLOYMENTS, SECRETS
from cfy_cli.manager.rest import blueprints, deployments
from cfy_cli.manager.rest.api import Call, Routes, listed
from cfy_cli.manager.rest.paging import listing
from cfy_cli.manager.rest.wire import items
from cfy_cli.manager.store.listing import Listing, Page
from cfy_cli.manager.store.models import Blueprint, Deployment, Secret
from cfy_cli.manager.store.rules import rule_conditions

routes = Routes("searches")


class Rules(BaseModel):
    filter_rules: list[dict[str, Any]] = Field(default_factory=list)


@routes.search("/searches/blueprints", "blueprint_list")
def search_blueprints(
    call: Call, asked: Annotated[Listing, Depends(listing(sort=BLUEPRINTS.order))], body: Rules
) -> dict[str, Any]:
    chosen = and_(Blueprint.is_hidden.is_(False), *rule_conditions(Blueprint, body.filter_rules))
    page = call.store.list(Blueprint, asked, search=BLUEPRINTS.search, where=chosen)
    page = _counted(call, Blueprint, asked, page, body, Blueprint.is_hidden.is_(False))
    return listed(page, [blueprints.shown(call.store, row, asked.include) for row in page.items])


@routes.search("/searches/deployments", "deployment_list")
def search_deployments(
    call: Call,
    asked: Annotated[Listing, Depends(listing(sort=DEPLOYMENTS.order, extra=deployments.EXTRA))],
    body: Rules,
) -> dict[str, Any]:
    chosen = and_(deployments.named(call), *rule_conditions(Deployment, body.filter_rules))
    page = call.store.list(Deployment, asked, search=DEPLOYMENTS.search, where=chosen)
    page = _counted(call, Deployment, asked, page, body, deployments.named(call))
    return listed(page, [deployments.shown(row, asked.include) for row in page.items])


@routes.search("/searches/secrets", "secret_list")
def search_secrets(
    call: Call, asked: Annotated[Listing, Depends(listing(sort=SECRETS.order))], body: Rules
) -> dict[str, Any]:
    page = call.store.list(
        Secret, asked, search=SECRETS.search, where=and_(true(), *rule_conditions(Secret, body.filter_rules))
    )
    return listed(_counted(call, Secret, asked, page, body, true()), items(page.items, asked.include))


def _counted(
    call: Call, model: type[Any], asked: Listing, page: Page[Any], body: Rules, where: ColumnElement[bool]
) -> Page[Any]:
    """With how many the rules keep back."""
    if not body.filter_rules:
        return page
    everything = call.store.count(model, asked, where=where)
    return Page(page.items, page.total, page.offset, page.size, everything - page.total)
