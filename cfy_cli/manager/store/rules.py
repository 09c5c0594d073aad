"""SQL of filter rules: {"key", "values", "operator", "type"}, all of which must match."""

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from sqlalchemy import ColumnElement, and_, not_, or_

from cfy_cli.errors import Invalid
from cfy_cli.manager.store.models import Base
from cfy_cli.manager.store.models.labels import Label
from cfy_cli.manager.store.models.types import Attribute
from cfy_cli.manager.store.query import column, filterable_fields

Condition = ColumnElement[bool]
Column = Attribute

ATTRIBUTE_OPERATORS: dict[str, Callable[[Column, Sequence[str]], Condition]] = {
    "any_of": lambda attribute, values: attribute.in_(values),
    "not_any_of": lambda attribute, values: or_(attribute.not_in(values), attribute.is_(None)),
    "contains": lambda attribute, values: or_(*(attribute.contains(value, autoescape=True) for value in values)),
    "not_contains": lambda attribute, values: or_(
        attribute.is_(None), and_(*(not_(attribute.contains(value, autoescape=True)) for value in values))
    ),
    "starts_with": lambda attribute, values: or_(*(attribute.startswith(value, autoescape=True) for value in values)),
    "ends_with": lambda attribute, values: or_(*(attribute.endswith(value, autoescape=True) for value in values)),
    "is_not_empty": lambda attribute, _values: and_(attribute.is_not(None), attribute != ""),
}
# Arguments: the relationship to the labels, "the label has this key", "the label has one of these values".
LABEL_OPERATORS: dict[str, Callable[[Column, Condition, Condition], Condition]] = {
    "any_of": lambda labels, has_key, has_value: labels.any(and_(has_key, has_value)),
    "not_any_of": lambda labels, has_key, has_value: and_(
        labels.any(has_key), not_(labels.any(and_(has_key, has_value)))
    ),
    "is_not": lambda labels, has_key, has_value: not_(labels.any(and_(has_key, has_value))),
    "is_null": lambda labels, has_key, _has_value: not_(labels.any(has_key)),
    "is_not_null": lambda labels, has_key, _has_value: labels.any(has_key),
}
OPERATORS = {"label": frozenset(LABEL_OPERATORS), "attribute": frozenset(ATTRIBUTE_OPERATORS)}
WITHOUT_VALUES = ("is_null", "is_not_null", "is_not_empty")


def rule_conditions(model: type[Base], rules: Sequence[Mapping[str, object]]) -> list[Condition]:
    """Return the conditions of filter rules. Raises Invalid with the rule that is wrong and what is expected."""
    return [_condition(model, rule) for rule in rules]


def _condition(model: type[Base], rule: Mapping[str, object]) -> Condition:
    if not isinstance(rule, dict) or not {"key", "operator", "type"} <= rule.keys():
        raise Invalid(f"`{rule}` is not a filter rule: it has `key`, `values`, `operator` and `type`")
    key, operator = str(rule["key"]), str(rule["operator"]).replace("-", "_")
    values = [str(value) for value in cast("Sequence[object]", rule.get("values") or [])]
    known = OPERATORS.get(rule["type"])
    if known is None:
        raise Invalid(f"The type of the filter rule {rule} must be `label` or `attribute`")
    if operator not in known:
        raise Invalid(f"The operator of the filter rule {rule} must be one of {', '.join(sorted(known))}")
    if not values and operator not in WITHOUT_VALUES:
        raise Invalid(f"The filter rule {rule} needs `values`")
    if rule["type"] == "label":
        labels = column(model, "labels")
        label: type[Label] = labels.property.mapper.class_
        return LABEL_OPERATORS[operator](labels, label.key == key.lower(), label.value.in_(values))
    if key not in filterable_fields(model):
        fields = ", ".join(filterable_fields(model))
        raise Invalid(f"There is no attribute `{key}` to filter by; there are {fields}")
    return ATTRIBUTE_OPERATORS[operator](column(model, key), values)
