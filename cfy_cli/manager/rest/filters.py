"""Endpoints of stored filters, of blueprints and of deployments."""

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.limits import active_limits
from cfy_cli.contract.resource import Resource
from cfy_cli.contract.resources import BLUEPRINTS_FILTERS, DEPLOYMENTS_FILTERS
from cfy_cli.manager.rest.api import Call, Routes
from cfy_cli.manager.rest.bodies import AnyJson, Body, VisibilityName
from cfy_cli.manager.rest.nouns import Noun
from cfy_cli.manager.services import filters, searches
from cfy_cli.manager.store.models import Base, Blueprint, Deployment

routes = Routes("filters")


class NewFilter(Body):
    filter_rules: list[AnyJson]
    visibility: VisibilityName = "tenant"
    created_by: str | None = None  # of a filter that is restored, as is the next field
    created_at: str | None = None


class FilterChange(Body):
    """Rules of one type replace those of that type."""

    filter_rules: list[AnyJson] | None = None
    visibility: str | None = None


def _add(model: type[Base], resource: Resource) -> None:
    """Add the endpoints of the filters of a model."""
    noun = Noun(resource, searches.FILTERS[model], permission_prefix="filter", routes=routes)
    noun.add_list()
    noun.add_get()

    @routes.put(noun.item_path, noun.permission("create"), (), noun.answer, new=resource)
    def create_filter(call: Call, key: str, body: NewFilter) -> JsonObject:
        limits = active_limits()
        origin = {"created_by": body.created_by, "created_at": body.created_at}
        row = filters.create(call.store, model, resource, key, body.filter_rules, body.visibility, limits, **origin)
        return noun.show(call, row)

    @routes.patch(noun.item_path, noun.permission("update"), (), noun.answer)
    def update_filter(call: Call, key: str, body: FilterChange) -> JsonObject:
        limits = active_limits()
        row = filters.update(call.store, model, key, body.filter_rules or (), body.visibility, limits)
        return noun.show(call, row)

    @routes.delete(noun.item_path, noun.permission("delete"))
    def delete_filter(call: Call, key: str) -> None:
        filters.delete(call.store, model, key)


_add(Blueprint, BLUEPRINTS_FILTERS)
_add(Deployment, DEPLOYMENTS_FILTERS)
