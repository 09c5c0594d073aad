"""Several processes that write to one database at once."""

import multiprocessing

from sqlalchemy import text

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


def test_processes_that_read_and_then_write_wait_for_one_another(manager) -> None:  # type: ignore[no-untyped-def]
    url = manager.database.url.render_as_string(hide_password=False)
    processes = [multiprocessing.get_context("spawn").Process(target=count_up, args=[url]) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * PROCESSES
    with manager.database.read() as session:
        assert session.scalar(text("SELECT failed_logins FROM users")) == PROCESSES * TIMES
