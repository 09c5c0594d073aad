"""Lists asked with filter rules, which may be too long for a query string."""

from typing import Annotated, Any

from fastapi import Depends
from pydantic import BaseModel, Field
from sqlalchemy import and_

from cfy_cli.contract.resources import BLUEPRINTS, DEPLOYMENTS
from cfy_cli.manager.rest import blueprints, deployments
from cfy_cli.manager.rest.api import Call, Routes, listed
from cfy_cli.manager.rest.paging import listing
from cfy_cli.manager.store.listing import Listing, Page
from cfy_cli.manager.store.models import Blueprint, Deployment
from cfy_cli.manager.store.rules import conditions

routes = Routes("searches")


class Rules(BaseModel):
    filter_rules: list[dict[str, Any]] = Field(default_factory=list)


@routes.search("/searches/blueprints", "blueprint_list")
def search_blueprints(
    call: Call, asked: Annotated[Listing, Depends(listing(sort=BLUEPRINTS.order))], body: Rules
) -> dict[str, Any]:
    chosen = and_(Blueprint.is_hidden.is_(False), *conditions(Blueprint, body.filter_rules))
    page = call.store.list(Blueprint, asked, search=BLUEPRINTS.search, where=chosen)
    page = _counted(call, Blueprint, asked, page, body)
    return listed(page, [blueprints.shown(call.store, row, asked.include) for row in page.items])


@routes.search("/searches/deployments", "deployment_list")
def search_deployments(
    call: Call,
    asked: Annotated[Listing, Depends(listing(sort=DEPLOYMENTS.order, extra=deployments.EXTRA))],
    body: Rules,
) -> dict[str, Any]:
    chosen = and_(deployments.named(call), *conditions(Deployment, body.filter_rules))
    page = call.store.list(Deployment, asked, search=DEPLOYMENTS.search, where=chosen)
    page = _counted(call, Deployment, asked, page, body)
    return listed(page, [deployments.shown(row, asked.include) for row in page.items])


def _counted(call: Call, model: type[Any], asked: Listing, page: Page[Any], body: Rules) -> Page[Any]:
    """With how many the rules keep back."""
    if not body.filter_rules:
        return page
    where = Blueprint.is_hidden.is_(False) if model is Blueprint else deployments.named(call)
    everything = call.store.count(model, asked, where=where)
    return Page(page.items, page.total, page.offset, page.size, everything - page.total)
