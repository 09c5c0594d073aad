"""Searches by filter rules, stored filters and constraints."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.limits import Limits
from cfy_cli.errors import Invalid
from cfy_cli.manager.store.constraints import (
    LABELS,
    NAME_PATTERN,
    OPERATION_NAMES,
    TENANTS,
    VALID_VALUES,
    Constraints,
    read_constraints,
)
from cfy_cli.manager.store.models import (
    Base,
    Blueprint,
    BlueprintsFilter,
    Deployment,
    DeploymentsFilter,
    Node,
    NodeInstance,
    Secret,
)
from cfy_cli.manager.store.models.filters import Filter
from cfy_cli.manager.store.query import Condition, has_labels
from cfy_cli.manager.store.rules import FilterRule, SearchFields, read_rules
from cfy_cli.manager.store.store import Store

_DEFAULT = Limits()
FILTER_ID = "filter_id"
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
    Node: SearchFields("id", ("id", "type")),
    NodeInstance: SearchFields("id", ("id",)),
    Secret: SearchFields("key", ("key", "provider_name")),
}
NODE_TYPE_FIELDS = SearchFields("type", ("id", "type"))  # of a search for types of nodes
FILTERS: Mapping[type[Base], type[Filter]] = {Blueprint: BlueprintsFilter, Deployment: DeploymentsFilter}


@dataclass(frozen=True, slots=True)
class Search:
    """The rules and constraints of a search, all of them well-formed."""

    model: type[Base]
    fields: SearchFields
    rules: Sequence[FilterRule]
    constraints: Constraints

    def conditions(self) -> list[Condition]:
        rules = [rule.condition(self.model) for rule in self.rules]
        return [*rules, *self.constraints.conditions(self.model, self.fields.name)]


def read_search(
    store: Store,
    model: type[Base],
    *,
    rules: Sequence[Json] = (),
    filter_ids: Sequence[Json] = (),
    constraints: Mapping[str, Json] | None = None,
    limits: Limits = _DEFAULT,
    fields: SearchFields | None = None,
) -> Search:
    """Read what is searched for. Raises Invalid, and NotFound for an unknown stored filter."""
    fields, constraints = fields or FIELDS[model], dict(constraints or {})
    stored = [*filter_ids, constraints.pop(FILTER_ID, None)]
    check_size(rules, constraints, limits)
    every = [*rules, *(rule for filter_id in stored if filter_id for rule in _find_rules(store, model, filter_id))]
    known = read_constraints(constraints, _known_constraints(model, fields), _plural(model))
    return Search(model, fields, read_rules(model, every, fields), known)


def search_conditions(
    store: Store, model: type[Base], *, constraints: Mapping[str, Json] | None = None
) -> list[Condition]:
    """Return the conditions of constraints. Raises Invalid, and NotFound for an unknown stored filter."""
    return read_search(store, model, constraints=constraints).conditions()


def check_size(rules: Sequence[Json], constraints: Mapping[str, Json], limits: Limits) -> None:
    """Raise Invalid for a search that would be too much work for the database."""
    labels = constraints.get(LABELS)
    label_values = [value for each in _objects(labels) for value in each.values()]
    patterns = [constraints.get(name) for name in (NAME_PATTERN, OPERATION_NAMES)]
    parts = [part for each in _objects(patterns) for part in each.values()]
    found = _objects(list(rules))
    lists = (*(rule.get("values") for rule in found), *label_values, *parts, *constraints.values())
    values = [value for each in lists for value in (each if isinstance(each, list) else [each])]
    texts = [text for text in (*values, *(rule.get("key") for rule in found)) if isinstance(text, str)]
    limits.check("rules", len(rules) + len(label_values), "The filter rules")
    limits.check("rule_values", len(values), "The values of filter rules")
    limits.check("search_text", max(map(len, texts), default=0), "The characters of a value of a filter rule")


def _known_constraints(model: type[Base], fields: SearchFields) -> list[str]:
    return [
        NAME_PATTERN,
        VALID_VALUES,
        TENANTS,
        *([LABELS] if has_labels(model) else []),
        *([OPERATION_NAMES] if model is Node else []),
        *([FILTER_ID] if fields.has_filters else []),
    ]


def _objects(values: object) -> list[JsonObject]:
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def _find_rules(store: Store, model: type[Base], filter_id: Json) -> Sequence[Json]:
    """Return the rules of a stored filter of blueprints or deployments."""
    if model not in FILTERS:
        raise Invalid(f"There are no stored filters of {_plural(model)}: give `filter_rules` or `constraints`")
    if not isinstance(filter_id, str):
        raise Invalid(f"`{FILTER_ID}` must be text")
    return store.get(FILTERS[model], filter_id).value


def _plural(model: type[Base]) -> str:
    return str(model.__tablename__).replace("_", " ")
