"""Queries that are executed very often: each is compiled once for a dialect, and given to the database driver directly.

Most of the time of `session.execute` goes into SQLAlchemy: for a statement with several conditions, finding its
compiled form among the cached ones takes longer than SQLite takes to execute it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Dialect, Select
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import ReturningUpdate

Query = Select[*tuple[Any, ...]] | ReturningUpdate[*tuple[Any, ...]]
Parameters = tuple[object, ...] | dict[str, object]  # as the driver wants them: by position or by name


class CompiledQuery:
    """A query of columns whose values the driver gives as they are, so none of JSON; SQLite gives booleans as numbers.

    It may be an UPDATE that returns columns.
    """

    def __init__(self, statement: Query) -> None:
        self.statement = statement
        self._compiled: dict[str, tuple[str, Callable[[Mapping[str, object]], Parameters]]] = {}  # by dialect

    def fetch(self, connection: Connection, parameters: Mapping[str, object] | None = None) -> Sequence[Sequence[Any]]:
        """Return all rows; the parameters are those that the statement gives no values."""
        name = connection.dialect.name
        if name not in self._compiled:
            self._compiled[name] = self._compile(connection.dialect)
        sql, build_parameters = self._compiled[name]
        return connection.exec_driver_sql(sql, build_parameters(parameters or {})).all()

    def _compile(self, dialect: Dialect) -> tuple[str, Callable[[Mapping[str, object]], Parameters]]:
        compiled = self.statement.compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)
        names = list(compiled.positiontup or compiled.params)
        constants = {name: compiled.params[name] for name in names if not compiled.binds[name].required}
        processors = {
            name: process
            for name in names
            if (process := compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect))
        }

        def build_parameters(given: Mapping[str, object]) -> Parameters:
            values = {**constants, **given}
            for name, process in processors.items():
                values[name] = process(values[name])
            if compiled.positional:
                return tuple([values[name] for name in names])
            return {name: values[name] for name in names}

        return compiled.string, build_parameters
