"""Transactions of several processes on one database, and errors of a database that cannot answer."""

import multiprocessing

import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import InternalError

from cfy_cli.errors import Busy, Conflict
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.store import database as module
from cfy_cli.manager.store.advisory_locks import Lock, LockKey
from cfy_cli.manager.store.bulk import COPY_ROWS, BulkStatement
from cfy_cli.manager.store.database import Database
from cfy_cli.manager.store.models import AuditRecord, TasksGraph

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


@pytest.mark.postgresql
def test_connection_that_ends_while_idle_is_replaced(app: AppContext) -> None:
    with app.database.read() as session:
        pid = session.scalar(text("SELECT pg_backend_pid()"))
    with create_engine(app.database.url, isolation_level="AUTOCOMMIT").connect() as other:
        assert other.scalar(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
    with app.database.read() as session:
        assert session.scalar(text("SELECT pg_backend_pid()")) != pid


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


ODD_TEXTS = ("tab\tnew\nline\rback\\slash", "\\N", "\\.", "", "ü€𝄞", "'quoted' \"twice\"", "{a,b}", None)


@pytest.mark.postgresql
def test_read_cannot_write(app: AppContext) -> None:
    with pytest.raises(InternalError, match="read-only"), app.database.read() as session:
        session.execute(text("UPDATE users SET failed_logins = 7"))


@pytest.mark.postgresql
def test_locks_of_a_transaction_are_held_until_its_end(app: AppContext) -> None:
    wants = text(f"SELECT pg_try_advisory_xact_lock({int(LockKey.EVENTS)}, 0)")
    with app.database.write(locks=(Lock(LockKey.CONFIGURATION, is_shared=True), Lock(LockKey.EVENTS))) as session:
        session.connection()
        with app.database.read() as other:
            assert other.scalar(wants) is False
    with app.database.read() as other:
        assert other.scalar(wants) is True


@pytest.mark.parametrize("count", [1, COPY_ROWS])
def test_bulk_insert_stores_odd_values_as_they_are(app: AppContext, count: int) -> None:
    rows = [
        {
            "ref_table": "t", "ref_id": None, "ref_identifier": {"id": odd, "nul": "\0", "half": "\ud800"},
            "operation": "create", "creator_name": odd, "execution_id": None, "created_at": f"{number:05}",
        }
        for number in range(count)
        for odd in ODD_TEXTS
    ]  # fmt: skip
    with app.database.write() as session:
        BulkStatement.insert(AuditRecord, lock=LockKey.AUDIT).execute(session.connection(), rows)
    columns = (AuditRecord.creator_name, AuditRecord.ref_identifier)
    with app.database.read() as session:
        found = session.execute(select(*columns).where(AuditRecord.ref_table == "t").order_by(AuditRecord.storage_id))
        assert [tuple(row) for row in found] == [(row["creator_name"], row["ref_identifier"]) for row in rows]


def test_bulk_insert_that_is_refused_is_a_conflict(app: AppContext) -> None:
    row = {
        "id": "g", "name": "g", "execution_id": "none", "request": None, "position": None, "tenant_name": "none",
        "visibility": "tenant", "owned_by": "admin", "created_by": "admin", "created_at": "2026",
    }  # fmt: skip
    with pytest.raises(Conflict), app.database.write() as session:
        BulkStatement.insert(TasksGraph).execute(session.connection(), [row] * COPY_ROWS)
    with app.database.write() as session:
        assert session.scalar(text("SELECT count(*) FROM tasks_graphs")) == 0
