"""Several processes that write to one database at once, and what one says that cannot."""

import multiprocessing

import pytest
from sqlalchemy import create_engine, text

from cfy_cli.errors import Busy
from cfy_cli.manager.store import database as module
from cfy_cli.manager.store.database import Database

PROCESSES, TIMES = 4, 50


def count_up(url: str) -> None:
    """Read, then write: what a deferred transaction of SQLite refuses as soon as somebody else was faster."""
    database = Database(url)
    for _ in range(TIMES):
        with database.write() as session:
            lock = "" if database.is_sqlite else " FOR UPDATE"
            number = session.scalar(text(f"SELECT failed_logins FROM users{lock}"))
            session.execute(text("UPDATE users SET failed_logins = :number"), {"number": number + 1})
    database.close()


def test_processes_that_read_and_then_write_wait_for_one_another(app) -> None:  # type: ignore[no-untyped-def]
    url = app.database.url.render_as_string(hide_password=False)
    processes = [multiprocessing.get_context("spawn").Process(target=count_up, args=[url]) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * PROCESSES
    with app.database.read() as session:
        assert session.scalar(text("SELECT failed_logins FROM users")) == PROCESSES * TIMES


def lose_the_server(database: Database) -> None:
    """In the middle of a transaction."""
    with database.write() as session, create_engine(database.url, isolation_level="AUTOCOMMIT").connect() as other:
        number = session.scalar(text("SELECT pg_backend_pid()"))
        other.execute(text("SELECT pg_terminate_backend(:number, 5000)"), {"number": number})
        session.execute(text("SELECT 1"))


def test_a_server_that_is_gone_is_one_to_wait_for(app) -> None:  # type: ignore[no-untyped-def]
    if app.database.is_sqlite:
        pytest.skip("no server")
    with pytest.raises(Busy, match="does not answer: terminating connection"):
        lose_the_server(app.database)
    with app.database.write() as session:
        assert session.scalar(text("SELECT 1")) == 1


def test_who_gets_no_connection_in_time_is_told_that_it_is_busy(app, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(module, "BUSY_SECONDS", 0.1)
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
