"""Filter rules: {"key", "values", "operator", "type"}, all of which must match."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, select

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.labels import find_fault, normalize
from cfy_cli.errors import InvalidRule
from cfy_cli.manager.store.models import Base
from cfy_cli.manager.store.models.labels import Label
from cfy_cli.manager.store.query import column, expression, has_labels, matching
from cfy_cli.manager.store.rule_operators import ATTRIBUTE_OPERATORS, LABEL_OPERATORS, WITHOUT_VALUES

Condition = ColumnElement[bool]
KEYS = ("key", "values", "operator", "type")
ANY = "any"  # value of a label, to check a key alone


@dataclass(frozen=True, slots=True)
class SearchFields:
    """The fields of a resource that searches compare.

    `name` is what the constraints `name_pattern` and `valid_values` are about, `attributes` are those of filter rules.
    """

    name: str
    attributes: tuple[str, ...] = ()
    has_filters: bool = False  # filters of this resource can be stored


@dataclass(frozen=True, slots=True)
class FilterRule:
    """A rule that is well-formed: its key is in lower case."""

    key: str
    values: tuple[str, ...]
    operator: str
    kind: str  # label or attribute

    @property
    def as_json(self) -> JsonObject:
        return {"key": self.key, "values": list(self.values), "operator": self.operator, "type": self.kind}

    def condition(self, model: type[Base]) -> Condition:
        """Return the SQL of the rule for a model that has what it looks at."""
        if self.kind == "label":
            return label_condition(model, self.key, self.values, self.operator)
        attribute = expression(model, self.key)
        assert attribute is not None, f"{self.key} is no column"
        operator = ATTRIBUTE_OPERATORS[self.operator]
        if operator.matches(None, self.values):
            return operator.condition(attribute, self.values)
        return matching(model, self.key, attribute, lambda value: operator.condition(value, self.values))

    def matches(self, item: Mapping[str, object]) -> bool:
        """Return whether an item matches that has no labels."""
        value = item.get(self.key)
        text = None if value is None else str(value)
        return self.kind == "attribute" and ATTRIBUTE_OPERATORS[self.operator].matches(text, self.values)


def read_rules(model: type[Base], rules: Sequence[Json], fields: SearchFields) -> list[FilterRule]:
    """Return the rules without duplicates. Raises InvalidRule."""
    return list(dict.fromkeys(_read(model, rule, fields) for rule in rules))


def label_condition(model: type[Base], key: str, values: Sequence[str], operator: str) -> Condition:
    """Match rows by the ids of those that have such a label, which an index on labels gives.

    Where most rows match, each is looked at instead, until there are enough for a page.
    """
    labels = column(model, "labels")
    [(_, owner)] = labels.property.local_remote_pairs
    label: type[Label] = labels.property.mapper.class_
    found = LABEL_OPERATORS[operator]
    is_one = label.key == key.lower()
    if found.label is not None:
        is_one = and_(is_one, found.label(label.value.expression, values))
    if found.is_common:
        return labels.any(is_one)
    owners = select(owner).where(is_one)
    return model.storage_id.in_(owners) if found.must_exist else model.storage_id.not_in(owners)


def _read(model: type[Base], rule: Json, fields: SearchFields) -> FilterRule:
    key, values, operator, kind = _read_fields(rule)
    if kind not in ("label", "attribute"):
        raise InvalidRule(rule, "The type must be `label` or `attribute`")
    if kind == "label" and not has_labels(model):
        raise InvalidRule(rule, f"There are no labels on {_plural(model)}")
    if kind == "attribute" and key not in fields.attributes:
        allowed = ", ".join(fields.attributes) or "none"
        raise InvalidRule(rule, f"The attributes to filter {_plural(model)} by are: {allowed}")
    operators = LABEL_OPERATORS if kind == "label" else ATTRIBUTE_OPERATORS
    if operator not in operators:
        raise InvalidRule(rule, f"The operator for the type `{kind}` must be one of {', '.join(operators)}")
    if bool(values) == (operator in WITHOUT_VALUES):
        raise InvalidRule(rule, f"The operator `{operator}` takes {'no' if values else 'at least one of'} `values`")
    if key == "schedules" and operator != "is_not_empty":
        raise InvalidRule(rule, "The operator for `schedules` must be is_not_empty")
    if kind == "label":
        if fault := next(filter(None, (find_fault(key, value) for value in values or (ANY,))), None):
            raise InvalidRule(rule, fault)
        values = [normalize(key, value)[1] for value in values]
    return FilterRule(key, tuple(values), operator, kind)


def _read_fields(rule: Json) -> tuple[str, Sequence[str], str, str]:
    if not isinstance(rule, dict) or set(rule) != set(KEYS):
        raise InvalidRule(rule, f"A rule is an object of {', '.join(KEYS)}")
    key, values, operator, kind = (rule[name] for name in KEYS)
    if not isinstance(key, str) or not isinstance(operator, str) or not isinstance(kind, str):
        raise InvalidRule(rule, "`key`, `operator` and `type` must be text")
    texts = [value for value in values if isinstance(value, str)] if isinstance(values, list) else []
    if texts != values:
        raise InvalidRule(rule, "`values` must be a list of texts")
    return key.lower(), texts, operator.replace("-", "_"), kind


def _plural(model: type[Base]) -> str:
    return str(model.__tablename__).replace("_", " ")
