"""SQL of the constraints of a search, in the words of the constraints on inputs that name resources."""

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import ColumnElement, func

from cfy_cli.contract.json import Json
from cfy_cli.errors import Invalid
from cfy_cli.manager.store.models import Base
from cfy_cli.manager.store.models.expressions import position
from cfy_cli.manager.store.models.types import Sql
from cfy_cli.manager.store.query import column, has_labels
from cfy_cli.manager.store.rules import LABEL_OPERATORS, SearchFields, contains, label_condition

Condition = ColumnElement[bool]

NAME_OPERATORS: dict[str, Callable[[Sql, str], Condition]] = {
    "contains": contains,
    "starts_with": lambda name, part: position(name, part) == 1,
    "ends_with": lambda name, part: func.substr(name, func.length(name) - len(part) + 1) == part,
    "equals_to": lambda name, part: name == part,
}


def constraint_conditions(model: type[Base], constraints: Mapping[str, Json], fields: SearchFields) -> list[Condition]:
    """Return the conditions of constraints, all of which must hold. Raises Invalid for unknown ones."""
    known = ("name_pattern", "valid_values", "tenants", *(("labels",) if has_labels(model) else ()))
    conditions: list[Condition] = []
    for name, value in constraints.items():
        if name not in known:
            raise Invalid(f"There is no constraint `{name}` on {model.__tablename__}; there are {', '.join(known)}")
        if name == "name_pattern":
            conditions += _name_conditions(column(model, fields.name).__clause_element__(), value)
        elif name == "labels":
            conditions += _label_conditions(model, value)
        else:
            texts = _texts(name, value)
            conditions.append(column(model, "tenant_name" if name == "tenants" else fields.name).in_(texts))
    return conditions


def _name_conditions(name: Sql, patterns: Json) -> list[Condition]:
    if not isinstance(patterns, dict) or not all(isinstance(part, str | int | float) for part in patterns.values()):
        raise Invalid('`name_pattern` is an object of texts, such as {"starts_with": "app"}')
    unknown = [operator for operator in patterns if operator not in NAME_OPERATORS]
    if unknown:
        raise Invalid(f"`name_pattern` has no operator `{unknown[0]}`; there are {', '.join(NAME_OPERATORS)}")
    return [NAME_OPERATORS[operator](name, str(part)) for operator, part in patterns.items()]


def _label_conditions(model: type[Base], labels: Json) -> list[Condition]:
    if not isinstance(labels, list):
        raise Invalid('`labels` is a list of objects, such as [{"team": "core"}]')
    conditions = []
    for label in labels:
        if not isinstance(label, dict):
            raise Invalid(f'`{label}` is not a label: give an object such as {{"team": "core"}} (labels)')
        for key, value in label.items():
            values = _texts(f"labels.{key}", value if isinstance(value, list) else [value])
            conditions.append(label_condition(model, key, values, LABEL_OPERATORS["any_of"]))
    return conditions


def _texts(name: str, values: Json) -> Sequence[str]:
    if not isinstance(values, list) or not all(isinstance(value, str | int | float) for value in values):
        raise Invalid(f"`{name}` must be a list of texts")
    return [str(value) for value in values]
