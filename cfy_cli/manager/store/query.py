"""SQL of the parameters of a list: filters, ranges, search, order and page."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from operator import add
from typing import Any, TypeVar, cast

from sqlalchemy import (
    JSON,
    Boolean,
    ColumnElement,
    Float,
    Integer,
    Select,
    and_,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    true,
)
from sqlalchemy.orm import class_mapper

from cfy_cli.contract.timestamps import format_timestamp, parse_timestamp
from cfy_cli.errors import Invalid
from cfy_cli.manager.store.listing import Listing
from cfy_cli.manager.store.models import Base
from cfy_cli.manager.store.models.labels import Label
from cfy_cli.manager.store.models.types import Attribute, Sql, TimestampText
from cfy_cli.manager.store.rule_operators import contains_folded

M = TypeVar("M", bound=Base)
Condition = ColumnElement[bool]
BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
LABEL = "label:"  # KEY: the order of the values of a label
MAX_INTEGER = 2**63 - 1
COUNT = "count"  # the label of the number of rows


def column(model: type[Base], name: str) -> Attribute:
    """Return a mapped attribute by name; the type checker knows only the attributes that all models have."""
    attribute: Attribute = getattr(model, name)
    return attribute


def expression(model: type[Base], name: str) -> Sql | None:
    """Return the SQL of a field: a column, a constant, or what it is computed with. None for objects and lists."""
    attribute: object = getattr(model, name, ())
    if attribute is None:
        return null()
    if isinstance(attribute, int):
        return literal(attribute)
    clause = getattr(attribute, "__clause_element__", None)
    if clause is None or name in class_mapper(model).relationships:
        return None
    sql: Sql = clause()
    return None if isinstance(sql.type, JSON) else sql


def matching(model: type[Base], name: str, sql: Sql, condition: Callable[[Sql], Condition]) -> Condition:
    """Match rows by a field, whose SQL is given; null must not match.

    Where it is read from a related row, rows are matched by the ids of those, which an index serves.
    """
    if name not in model.RELATED:
        return condition(sql)
    related = _related(model, name)
    return cast("Condition", related.own.in_(select(related.other).where(condition(related.field))))


@dataclass(frozen=True, slots=True)
class _Related:
    """A field of another row, and the two columns that lead to that row."""

    own: Sql
    other: Sql
    field: Sql

    def field_of(self, own: Sql) -> Sql:
        return select(self.field).where(self.other == own).scalar_subquery()


def _related(model: type[Base], name: str) -> _Related:
    relationship, field = model.RELATED[name]
    found = column(model, relationship).property
    [(own, other)] = found.local_remote_pairs
    return _Related(own, other, column(found.mapper.class_, field).expression)


def count_groups(rows: Select[M], model: type[M], fields: Sequence[str]) -> Select[Any]:
    """Return the query that counts rows for each combination of values of some fields: the values and the count.

    Rows are counted by what leads to a related row before its field is looked up: there are few of those.
    """
    related = {name: _related(model, name) for name in fields if name in model.RELATED}
    values = [related[name].own if name in related else expression(model, name) for name in fields]
    found = rows.with_only_columns(
        *(sql.label(name) for name, sql in zip(fields, values, strict=True) if sql is not None)
    ).subquery()
    groups = select(*found.c, func.count().label(COUNT)).group_by(*found.c)
    if not related:
        return groups
    *owns, count = groups.subquery().c
    looked_up = [related[own.name].field_of(own).label(own.name) if own.name in related else own for own in owns]
    *named, count = select(*looked_up, count).subquery().c
    return select(*named, func.sum(count).cast(Integer)).group_by(*named)


def all_of(*conditions: Condition) -> Condition:
    """Combine conditions; without any, the result is always true."""
    return and_(true(), *conditions)


def is_any(*conditions: Condition, last_by: Attribute) -> Condition:
    """Match when a row has the conditions; an index that ends with `last_by` finds the last one at once.

    An `EXISTS` may be planned for the many rows of some moment ago, and then reads all of them. The last row is looked
    for, because the first ones change first: PostgreSQL would step over each that has had the conditions a moment ago.
    """
    one: ColumnElement[int] = literal_column("1")  # no parameter: plans do not depend on it
    return select(one).where(*conditions).order_by(last_by.desc()).limit(one).scalar_subquery().is_not(None)


def is_one_of(sql: Attribute, *names: str) -> Condition:
    """Match rows whose column has one of these names of our own, such as states, which are written into the statement.

    As parameters, some of which are much more frequent than others, they have PostgreSQL plan each call anew.
    """
    texts: list[ColumnElement[str]] = [literal_column(f"'{name}'") for name in names]
    return sql.in_(texts)


def count_in_each(sql: Attribute, names: Collection[str], *conditions: Condition) -> ColumnElement[int]:
    """Count the rows whose column has one of these names of our own, looking each of them up in an index.

    For several names at once, PostgreSQL may read the rows of all other names too.
    """
    counts = [select(func.count()).where(*conditions, is_one_of(sql, name)).scalar_subquery() for name in sorted(names)]
    return reduce(add, counts)


def apply_filters(statement: Select[M], model: type[M], listing: Listing) -> Select[M]:
    """Add filters, ranges and searches. Raises Invalid for unknown fields, and for values that they cannot have."""
    expressions = _expressions(model, listing.filters, "Filter")
    for (name, values), sql in zip(listing.filters.items(), expressions, strict=True):
        statement = statement.where(
            matching(model, name, sql, partial(_is_any, parse_values(name, values, type(sql.type))))
        )
    for range_ in listing.ranges:
        [sql] = _expressions(model, [range_.column], "Range")
        kind = type(sql.type)
        if issubclass(kind, Boolean):
            raise Invalid(f"`{range_.column}` has no range: it is true or false (_range)")
        if range_.start:
            statement = statement.where(sql >= parse_values(range_.column, [range_.start], kind)[0])
        if range_.end:
            statement = statement.where(sql <= parse_values(range_.column, [range_.end], kind)[0])
    if listing.searches:
        words = [contains_folded(column(model, name).expression, word) for name, word in listing.searches]
        statement = statement.where(or_(*words))
    return statement


def _is_any(values: Sequence[object], sql: Sql) -> Condition:
    return sql.in_(values)


def apply_page(statement: Select[M], model: type[M], listing: Listing) -> Select[M]:
    """Add the order and the page. Equal rows are in the order of their creation. Raises Invalid for unknown fields."""
    for key in listing.sort:
        name = key.lstrip("-+ ")
        label = name.removeprefix(LABEL) if name.startswith(LABEL) and has_labels(model) else None
        sql = _value_of_label(model, label) if label else _expressions(model, [name], "Sort")[0]
        statement = statement.order_by(sql.desc() if key.startswith("-") else sql.asc())
    return statement.order_by(model.storage_id).offset(listing.offset).limit(listing.size)


def has_labels(model: type[Base]) -> bool:
    return "labels" in class_mapper(model).relationships


def _value_of_label(model: type[Base], key: str) -> Sql:
    """Return the first value of a label in the order of values; null for rows without the label."""
    relationship = column(model, "labels").property
    label: type[Label] = relationship.mapper.class_
    return select(func.min(label.value)).where(relationship.primaryjoin, label.key == key.lower()).scalar_subquery()


def filterable_fields(model: type[Base]) -> tuple[str, ...]:
    """Return the fields of the API that can be filtered and sorted by: all but objects and lists."""
    return tuple(name for name in model.WIRE_FIELDS if expression(model, name) is not None)


def parse_values(name: str, values: Sequence[str], kind: type) -> list[object]:
    """Read values of a field, of a type of SQL or Python. Raises Invalid for those that it cannot have."""
    parse: Callable[[str], object] = next((parse for types, parse in _PARSERS if issubclass(kind, types)), str)
    return [_parse(name, value, parse) for value in values]


def _expressions(model: type[Base], names: Collection[str], parameter: str) -> list[Sql]:
    found = {name: expression(model, name) if name in model.WIRE_FIELDS else None for name in names}
    unknown = [name for name, sql in found.items() if sql is None]
    if unknown:
        check_keys(parameter, unknown, filterable_fields(model))
    return [sql for name in names if (sql := found[name]) is not None]


def check_keys(parameter: str, names: Collection[str], allowed: Sequence[str]) -> None:
    """Raise Invalid when a parameter names fields that are not allowed."""
    unknown = [name for name in names if name not in allowed]
    if unknown:
        raise Invalid(f"{parameter} keys '{unknown}' do not exist. Allowed keys are: {list(allowed)}")


def _parse(name: str, value: str, parse: Callable[[str], object]) -> object:
    try:
        return parse(value)
    except (KeyError, ValueError, OverflowError):
        raise Invalid(f"`{value}` is not a value that `{name}` can have") from None


def _parse_boolean(text: str) -> bool:
    return BOOLEANS[text.lower()]


def _parse_integer(text: str) -> int:
    number = int(text)
    if abs(number) > MAX_INTEGER:
        raise ValueError(text)
    return number


def _parse_time(text: str) -> str:
    return format_timestamp(parse_timestamp(text))


_PARSERS: tuple[tuple[tuple[type, ...], Callable[[str], object]], ...] = (
    ((Boolean, bool), _parse_boolean),
    ((Integer, int), _parse_integer),
    ((Float, float), float),
    ((TimestampText,), _parse_time),
)
