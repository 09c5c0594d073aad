"""The constraints of a search, in the words of the constraints on inputs that name resources."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Text, cast, or_

from cfy_cli.contract.json import Json
from cfy_cli.errors import Invalid
from cfy_cli.manager.store.models import Base
from cfy_cli.manager.store.models.expressions import any_key, position
from cfy_cli.manager.store.models.types import Sql
from cfy_cli.manager.store.query import all_of, column
from cfy_cli.manager.store.rule_operators import NAME_OPERATORS, is_in_range
from cfy_cli.manager.store.rules import label_condition

Condition = ColumnElement[bool]
Pattern = Sequence[tuple[str, str]]  # operators, all of which must hold, and their texts
NAME_PATTERN, VALID_VALUES, TENANTS, LABELS = "name_pattern", "valid_values", "tenants", "labels"
OPERATION_NAMES = "operation_name_specs"  # pattern of the names of a node's operations


@dataclass(frozen=True, slots=True)
class Constraints:
    """Constraints that are well-formed; None stands for those that are not given."""

    name_pattern: Pattern = ()
    valid_values: Sequence[Json] | None = None
    tenants: Sequence[str] | None = None
    labels: Sequence[tuple[str, Sequence[str]]] = ()
    operation_names: Pattern = ()

    def conditions(self, model: type[Base], name: str) -> list[Condition]:
        """Return the SQL of the constraints on a model whose name is in this column."""
        text: Sql = column(model, name).__clause_element__()
        conditions = [NAME_OPERATORS[operator].condition(text, part) for operator, part in self.name_pattern]
        # the same again, in the form that an index serves
        conditions += [is_in_range(text, part) for operator, part in self.name_pattern if operator == "starts_with"]
        conditions += [label_condition(model, key, values, "any_of") for key, values in self.labels]
        if self.valid_values is not None:
            conditions.append(_is_valid(model, name, [str(value) for value in self.valid_values]))
        if self.tenants is not None:
            conditions.append(column(model, "tenant_name").in_(self.tenants))
        if self.operation_names:
            conditions.append(any_key(column(model, "operations").__clause_element__(), self._matches_operation))
        return conditions

    def match(
        self, name: str, value: Json, tenant: str, *, operations: Iterable[str] = (), types: Collection[str] = ()
    ) -> bool:
        """Return whether an item of this name and value matches, which has no labels.

        `types` are those that a node type is derived from.
        """
        return (
            matches_pattern(name, self.name_pattern)
            and (self.valid_values is None or any(each == value or each in types for each in self.valid_values))
            and (self.tenants is None or tenant in self.tenants)
            and (not self.operation_names or any(matches_pattern(each, self.operation_names) for each in operations))
        )

    def _matches_operation(self, name: Sql) -> Condition:
        return all_of(*(NAME_OPERATORS[operator].condition(name, part) for operator, part in self.operation_names))


def read_constraints(constraints: Mapping[str, Json], known: Sequence[str], what: str) -> Constraints:
    """Read constraints of which only those `known` may be given. Raises Invalid."""
    for name in constraints:
        if name not in known:
            raise Invalid(f"There is no constraint `{name}` on {what}; there are {', '.join(known)}")
    values, tenants = constraints.get(VALID_VALUES), constraints.get(TENANTS)
    return Constraints(
        name_pattern=read_pattern(NAME_PATTERN, constraints.get(NAME_PATTERN, {})),
        valid_values=_list(VALID_VALUES, values) if VALID_VALUES in constraints else None,
        tenants=_texts(TENANTS, tenants) if TENANTS in constraints else None,
        labels=_read_labels(constraints.get(LABELS, [])),
        operation_names=read_pattern(OPERATION_NAMES, constraints.get(OPERATION_NAMES, {})),
    )


def read_pattern(name: str, pattern: Json) -> Pattern:
    """Read the operators of a pattern. Raises Invalid."""
    if not isinstance(pattern, dict) or not all(isinstance(part, str | int | float) for part in pattern.values()):
        raise Invalid(f'`{name}` is an object of texts, such as {{"starts_with": "app"}}')
    unknown = [operator for operator in pattern if operator not in NAME_OPERATORS]
    if unknown:
        raise Invalid(f"`{name}` has no operator `{unknown[0]}`; there are {', '.join(NAME_OPERATORS)}")
    return [(operator, str(part)) for operator, part in pattern.items()]


def matches_pattern(name: str, pattern: Pattern) -> bool:
    return all(NAME_OPERATORS[operator].matches(name, part) for operator, part in pattern)


def _is_valid(model: type[Base], name: str, values: Sequence[str]) -> Condition:
    """Match rows with one of the values; of types, those that are derived from one too."""
    is_one = column(model, name).in_(values)
    if name != "type":
        return is_one
    hierarchy: Sql = cast(column(model, "type_hierarchy"), Text)
    return or_(is_one, *(position(hierarchy, json.dumps(value)) > 0 for value in values))


def _read_labels(labels: Json) -> list[tuple[str, Sequence[str]]]:
    if not isinstance(labels, list):
        raise Invalid('`labels` is a list of objects, such as [{"team": "core"}]')
    pairs: list[tuple[str, Sequence[str]]] = []
    for label in labels:
        if not isinstance(label, dict):
            raise Invalid(f'`{label}` is not a label: give an object such as {{"team": "core"}} (labels)')
        for key, value in label.items():
            pairs.append((key, _texts(f"labels.{key}", value if isinstance(value, list) else [value])))
    return pairs


def _list(name: str, values: Json) -> Sequence[Json]:
    if not isinstance(values, list):
        raise Invalid(f"`{name}` must be a list")
    return values


def _texts(name: str, values: Json) -> Sequence[str]:
    if not isinstance(values, list) or not all(isinstance(value, str | int | float) for value in values):
        raise Invalid(f"`{name}` must be a list of texts")
    return [str(value) for value in values]
