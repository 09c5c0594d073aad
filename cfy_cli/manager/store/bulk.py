"""Statements for many rows, compiled once and given to the database driver directly.

Workers store events and task states with every round of an execution, and a deployment's nodes and instances all at
once. There, most of the time of `session.execute(insert(...), rows)` goes into SQLAlchemy's handling of every row:
looking up the compiled statement, building the parameters, the ORM's unit of work. These statements are the same for
each row and nobody reads their results, so SQLAlchemy compiles them once for each dialect, and
`Connection.exec_driver_sql` passes the SQL and the converted parameters to the driver's `executemany`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import TypeVar

from sqlalchemy import ColumnDefault, Connection, Dialect, Insert, Update, insert
from sqlalchemy.sql.compiler import SQLCompiler

from cfy_cli.manager.store.models import Base

T = TypeVar("T")
MAX_PARAMETERS = 10_000  # of one statement: both databases take more
Row = Mapping[str, object]
Parameters = tuple[object, ...] | dict[str, object]  # as the driver wants them: by position or by name


def split(values: Sequence[T], size: int = MAX_PARAMETERS) -> Iterator[Sequence[T]]:
    """Yield the values in parts that a statement takes as its parameters."""
    return (values[start : start + size] for start in range(0, len(values), size))


def row_of(new: Base) -> dict[str, object]:
    """Return the columns of an object that is not stored yet, with the defaults of those that it does not set."""
    row: dict[str, object] = {}
    for column in new.__table__.columns:
        value, default = getattr(new, column.name), column.default
        if value is None and default is not None and isinstance(default, ColumnDefault):
            value = default.arg(None) if callable(default.arg) else default.arg
        row[column.name] = value
    return row


class BulkStatement:
    """An INSERT or UPDATE that is executed for many rows. None is stored as NULL, whatever the column."""

    def __init__(self, statement: Insert | Update, names: Sequence[str] | None = None) -> None:
        """`names` are the columns of an INSERT, which every row gives; an UPDATE has `bindparam`s instead."""
        self._statement = statement
        self._names = list(names) if names is not None else None
        self._compiled: dict[str, tuple[str, Callable[[Row], Parameters]]] = {}  # by name of the dialect

    @classmethod
    def insert(cls, model: type[Base]) -> "BulkStatement":
        """Return the INSERT of rows that give all columns but the storage id."""
        table = model.__table__
        return cls(insert(model).inline(), [column.name for column in table.columns if column.name != "storage_id"])

    def execute(self, connection: Connection, rows: Sequence[Row]) -> None:
        if not rows:
            return
        dialect = connection.dialect
        if dialect.name not in self._compiled:
            self._compiled[dialect.name] = self._compile(dialect)
        sql, build_parameters = self._compiled[dialect.name]
        connection.exec_driver_sql(sql, [build_parameters(row) for row in rows])

    def _compile(self, dialect: Dialect) -> tuple[str, Callable[[Row], Parameters]]:
        compiled = self._statement.compile(dialect=dialect, column_keys=self._names)
        assert isinstance(compiled, SQLCompiler)
        names = list(compiled.positiontup or compiled.params)
        types = [compiled.binds[name].type.dialect_impl(dialect) for name in names]
        processors = [  # of types whose values are converted, such as JSON to text
            (index, process) for index, type_ in enumerate(types) if (process := type_.bind_processor(dialect))
        ]
        pick = itemgetter(*names)

        def build_parameters(row: Row) -> Parameters:
            values = list(pick(row))
            for index, process in processors:
                if values[index] is not None:
                    values[index] = process(values[index])
            return tuple(values) if compiled.positional else dict(zip(names, values, strict=True))

        return compiled.string, build_parameters
