"""Direct use of psycopg, for statements that SQLAlchemy does not send: COPY, and several in one round trip."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    import psycopg


@contextmanager
def driver_cursor(connection: Connection, statement: str) -> Iterator["psycopg.Cursor[tuple[object, ...]]"]:
    """Yield a cursor of the driver for a statement; an error of it is raised as SQLAlchemy raises it."""
    driver = connection.dialect.loaded_dbapi
    try:
        with cast("psycopg.Cursor[tuple[object, ...]]", connection.connection.cursor()) as cursor:
            yield cursor
    except driver.Error as error:
        raise DBAPIError.instance(statement, None, error, driver.Error, dialect=connection.dialect) from error


def run_several(connection: Connection, statements: str) -> None:
    """Run statements without parameters and results in one round trip."""
    with driver_cursor(connection, statements) as cursor:
        cursor.execute(statements, prepare=False)
