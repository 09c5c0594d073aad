"""Filter rules in SQL: {"key", "values", "operator", "type"}, all of which must hold."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, not_, or_

from cfy_cli.errors import Invalid
from cfy_cli.manager.store.models import Base
from cfy_cli.manager.store.query import fields

Rule = dict[str, Any]

ON_ATTRIBUTES: dict[str, Callable[[Any, Sequence[str]], ColumnElement[bool]]] = {
    "any_of": lambda column, values: column.in_(values),
    "not_any_of": lambda column, values: or_(column.not_in(values), column.is_(None)),
    "contains": lambda column, values: or_(*(column.contains(value, autoescape=True) for value in values)),
    "not_contains": lambda column, values: or_(
        column.is_(None), and_(*(not_(column.contains(value, autoescape=True)) for value in values))
    ),
    "starts_with": lambda column, values: or_(*(column.startswith(value, autoescape=True) for value in values)),
    "ends_with": lambda column, values: or_(*(column.endswith(value, autoescape=True) for value in values)),
    "is_not_empty": lambda column, _values: and_(column.is_not(None), column != ""),
}
# `of` is the relationship to the labels, `has` whether a label has the key, `is_one` whether it has one of the values.
ON_LABELS: dict[str, Callable[[Any, Any, Any], ColumnElement[bool]]] = {
    "any_of": lambda of, has, is_one: of.any(and_(has, is_one)),
    "not_any_of": lambda of, has, is_one: and_(of.any(has), not_(of.any(and_(has, is_one)))),
    "is_not": lambda of, has, is_one: not_(of.any(and_(has, is_one))),
    "is_null": lambda of, has, _is_one: not_(of.any(has)),
    "is_not_null": lambda of, has, _is_one: of.any(has),
}
WITHOUT_VALUES = ("is_null", "is_not_null", "is_not_empty")


def rule_conditions(model: type[Base], rules: Sequence[Rule]) -> list[ColumnElement[bool]]:
    """Raises Invalid naming the rule that is wrong and what would be right."""
    return [_condition(model, rule) for rule in rules]


def _condition(model: type[Base], rule: Rule) -> ColumnElement[bool]:
    if not isinstance(rule, dict) or not {"key", "operator", "type"} <= rule.keys():
        raise Invalid(f"`{rule}` is not a filter rule: it has `key`, `values`, `operator` and `type`")
    operator = str(rule["operator"]).replace("-", "_")
    values = [str(value) for value in rule.get("values") or []]
    known = {"label": set(ON_LABELS), "attribute": set(ON_ATTRIBUTES)}.get(rule["type"])
    if known is None:
        raise Invalid(f"The type of the filter rule {rule} must be `label` or `attribute`")
    if operator not in known:
        raise Invalid(f"The operator of the filter rule {rule} must be one of {', '.join(sorted(known))}")
    if not values and operator not in WITHOUT_VALUES:
        raise Invalid(f"The filter rule {rule} needs `values`")
    if rule["type"] == "label":
        label = model.labels.property.mapper.class_  # type: ignore[attr-defined]
        return ON_LABELS[operator](model.labels, label.key == str(rule["key"]).lower(), label.value.in_(values))  # type: ignore[attr-defined]
    if rule["key"] not in fields(model):
        raise Invalid(f"There is no attribute `{rule['key']}` to filter by; there are {', '.join(fields(model))}")
    return ON_ATTRIBUTES[operator](getattr(model, rule["key"]), values)
