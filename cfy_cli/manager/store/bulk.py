"""Statements for many rows: written by SQLAlchemy once, and handed to the driver with the rows as they are."""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Dialect, Insert, Update, insert
from sqlalchemy.sql.compiler import SQLCompiler

from cfy_cli.manager.store.models import Base

Row = Mapping[str, Any]


class Bulk:
    """An INSERT or an UPDATE, the same for each row. None is stored as NULL, whatever the column."""

    def __init__(self, statement: Insert | Update, names: Sequence[str] | None = None) -> None:
        """`names`: the columns that every row of an INSERT gives; an UPDATE says with `bindparam` what it is given."""
        self._statement = statement
        self._names = list(names) if names is not None else None
        self._prepared: dict[str, tuple[str, Callable[[Row], Any]]] = {}  # by kind of database

    @classmethod
    def insert(cls, model: type[Base]) -> "Bulk":
        """Rows that give all columns but the storage id."""
        table = model.__table__
        return cls(insert(model).inline(), [column.name for column in table.columns if column.name != "storage_id"])

    def execute(self, connection: Connection, rows: Sequence[Row]) -> None:
        if not rows:
            return
        dialect = connection.dialect
        if dialect.name not in self._prepared:
            self._prepared[dialect.name] = self._prepare(dialect)
        text, parameters = self._prepared[dialect.name]
        connection.exec_driver_sql(text, [parameters(row) for row in rows])

    def _prepare(self, dialect: Dialect) -> tuple[str, Callable[[Row], Any]]:
        compiled = self._statement.compile(dialect=dialect, column_keys=self._names)
        assert isinstance(compiled, SQLCompiler)
        names = list(compiled.positiontup or compiled.params)
        kinds = [compiled.binds[name].type.dialect_impl(dialect) for name in names]
        found = [(number, kind.bind_processor(dialect)) for number, kind in enumerate(kinds)]
        processors = [(number, process) for number, process in found if process]  # such as JSON's, which make it text
        pick = itemgetter(*names)

        def parameters(row: Row) -> Any:
            values = list(pick(row))
            for number, process in processors:
                if values[number] is not None:
                    values[number] = process(values[number])
            return tuple(values) if compiled.positional else dict(zip(names, values, strict=True))

        return compiled.string, parameters
