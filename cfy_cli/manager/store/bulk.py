"""Statements for many rows, compiled once and given to the database driver directly.

Workers store events and task states with every round of an execution, and a deployment's nodes and instances all at
once. There, most of the time of `session.execute(insert(...), rows)` goes into SQLAlchemy's handling of every row:
looking up the compiled statement, building the parameters, the ORM's unit of work. These statements are the same for
each row and nobody reads their results, so SQLAlchemy compiles them once for each dialect, and
`Connection.exec_driver_sql` passes the SQL and the converted parameters to the driver's `executemany`. PostgreSQL gets
all rows in one statement, as one value of JSON: its `executemany` costs both sides several times as much. Many new rows
go through COPY, which takes half the time of that. A value of JSON that many rows share, such as the workflows of
deployments of one blueprint, is encoded once, and PostgreSQL gets it once too.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import TypeVar

from sqlalchemy import JSON, ColumnDefault, Connection, Dialect, Insert, Update, insert
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
# PostgreSQL expects 100 rows of a value of JSON, for which it reads all rows of a table of some thousands.
FEW_ROWS = "(SELECT * FROM :rows LIMIT :count) AS given"
MIN_SHARED = 500  # bytes for each row from which it pays to send JSON that rows share once, and not with COPY
COPY_SPECIAL = re.compile(r"[\\\n\r\t]")
COPY_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})
Row = Mapping[str, object]
Parameters = tuple[object, ...] | dict[str, object]  # as the driver wants them: by position or by name
Builder = Callable[[Row, "JsonTexts"], Parameters]


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


class JsonTexts:
    """The texts of the JSON values of one statement; an object that several rows share is encoded once."""

    def __init__(self) -> None:
        self._texts: dict[int, tuple[str, object]] = {}  # by identity, with the object that keeps it
        self.total = 0  # characters in all rows
        self.positions: dict[str, int] = {}  # of the distinct texts, from 1 as in PostgreSQL

    def encode(self, value: object) -> str:
        """Return the text of a value that is not None."""
        found = self._texts.get(id(value))
        if found is None:
            found = self._texts[id(value)] = json.dumps(value), value
        return found[0]

    def place(self, value: object) -> int:
        """Return the position of the text of a value among the distinct ones."""
        text = self.encode(value)
        self.total += len(text)
        return self.positions.setdefault(text, len(self.positions) + 1)

    @property
    def shared(self) -> int:
        """The characters that are saved when each distinct text is sent once."""
        return self.total - sum(map(len, self.positions))

    def array(self) -> str:
        """Return the distinct texts as an array of PostgreSQL."""
        escaped = (text.replace("\\", "\\\\").replace('"', '\\"') for text in self.positions)
        return "{" + ",".join(f'"{text}"' for text in escaped) + "}"


class BulkStatement:
    """An INSERT or UPDATE that is executed for many rows. None is stored as NULL, whatever the column."""

    def __init__(
        self,
        statement: Insert | Update,
        names: Sequence[str] | None = None,
        lock: LockKey | None = None,
    ) -> None:
        """`names` are the columns of an INSERT, which every row gives; an UPDATE has `bindparam`s instead.

        An INSERT takes the `lock` before the rows get their storage ids.
        """
        self._statement, self._lock = statement, lock
        self._names = list(names) if names is not None else None
        self._compiled: dict[str, tuple[str, Builder]] = {}  # by name of the dialect
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
        texts = JsonTexts()
        connection.exec_driver_sql(sql, [build_parameters(row, texts) for row in rows])

    def _compiled_for(self, dialect: Dialect) -> tuple[str, Builder]:
        if dialect.name not in self._compiled:
            self._compiled[dialect.name] = self._compile(dialect)
        return self._compiled[dialect.name]

    def _execute_at_once(self, connection: Connection, rows: Sequence[Row]) -> bool:
        """Execute the statement for all rows in one; return False for text that this cannot pass."""
        if self._of_rows is None:
            self._of_rows = _RowsStatement(self._statement, self._names, connection.dialect, self._lock)
        if len(rows) >= COPY_ROWS and self._of_rows.execute_many(connection, rows):
            return True
        text = self._of_rows.encode(rows)
        if UNREADABLE.search(text):
            self._acquire_lock(connection)
            return False
        connection.exec_driver_sql(self._of_rows.sql_for(len(rows)), {"rows": text})
        return True

    def _acquire_lock(self, connection: Connection) -> None:
        if self._lock is not None:
            acquire_on(connection, self._lock)

    def _compile(self, dialect: Dialect) -> tuple[str, Builder]:
        compiled = self._statement.compile(dialect=dialect, column_keys=self._names)
        assert isinstance(compiled, SQLCompiler)
        names = list(compiled.positiontup or compiled.params)
        types = [compiled.binds[name].type.dialect_impl(dialect) for name in names]
        processors = [  # of types whose values are converted; JSON has none
            (index, process)
            for index, type_ in enumerate(types)
            if not isinstance(type_, JSON) and (process := type_.bind_processor(dialect))
        ]
        of_json = [index for index, type_ in enumerate(types) if isinstance(type_, JSON)]
        pick = itemgetter(*names) if len(names) > 1 else lambda row: (row[names[0]],)

        def build_parameters(row: Row, texts: JsonTexts) -> Parameters:
            values = list(pick(row))
            for index in of_json:
                if values[index] is not None:
                    values[index] = texts.encode(values[index])
            for index, process in processors:
                if values[index] is not None:
                    values[index] = process(values[index])
            return tuple(values) if compiled.positional else dict(zip(names, values, strict=True))

        return compiled.string, build_parameters


class _RowsStatement:
    """An INSERT or UPDATE of PostgreSQL for all rows at once."""

    def __init__(
        self, statement: Insert | Update, names: Sequence[str] | None, dialect: Dialect, lock: LockKey | None
    ) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=list(names) if names is not None else None)
        assert isinstance(compiled, SQLCompiler)
        self._names, self._lock = list(compiled.params), lock
        self._pick_values = itemgetter(*self._names)
        types = {name: compiled.binds[name].type.dialect_impl(dialect) for name in self._names}
        self._of_json = [name for name, type_ in types.items() if isinstance(type_, JSON)]
        self._processors = [
            (name, process)
            for name, type_ in types.items()
            if name not in self._of_json and (process := type_.bind_processor(dialect))
        ]
        self._copy_processors = [(self._names.index(name), process) for name, process in self._processors]
        self._copy_json = [self._names.index(name) for name in self._of_json]
        quote = dialect.identifier_preparer.quote
        kinds = {name: type_.compile(dialect) for name, type_ in types.items()}
        rows, rows_with_positions = (
            f"json_to_recordset(%(rows)s::json) AS given({', '.join(f'{quote(name)} {each[name]}' for name in each)})"
            for each in (kinds, kinds | dict.fromkeys(self._of_json, "INTEGER"))
        )
        # A value is an element of the texts, which PostgreSQL reads once for all rows.
        values = {name: f"given.{quote(name)}" for name in self._names}
        shared = values | {name: f"(%(texts)s::json[])[given.{quote(name)}]" for name in self._of_json}
        self._copy_sql = ""
        if isinstance(statement, Insert):
            table, columns = quote(str(statement.table.name)), ", ".join(map(quote, self._names))
            if len(self._names) > 1:
                self._copy_sql = f"COPY {table} ({columns}) FROM STDIN"
            insert_from = f"INSERT INTO {table} ({columns}) SELECT "
            self._sql = f"{insert_from}{columns} FROM json_populate_recordset(NULL::{table}, %(rows)s::json)"
            if lock is not None:  # it is held before the first storage id is given
                self._sql += f", (SELECT {LOCK.format(key=int(lock))}) AS locked"
            self._few_sql = self._sql
            self._shared_sql = f"{insert_from}{', '.join(shared.values())} FROM {rows_with_positions}"
        else:
            self._few_sql = _update_from(
                compiled.string, values, FEW_ROWS.replace(":rows", rows).replace(":count", str(COPY_ROWS))
            )
            self._sql = _update_from(compiled.string, values, rows)
            self._shared_sql = _update_from(compiled.string, shared, rows_with_positions)

    def sql_for(self, count: int) -> str:
        """Return the statement for so many rows; `rows` is their JSON."""
        return self._few_sql if count < COPY_ROWS else self._sql

    def encode(self, rows: Sequence[Row]) -> str:
        return json.dumps([self._pick(row) for row in rows])

    def execute_many(self, connection: Connection, rows: Sequence[Row]) -> bool:
        """Execute the statement as is best for many rows; return False where that is not better than for few."""
        texts = JsonTexts()
        positions = [{name: texts.place(row[name]) for name in self._of_json if row[name] is not None} for row in rows]
        is_shared = texts.shared >= MIN_SHARED * len(rows)
        text = (
            json.dumps([self._pick(row) | own for row, own in zip(rows, positions, strict=True)]) if is_shared else ""
        )
        is_shared = is_shared and not UNREADABLE.search(text)
        if not is_shared and not self._copy_sql:
            return False
        if self._lock is not None:
            acquire_on(connection, self._lock)
        if is_shared:
            connection.exec_driver_sql(self._shared_sql, {"rows": text, "texts": texts.array()})
        else:
            lines = "".join(self._copy_line(row, texts) for row in rows)
            with driver_cursor(connection, self._copy_sql) as cursor, cursor.copy(self._copy_sql) as target:
                target.write(lines)
        return True

    def _copy_line(self, row: Row, texts: JsonTexts) -> str:
        values = list(self._pick_values(row))
        for index, process in self._copy_processors:
            if values[index] is not None:
                values[index] = process(values[index])
        for index in self._copy_json:
            if values[index] is not None:
                values[index] = texts.encode(values[index])
        return "\t".join([_copy_field(value) for value in values]) + "\n"

    def _pick(self, row: Row) -> dict[str, object]:
        values = {name: row[name] for name in self._names}
        for name, process in self._processors:
            if values[name] is not None:
                values[name] = process(values[name])
        return values


def _update_from(update: str, values: Mapping[str, str], rows: str) -> str:
    """Return the SQL of an UPDATE with the values of its parameters from rows."""
    changes, where, condition = PARAMETER.sub(lambda found: values[found[1]], update).rpartition(" WHERE ")
    return f"{changes} FROM {rows}{where}{condition}"


def _copy_field(value: object) -> str:
    if isinstance(value, str):
        return value.translate(COPY_ESCAPES) if COPY_SPECIAL.search(value) else value
    return "\\N" if value is None else str(value)
