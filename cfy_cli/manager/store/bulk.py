"""Statements for many rows, compiled once and given to the database driver directly.

Workers store events and task states with every round of an execution, and a deployment's nodes and instances all at
once. There, most of the time of `session.execute(insert(...), rows)` goes into SQLAlchemy's handling of every row:
looking up the compiled statement, building the parameters, the ORM's unit of work. These statements are the same for
each row and nobody reads their results, so SQLAlchemy compiles them once for each dialect, and
`Connection.exec_driver_sql` passes the SQL and the converted parameters to the driver's `executemany`. PostgreSQL gets
all rows in one statement, as one value of JSON: its `executemany` costs both sides several times as much. Many new rows
go through COPY, which takes half the time of that.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import JSON, ColumnDefault, Connection, Dialect, Insert, Select, Update, insert
from sqlalchemy.sql.compiler import SQLCompiler

from cfy_cli.manager.store.advisory_locks import LOCK, LockKey, acquire_on
from cfy_cli.manager.store.driver import driver_cursor
from cfy_cli.manager.store.models import Base

T = TypeVar("T")
# Characters that a column of JSON holds and PostgreSQL does not read from JSON: NUL and halves of surrogate pairs.
UNREADABLE = re.compile(r"\\u(?:0000|d[89a-f])")
PARAMETER = re.compile(r"%\((\w+)\)s")
MAX_PARAMETERS = 10_000  # of one statement: both databases take more
COPY_ROWS = 12  # new rows from which COPY, which takes two round trips, is faster than a prepared INSERT
COPY_SPECIAL = re.compile(r"[\\\n\r\t]")
COPY_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})
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
    """An INSERT or UPDATE that is executed for many rows. None is stored as NULL, whatever the column.

    A SELECT of columns without conversion gives its rows with `fetch`, where it is executed very often.
    """

    def __init__(
        self,
        statement: Insert | Update | Select[*tuple[object, ...]],
        names: Sequence[str] | None = None,
        lock: LockKey | None = None,
    ) -> None:
        """`names` are the columns of an INSERT, which every row gives; an UPDATE has `bindparam`s instead.

        An INSERT takes the `lock` before the rows get their storage ids.
        """
        self._statement, self._lock = statement, lock
        self._names = list(names) if names is not None else None
        self._compiled: dict[str, tuple[str, Callable[[Row], Parameters]]] = {}  # by name of the dialect
        self._of_rows: _RowsStatement | None = None  # of PostgreSQL

    @classmethod
    def insert(cls, model: type[Base], lock: LockKey | None = None) -> "BulkStatement":
        """Return the INSERT of rows that give all columns but the storage id."""
        names = [column.name for column in model.__table__.columns if column.name != "storage_id"]
        return cls(insert(model).inline(), names, lock)

    def execute(self, connection: Connection, rows: Sequence[Row]) -> None:
        if not rows:
            return
        if connection.dialect.name == "postgresql" and self._execute_at_once(connection, rows):
            return
        sql, build_parameters = self._compiled_for(connection.dialect)
        connection.exec_driver_sql(sql, [build_parameters(row) for row in rows])

    def fetch(self, connection: Connection, parameters: Row) -> Iterable[Sequence[Any]]:
        """Return the rows of a SELECT."""
        sql, build_parameters = self._compiled_for(connection.dialect)
        return connection.exec_driver_sql(sql, build_parameters(parameters)).all()

    def _compiled_for(self, dialect: Dialect) -> tuple[str, Callable[[Row], Parameters]]:
        if dialect.name not in self._compiled:
            self._compiled[dialect.name] = self._compile(dialect)
        return self._compiled[dialect.name]

    def _execute_at_once(self, connection: Connection, rows: Sequence[Row]) -> bool:
        """Execute the statement for all rows in one; return False for text that this cannot pass."""
        if self._of_rows is None:
            assert not isinstance(self._statement, Select), "it has no rows"
            self._of_rows = _RowsStatement(self._statement, self._names, connection.dialect, self._lock)
        if self._of_rows.copy_sql and len(rows) >= COPY_ROWS:
            self._acquire_lock(connection)
            self._of_rows.copy(connection, rows)
            return True
        text = self._of_rows.encode(rows)
        if UNREADABLE.search(text):
            self._acquire_lock(connection)
            return False
        connection.exec_driver_sql(self._of_rows.sql, {"rows": text})
        return True

    def _acquire_lock(self, connection: Connection) -> None:
        if self._lock is not None:
            acquire_on(connection, self._lock)

    def _compile(self, dialect: Dialect) -> tuple[str, Callable[[Row], Parameters]]:
        compiled = self._statement.compile(dialect=dialect, column_keys=self._names)
        assert isinstance(compiled, SQLCompiler)
        names = list(compiled.positiontup or compiled.params)
        types = [compiled.binds[name].type.dialect_impl(dialect) for name in names]
        processors = [  # of types whose values are converted, such as JSON to text
            (index, process) for index, type_ in enumerate(types) if (process := type_.bind_processor(dialect))
        ]
        pick = itemgetter(*names) if len(names) > 1 else lambda row: (row[names[0]],)

        def build_parameters(row: Row) -> Parameters:
            values = list(pick(row))
            for index, process in processors:
                if values[index] is not None:
                    values[index] = process(values[index])
            return tuple(values) if compiled.positional else dict(zip(names, values, strict=True))

        return compiled.string, build_parameters


class _RowsStatement:
    """An INSERT or UPDATE of PostgreSQL for all rows of an array of JSON."""

    def __init__(
        self, statement: Insert | Update, names: Sequence[str] | None, dialect: Dialect, lock: LockKey | None
    ) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=list(names) if names is not None else None)
        assert isinstance(compiled, SQLCompiler)
        self._names = list(compiled.params)
        self._pick_values = itemgetter(*self._names)
        self.copy_sql = ""  # of an INSERT
        types = {name: compiled.binds[name].type.dialect_impl(dialect) for name in self._names}
        self._processors = [
            (name, process)
            for name, type_ in types.items()
            if not isinstance(type_, JSON) and (process := type_.bind_processor(dialect))
        ]
        self._converters = [  # of values that COPY does not take as they are, by position
            (index, json.dumps if isinstance(type_, JSON) else type_.bind_processor(dialect))
            for index, type_ in enumerate(types.values())
        ]
        if isinstance(statement, Insert):
            quote = dialect.identifier_preparer.quote
            table, columns = quote(str(statement.table.name)), ", ".join(map(quote, self._names))
            if len(self._names) > 1:
                self.copy_sql = f"COPY {table} ({columns}) FROM STDIN"
            self.sql = (
                f"INSERT INTO {table} ({columns}) SELECT {columns}"  # noqa: S608 - names of our own tables
                f" FROM json_populate_recordset(NULL::{table}, %(rows)s::json)"
            )
            if lock is not None:  # it is held before the first storage id is given
                self.sql += f", (SELECT {LOCK.format(key=int(lock))}) AS locked"
        else:
            columns = ", ".join(f"{name} {type_.compile(dialect)}" for name, type_ in types.items())
            changes, where, condition = PARAMETER.sub(r"given.\1", compiled.string).rpartition(" WHERE ")
            self.sql = f"{changes} FROM json_to_recordset(%(rows)s::json) AS given({columns}){where}{condition}"

    def encode(self, rows: Sequence[Row]) -> str:
        return json.dumps([self._pick(row) for row in rows])

    def copy(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Insert rows with `copy_sql`."""
        text = "".join(self._copy_line(row) for row in rows)
        with driver_cursor(connection, self.copy_sql) as cursor, cursor.copy(self.copy_sql) as target:
            target.write(text)

    def _copy_line(self, row: Row) -> str:
        values = list(self._pick_values(row))
        for index, convert in self._converters:
            if convert is not None and values[index] is not None:
                values[index] = convert(values[index])
        return "\t".join([_copy_field(value) for value in values]) + "\n"

    def _pick(self, row: Row) -> dict[str, object]:
        values = {name: row[name] for name in self._names}
        for name, process in self._processors:
            if values[name] is not None:
                values[name] = process(values[name])
        return values


def _copy_field(value: object) -> str:
    if isinstance(value, str):
        return value.translate(COPY_ESCAPES) if COPY_SPECIAL.search(value) else value
    return "\\N" if value is None else str(value)
