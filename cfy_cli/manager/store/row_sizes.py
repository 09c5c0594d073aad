"""Sizes of rows in memory, estimated by the database before they are loaded."""

from collections.abc import Sequence
from functools import lru_cache

from sqlalchemy import JSON, ColumnElement, Dialect, Integer, Text, cast, func, literal_column

from cfy_cli.manager.store.loading import large_columns
from cfy_cli.manager.store.models import Base
from cfy_cli.manager.store.models.types import Attribute, Sql

MARKS = ",[{"  # of JSON: there is one before each value, or nearly so
VALUE_BYTES = 60  # that a value in JSON needs beside its text


@lru_cache(maxsize=1000)
def size_of_large_values(
    model: type[Base], include: Sequence[str] | None, dialect: Dialect
) -> ColumnElement[int] | None:
    """Return about how many bytes the large values of a row need, as SQL; None when it has none.

    It is text, because so long an expression would take longer to build for each query than the query takes.
    """
    sizes = [_size_in_memory(large) for large in large_columns(model, include)]
    if not sizes:
        return None
    size = sum(sizes[1:], sizes[0]).compile(dialect=dialect, compile_kwargs={"literal_binds": True})
    return literal_column(str(size), Integer)


def _size_in_memory(large: Attribute) -> ColumnElement[int]:
    """Return about how many bytes a value needs as Python objects: JSON of many small values more than its text."""
    text: Sql = cast(large, Text)
    size: Sql = func.length(text)
    if isinstance(large.type, JSON):
        others = text
        for mark in MARKS:
            others = func.replace(others, mark, "")
        size = size + VALUE_BYTES * (func.length(text) - func.length(others))
    return func.coalesce(size, 0)
