"""A database of PostgreSQL for the tests of a process, with empty tables at the start of each test."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, Dialect, Engine, Table, create_engine, event, text
from sqlalchemy.engine import URL, make_url

from cfy_cli.manager.store import database, schema
from cfy_cli.manager.store.database import Database, parse_url
from cfy_cli.manager.store.models import Base

POSTGRESQL = os.environ.get("CFY_TEST_POSTGRESQL", "")  # postgresql://USER:PASSWORD@HOST:PORT: may create databases
MAX_SIZE = 10_000_000  # bytes of tables that are emptied; larger ones are made anew

DISCONNECT_OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
DESCRIBE_TABLES = """
    SELECT count(*), sum(attrelid::bigint * attnum) FROM pg_attribute
    WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
"""
MEASURE_TABLES = "SELECT sum(pg_relation_size(oid)) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
RESTART_SEQUENCES = """
    SELECT setval(oid::regclass, 1, false) FROM pg_class
    WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace
"""


@contextmanager
def compiled_statements() -> Iterator[None]:
    """Let all databases of a process share what SQLAlchemy has compiled: a third of the time of a first request."""
    known: dict[str, tuple[Dialect, object]] = {}
    create = database.create_engine

    def create_sharing(url: URL, **options: Any) -> Engine:
        engine = create(url, query_cache_size=4000, **options)
        own = engine.dialect
        shared, engine._compiled_cache = known.setdefault(own.name, (own, engine._compiled_cache))
        engine.dialect = shared

        @event.listens_for(engine, "connect")
        def initialize(_connection: object, _record: object) -> None:
            if shared.server_version_info is None:  # the engine of the shared dialect has not connected yet
                vars(shared).update(vars(own))

        return engine

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(database, "create_engine", create_sharing)
        yield


class ReusedDatabase:
    """One database for many tests: to create and drop one for each takes the server 20 times as long as to empty it."""

    def __init__(self) -> None:
        self._name = f"cfy_{uuid.uuid4().hex}"
        self._url = make_url(POSTGRESQL).set(database=self._name).render_as_string(hide_password=False)
        self._empty_tables = "; ".join(f"DELETE FROM {table.name}" for table in reversed(Base.metadata.sorted_tables))
        self._connection: Connection | None = None
        self._insert_rows = ""

    def provide(self) -> str:
        """Return the address of the database, with the tables as they are created and without rows."""
        if self._connection is None or not self._clean(self._connection):
            self.drop()
            _administer(f"CREATE DATABASE {self._name}")
            new = Database(self._url)
            schema.prepare(new)
            new.close()
            engine = create_engine(parse_url(self._url), isolation_level="AUTOCOMMIT")
            self._connection = engine.connect()
            self._tables = self._connection.execute(text(DESCRIBE_TABLES)).one()
            self._insert_rows = ""
        return self._url

    def fill(self, source: Database) -> None:
        """Insert the rows of another database, always the same; the server keeps a copy of them."""
        assert self._connection is not None
        if self._insert_rows:
            self._connection.exec_driver_sql(self._insert_rows)
            return
        statements = []
        self._connection.execute(text("CREATE SCHEMA kept"))
        with source.read() as session:
            for table in Base.metadata.sorted_tables:
                rows = session.execute(table.select()).mappings().all()
                if rows:
                    self._connection.execute(table.insert(), [dict(row) for row in rows])
                    self._connection.execute(text(f"CREATE TABLE kept.{table.name} AS TABLE {table.name}"))
                    statements += [f"INSERT INTO {table.name} SELECT * FROM kept.{table.name}", *_advance(table)]
        self._insert_rows = "; ".join(statements)
        self._connection.exec_driver_sql("; ".join(each for each in statements if each.startswith("SELECT")))

    def _clean(self, connection: Connection) -> bool:
        """Remove what the last test has left; return False when it has left other tables, or large ones."""
        connection.execute(text(DISCONNECT_OTHERS))
        if connection.execute(text(DESCRIBE_TABLES)).one() != self._tables:
            return False
        if connection.scalar(text(MEASURE_TABLES)) > MAX_SIZE:
            return False
        connection.exec_driver_sql(self._empty_tables)
        connection.execute(text(RESTART_SEQUENCES))
        return True

    def drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection.engine.dispose()
        _administer(f"DROP DATABASE IF EXISTS {self._name} WITH (FORCE)")


def _advance(table: Table) -> list[str]:
    """Let the sequence of a table go on after its rows."""
    column = table.autoincrement_column
    if column is None:
        return []
    sequence = f"pg_get_serial_sequence('{table.name}', '{column.name}')"
    return [f"SELECT setval({sequence}, (SELECT max({column.name}) FROM {table.name}))"]


def _administer(statement: str) -> None:
    server = create_engine(parse_url(POSTGRESQL).set(database="postgres"), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(statement))
    server.dispose()
