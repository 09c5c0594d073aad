"""Lists as single parameters: a statement is compiled, and planned by PostgreSQL, once for lists of any length."""

import json
from collections.abc import Sequence
from typing import Any, Self

from sqlalchemy import ARRAY, Boolean, Dialect, Text, TypeDecorator, bindparam, func, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from cfy_cli.manager.store.models.types import Attribute


def is_among(column: Attribute, name: str) -> "_IsAmong":
    """Match rows whose column has one of the values of the parameter of this name, which is a list."""
    return _IsAmong(column, bindparam(name, type_=_ListOf(column.type)))


class _ListOf(TypeDecorator[Sequence[Any]]):
    """An array of PostgreSQL, and JSON for SQLite, which has no arrays."""

    impl = Text
    cache_ok = True

    def __init__(self, item: TypeEngine[Any]) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return ARRAY(self.item) if dialect.name == "postgresql" else Text()

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> Any:
        assert value is not None, "the list has no values instead"
        return list(value) if dialect.name == "postgresql" else json.dumps(list(value))


class _IsAmong(FunctionElement[bool]):
    type = Boolean()
    inherit_cache = True

    def self_group(self, against: object = None) -> Self:
        """Return the condition as it is: with `= 1`, which SQLAlchemy adds for SQLite, that would use no index."""
        return self


@compiles(_IsAmong, "postgresql")
def _compile_any(element: _IsAmong, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(each, **options) for each in element.clauses)
    return f"{column} = ANY ({values})"


@compiles(_IsAmong, "sqlite")
def _compile_json(element: _IsAmong, compiler: SQLCompiler, **options: Any) -> str:
    column, values = element.clauses
    elements = func.json_each(values).table_valued("value")
    return compiler.process(column.in_(select(elements.c.value)), **options)
