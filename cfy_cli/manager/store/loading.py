"""Query options of a list: read the columns and related rows that the answered fields need, and no more."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from sqlalchemy import JSON, Column, ColumnElement, FromClause, Table, Text
from sqlalchemy.orm import class_mapper, defer, lazyload, selectinload, undefer
from sqlalchemy.orm.interfaces import ORMOption
from sqlalchemy.sql.visitors import iterate

from cfy_cli.manager.store.models import Base
from cfy_cli.manager.store.models.types import Attribute
from cfy_cli.manager.store.query import column, expression


@lru_cache(maxsize=1000)
def loading_options(model: type[Base], include: Sequence[str] | None) -> tuple[ORMOption, ...]:
    """Return the options of a query for rows of which the fields `include` are answered; None stands for all.

    Large columns and related rows that no field needs are left out. Everything is read for a field of which it is not
    known what it needs.
    """
    fields = model.WIRE_FIELDS if include is None else include
    names = [name for field in fields for name in model.COMPUTED_FROM.get(field, (field,))]
    mapper = class_mapper(model)
    attributes = mapper.column_attrs
    deferred = [name for name in names if name in attributes and attributes[name].deferred]
    wanted: list[ORMOption] = [
        undefer(column(model, name)) for name in deferred if isinstance(attributes[name].columns[0].type, JSON)
    ]
    needed, tables = set[str](), set[FromClause]()
    for name in names:
        if name in attributes:
            needed.add(name)
        elif name in mapper.relationships:
            tables.add(mapper.relationships[name].mapper.local_table)
            if mapper.relationships[name].lazy == "select":  # one query for all rows instead of one for each
                wanted.append(selectinload(column(model, name)))
        elif (sql := expression(model, name)) is not None:
            found = list(_columns(sql))
            needed.update(each.key for each in found if each.table is mapper.local_table)
            tables.update(each.table for each in found)
        else:
            return tuple(wanted)
    unused = [
        defer(column(model, name))
        for name, attribute in attributes.items()
        if name not in needed and isinstance(attribute.columns[0].type, JSON | Text) and not attribute.deferred
    ]
    unrelated = [
        lazyload(column(model, name))
        for name, relationship in mapper.relationships.items()
        if relationship.lazy != "select" and relationship.mapper.local_table not in tables
    ]
    return (*wanted, *unused, *unrelated)


@lru_cache(maxsize=1000)
def large_columns(model: type[Base], include: Sequence[str] | None) -> tuple[Attribute, ...]:
    """Return the columns of a list that may hold large values: JSON, and text without a length."""
    fields = model.WIRE_FIELDS if include is None else include
    names = {name for field in fields for name in model.COMPUTED_FROM.get(field, (field,))}
    return tuple(
        column(model, name)
        for name, attribute in class_mapper(model).column_attrs.items()
        if name in names and isinstance(attribute.columns[0].type, JSON | Text)
    )


def _columns(sql: ColumnElement[object]) -> Iterable[Column[object]]:
    """Yield the columns of tables that an expression reads, those of its subqueries too."""
    return (each for each in iterate(sql) if isinstance(each, Column) and isinstance(each.table, Table))
