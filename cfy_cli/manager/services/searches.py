"""Searches by filter rules, stored filters and constraints."""

from collections.abc import Mapping, Sequence

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.limits import Limits
from cfy_cli.errors import Invalid, NotFound
from cfy_cli.manager.store.constraints import constraint_conditions
from cfy_cli.manager.store.models import Base, Blueprint, Deployment, Secret
from cfy_cli.manager.store.query import Condition
from cfy_cli.manager.store.rules import SearchFields, rule_conditions
from cfy_cli.manager.store.store import Store

_DEFAULT = Limits()
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
    limits: Limits = _DEFAULT,
) -> list[Condition]:
    """Return the conditions of a search. Raises Invalid, and NotFound for an unknown stored filter."""
    fields, constraints = FIELDS[model], dict(constraints or {})
    stored = [*filter_ids, constraints.pop("filter_id", None)]
    _check_size(list(rules), constraints, limits)
    every = [*rules, *(rule for filter_id in stored if filter_id for rule in _find_rules(store, model, filter_id))]
    return [*rule_conditions(model, every, fields), *constraint_conditions(model, constraints, fields)]


def _check_size(rules: list[Json], constraints: Mapping[str, Json], limits: Limits) -> None:
    """Raise Invalid for a search that would be too much work for the database."""
    labels = constraints.get("labels")
    label_values = [value for each in _objects(labels) for value in each.values()]
    patterns = [part for each in _objects([constraints.get("name_pattern")]) for part in each.values()]
    lists = (*(rule.get("values") for rule in _objects(rules)), *label_values, *patterns, *constraints.values())
    values = [value for each in lists for value in (each if isinstance(each, list) else [each])]
    texts = [text for text in (*values, *(rule.get("key") for rule in _objects(rules))) if isinstance(text, str)]
    limits.check("rules", len(rules) + len(label_values), "The filter rules")
    limits.check("rule_values", len(values), "The values of filter rules")
    limits.check("search_text", max(map(len, texts), default=0), "The characters of a value of a filter rule")


def _objects(values: object) -> list[JsonObject]:
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def _find_rules(store: Store, model: type[Base], filter_id: Json) -> Sequence[Json]:
    """Return the rules of a stored filter of blueprints or deployments."""
    if not FIELDS[model].has_filters:
        raise Invalid(f"There are no stored filters of {model.__tablename__}: give `filter_rules` or `constraints`")
    # No filters are stored yet.
    raise NotFound(f"Requested `Filter` of {model.__tablename__} with ID `{filter_id}` was not found")
