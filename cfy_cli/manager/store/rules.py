"""SQL of filter rules: {"key", "values", "operator", "type"}, all of which must match."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import ColumnElement, and_, not_, or_

from cfy_cli.contract.json import Json
from cfy_cli.errors import InvalidRule
from cfy_cli.manager.store.models import Base
from cfy_cli.manager.store.models.expressions import position
from cfy_cli.manager.store.models.labels import Label
from cfy_cli.manager.store.models.types import Attribute, Sql
from cfy_cli.manager.store.query import column, expression, has_labels

Condition = ColumnElement[bool]
Operator = TypeVar("Operator")


@dataclass(frozen=True, slots=True)
class SearchFields:
    """The fields of a resource that searches compare.

    `name` is what the constraints `name_pattern` and `valid_values` are about, `attributes` are those of filter rules.
    """

    name: str
    attributes: tuple[str, ...] = ()
    has_filters: bool = False  # filters of this resource can be stored


def contains(text: Sql, part: str) -> Condition:
    """Match text with a part; upper and lower case differ."""
    return position(text, part) > 0


ATTRIBUTE_OPERATORS: dict[str, Callable[[Sql, Sequence[str]], Condition]] = {
    "any_of": lambda attribute, values: attribute.in_(values),
    "not_any_of": lambda attribute, values: or_(attribute.not_in(values), attribute.is_(None)),
    "contains": lambda attribute, values: or_(*(contains(attribute, value) for value in values)),
    "not_contains": lambda attribute, values: or_(
        attribute.is_(None), and_(*(not_(contains(attribute, value)) for value in values))
    ),
    "starts_with": lambda attribute, values: or_(*(attribute.istartswith(value, autoescape=True) for value in values)),
    "ends_with": lambda attribute, values: or_(*(attribute.iendswith(value, autoescape=True) for value in values)),
    "is_not_empty": lambda attribute, _values: and_(attribute.is_not(None), attribute != ""),
}
# Arguments: the relationship to the labels, "the label has this key", "the label has one of these values".
LABEL_OPERATORS: dict[str, Callable[[Attribute, Condition, Condition], Condition]] = {
    "any_of": lambda labels, has_key, has_value: labels.any(and_(has_key, has_value)),
    "not_any_of": lambda labels, has_key, has_value: and_(
        labels.any(has_key), not_(labels.any(and_(has_key, has_value)))
    ),
    "is_not": lambda labels, has_key, has_value: not_(labels.any(and_(has_key, has_value))),
    "is_null": lambda labels, has_key, _has_value: not_(labels.any(has_key)),
    "is_not_null": lambda labels, has_key, _has_value: labels.any(has_key),
}
WITHOUT_VALUES = ("is_null", "is_not_null", "is_not_empty")
KEYS = ("key", "values", "operator", "type")


def rule_conditions(model: type[Base], rules: Sequence[Json], fields: SearchFields) -> list[Condition]:
    """Return the conditions of filter rules. Raises InvalidRule."""
    return [_condition(model, rule, fields) for rule in rules]


def label_condition(
    model: type[Base], key: str, values: Sequence[str], operator: Callable[[Attribute, Condition, Condition], Condition]
) -> Condition:
    labels = column(model, "labels")
    label: type[Label] = labels.property.mapper.class_
    return operator(labels, label.key == key.lower(), label.value.in_(values))


def _condition(model: type[Base], rule: Json, fields: SearchFields) -> Condition:
    key, values, operator, kind = _read(rule)
    if kind == "label":
        if not has_labels(model):
            raise InvalidRule(rule, f"There are no labels on {_plural(model)}")
        return label_condition(model, key, values, _operator(rule, kind, operator, values, LABEL_OPERATORS))
    if kind != "attribute":
        raise InvalidRule(rule, "The type must be `label` or `attribute`")
    matches = _operator(rule, kind, operator, values, ATTRIBUTE_OPERATORS)
    attribute = expression(model, key) if key in fields.attributes else None
    if attribute is None:
        allowed = ", ".join(fields.attributes) or "none"
        raise InvalidRule(rule, f"The attributes to filter {_plural(model)} by are: {allowed}")
    return matches(attribute, values)


def _read(rule: Json) -> tuple[str, Sequence[str], str, str]:
    if not isinstance(rule, dict) or set(rule) != set(KEYS):
        raise InvalidRule(rule, f"A rule is an object of {', '.join(KEYS)}")
    key, values, operator, kind = (rule[name] for name in KEYS)
    if not isinstance(key, str) or not isinstance(operator, str) or not isinstance(kind, str):
        raise InvalidRule(rule, "`key`, `operator` and `type` must be text")
    texts = [value for value in values if isinstance(value, str)] if isinstance(values, list) else []
    if texts != values:
        raise InvalidRule(rule, "`values` must be a list of texts")
    return key, texts, operator.replace("-", "_"), kind


def _operator(rule: Json, kind: str, name: str, values: Sequence[str], operators: Mapping[str, Operator]) -> Operator:
    if name not in operators:
        raise InvalidRule(rule, f"The operator for the type `{kind}` must be one of {', '.join(operators)}")
    if bool(values) == (name in WITHOUT_VALUES):
        raise InvalidRule(rule, f"The operator `{name}` takes {'no' if values else 'at least one of'} `values`")
    return operators[name]


def _plural(model: type[Base]) -> str:
    return str(model.__tablename__).replace("_", " ")
