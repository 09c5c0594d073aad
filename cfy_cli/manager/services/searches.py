"""Searches by filter rules, stored filters and constraints."""

from collections.abc import Mapping, Sequence

from cfy_cli.contract.json import Json
from cfy_cli.errors import Invalid, NotFound
from cfy_cli.manager.store.constraints import constraint_conditions
from cfy_cli.manager.store.models import Base, Blueprint, Deployment, Secret
from cfy_cli.manager.store.query import Condition
from cfy_cli.manager.store.rules import SearchFields, rule_conditions
from cfy_cli.manager.store.store import Store

DEPLOYMENT_ATTRIBUTES = (
    "id",
    "blueprint_id",
    "created_by",
    "site_name",
    "schedules",
    "tenant_name",
    "display_name",
    "installation_status",
)
FIELDS: Mapping[type[Base], SearchFields] = {
    Blueprint: SearchFields("id", ("id", "state", "tenant_name", "created_by"), has_filters=True),
    Deployment: SearchFields("display_name", DEPLOYMENT_ATTRIBUTES, has_filters=True),
    Secret: SearchFields("key", ("key", "provider_name")),
}


def search_conditions(
    store: Store,
    model: type[Base],
    *,
    rules: Sequence[Json] = (),
    filter_ids: Sequence[Json] = (),
    constraints: Mapping[str, Json] | None = None,
) -> list[Condition]:
    """Return the conditions of a search. Raises Invalid, and NotFound for an unknown stored filter."""
    fields, constraints = FIELDS[model], dict(constraints or {})
    stored = [*filter_ids, constraints.pop("filter_id", None)]
    every = [*rules, *(rule for filter_id in stored if filter_id for rule in _find_rules(store, model, filter_id))]
    return [*rule_conditions(model, every, fields), *constraint_conditions(model, constraints, fields)]


def _find_rules(store: Store, model: type[Base], filter_id: Json) -> Sequence[Json]:
    """Return the rules of a stored filter of blueprints or deployments."""
    if not FIELDS[model].has_filters:
        raise Invalid(f"There are no stored filters of {model.__tablename__}: give `filter_rules` or `constraints`")
    # No filters are stored yet.
    raise NotFound(f"Requested `Filter` of {model.__tablename__} with ID `{filter_id}` was not found")
