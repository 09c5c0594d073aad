"""SQL expressions that both databases know under different names."""

from collections.abc import Callable

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Integer,
    TableValuedAlias,
    Text,
    case,
    cast,
    column,
    exists,
    false,
    func,
    literal,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from cfy_cli.manager.store.models.types import JsonColumn, Sql

FALSY = ("false", "null", "0", '""', "{}", "[]")  # JSON that Python takes for false


class position(GenericFunction[int]):  # noqa: N801 - the name of the function in SQL
    """The place of a text in another one, from 1 on; 0 where it is not there. Case matters."""

    type = Integer()
    inherit_cache = True


@compiles(position, "sqlite")
def _position_in_sqlite(element: position, compiler: SQLCompiler, **options: object) -> str:
    return f"instr{compiler.function_argspec(element, **options)}"


@compiles(position, "postgresql")
def _position_in_postgresql(element: position, compiler: SQLCompiler, **options: object) -> str:
    return f"strpos{compiler.function_argspec(element, **options)}"


class is_object(GenericFunction[bool]):  # noqa: N801
    """Match JSON objects. On SQLite, where JSON is text, other JSON matches too: its members are null."""

    type = Boolean()
    inherit_cache = True


@compiles(is_object, "sqlite")
def _is_object_in_sqlite(element: is_object, compiler: SQLCompiler, **options: object) -> str:
    return f"json_valid{compiler.function_argspec(element, **options)}"


@compiles(is_object, "postgresql")
def _is_object_in_postgresql(element: is_object, compiler: SQLCompiler, **options: object) -> str:
    return f"(json_typeof{compiler.function_argspec(element, **options)} = 'object')"


def is_truthy(json: Sql) -> ColumnElement[bool]:
    """Match JSON that Python takes for true; JSON that is not there is not."""
    return func.coalesce(cast(json, Text).not_in(FALSY), false())


def any_value(json: Sql, matches: Callable[[Sql], ColumnElement[bool]]) -> ColumnElement[bool]:
    """Match where one of the values of a JSON object does; what is not an object has none."""
    values = _each(json)
    return exists(select(literal(1)).select_from(values).where(matches(_if_object(values.c.value))))


def any_key(json: Sql, matches: Callable[[Sql], ColumnElement[bool]]) -> ColumnElement[bool]:
    """Match where one of the keys of a JSON object does; what is not an object has none."""
    keys = _each(json)
    return exists(select(literal(1)).select_from(keys).where(matches(keys.c.key)))


def _each(json: Sql) -> TableValuedAlias:
    return func.json_each(_if_object(json)).table_valued(column("key", Text), column("value", JsonColumn))


def _if_object(json: Sql) -> Sql:
    return case((is_object(json), json))
