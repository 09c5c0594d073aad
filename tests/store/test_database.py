"""Transactions of several processes on one database, and errors of a database that cannot answer."""

import multiprocessing

import pytest
from sqlalchemy import create_engine, text

from cfy_cli.errors import Busy
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.store import database as module
from cfy_cli.manager.store.database import Database

PROCESSES, INCREMENTS = 4, 50


def increment(url: str) -> None:
    """Read, then write: SQLite refuses that in a deferred transaction if another process has written in between."""
    database = Database(url)
    for _ in range(INCREMENTS):
        with database.write() as session:
            lock = "" if database.is_sqlite else " FOR UPDATE"
            count = session.scalar(text(f"SELECT failed_logins FROM users{lock}"))
            session.execute(text("UPDATE users SET failed_logins = :count"), {"count": count + 1})
    database.close()


@pytest.mark.process
def test_concurrent_read_then_write_loses_no_update(app: AppContext) -> None:
    url = app.database.url.render_as_string(hide_password=False)
    processes = [multiprocessing.get_context("spawn").Process(target=increment, args=[url]) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * PROCESSES
    with app.database.read() as session:
        assert session.scalar(text("SELECT failed_logins FROM users")) == PROCESSES * INCREMENTS


def terminate_connection(database: Database) -> None:
    """Use a connection that the server ends in the middle of a transaction."""
    with database.write() as session, create_engine(database.url, isolation_level="AUTOCOMMIT").connect() as other:
        pid = session.scalar(text("SELECT pg_backend_pid()"))
        other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
        session.execute(text("SELECT 1"))


def test_lost_connection_is_busy_and_replaced(app: AppContext) -> None:
    if app.database.is_sqlite:
        pytest.skip("no server")
    with pytest.raises(Busy, match="does not answer: terminating connection"):
        terminate_connection(app.database)
    with app.database.write() as session:
        assert session.scalar(text("SELECT 1")) == 1


def test_exhausted_connection_pool_is_busy(app: AppContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BUSY_TIMEOUT", 0.1)
    database = Database(app.database.url.render_as_string(hide_password=False))
    sessions = [database.read() for _ in range(50 if database.is_sqlite else 40)]
    try:
        for session in sessions:
            session.__enter__().execute(text("SELECT 1"))
        with pytest.raises(Busy, match="is busy"), database.read() as one_too_many:
            one_too_many.execute(text("SELECT 1"))
    finally:
        for session in sessions:
            session.__exit__(None, None, None)
        database.close()
