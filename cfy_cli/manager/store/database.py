"""Connections to SQLite or PostgreSQL, and the only way to open a transaction."""

import select
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    InvalidatePoolError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import ObjectDeletedError, StaleDataError
from sqlalchemy.pool import ConnectionPoolEntry

from cfy_cli.errors import Busy, CfyError, Conflict, Invalid, Unavailable
from cfy_cli.manager.store.advisory_locks import Lock
from cfy_cli.manager.store.audit import MANAGER, Actor, WriteSession
from cfy_cli.manager.store.driver import run_several

if TYPE_CHECKING:
    import psycopg

BUSY_TIMEOUT = 30  # seconds for a connection of the pool, and for the lock of writers
LOCK_INTERVAL = 0.0003  # seconds between two attempts to take the lock of writers
MAX_UNCHECKED_IDLE = 2.0  # seconds after which a connection to PostgreSQL is checked before it is used
PREPARE_THRESHOLD = 1  # executions of a statement, on a connection, before it is prepared
MAX_PREPARED = 400  # statements that a connection to PostgreSQL keeps prepared: more than the manager has in its paths
RETURNED_AT = "returned_at"  # in the `info` of a connection: when it was used last
BEGIN = "begin"  # execution option of PostgreSQL: the statements that begin a transaction
SET_UP = (  # large values are compressed in less time than by default, where the server was built for that
    "SET default_transaction_read_only = on; SELECT set_config(name, 'lz4', false) FROM pg_settings"
    " WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)"
)
BEGIN_WRITING = "BEGIN READ WRITE"
REUSE_PLANS = "SET LOCAL plan_cache_mode = force_generic_plan"
MAX_READERS = 50  # connections to SQLite; writers share one more
CHECKPOINT_PAGES = 4000  # of SQLite's write-ahead log: a page written often is copied to the database file once
RESTORE_HINT = "Restore a backup: cfy manager restore FILE. To start anew, give another data folder with --data-dir."
RETRY_HINT = "Try again in a moment."
CONTRADICTION = "The change contradicts another one that was made at the same time"
SQLITE_BUSY_CODES = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)  # the last: too many races
SQLITE_BROKEN_CODES = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT)
POSTGRESQL_BUSY_STATES = ("40001", "40P01", "55P03", "53300")  # serialization, deadlock, lock, too many connections
POSTGRESQL_DISK_FULL = "53100"
POSTGRESQL_TOO_COMPLEX = "54"  # how its codes of statements beyond its limits begin
TOO_COMPLEX = (  # what statements beyond the limits of SQLite, and of the wire of PostgreSQL, are refused with
    "too many SQL variables", "Expression tree is too large", "parser stack overflow", "too many terms",
    "pattern too complex", "too many columns", "number of parameters must be", "too many arguments",
)  # fmt: skip
CONNECTION_LOST = ("08", "57P")  # how PostgreSQL's codes begin when a connection broke, or the server stops or starts


class Database:
    """Engine and transactions of one process."""

    def __init__(self, url: str, password: str = "") -> None:
        """Use the password where the URL has none. Raise Invalid for a database that is not supported.

        Nothing is connected yet.
        """
        parsed = parse_url(url)
        self.url = parsed.set(password=password) if password and not parsed.password else parsed
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = _sqlite_engine(self.url, _begin_deferred) if self.is_sqlite else _postgresql_engine(self.url)
        # SQLite refuses at once, whatever the timeout, to turn a reader into a writer, so writers begin as such.
        # They share one connection, whose page cache then holds what was just written.
        self.writer = (
            _sqlite_engine(self.url, _begin_immediate, pool_size=1)
            if self.is_sqlite
            else self.engine.execution_options(**{BEGIN: BEGIN_WRITING})
        )
        self._engines: dict[str, Engine] = {}  # of PostgreSQL, by the statements that begin a transaction
        # Writers of this process queue here, in order; SQLite's own lock is polled, and not fair.
        self._write_lock: AbstractContextManager[None] = _TimeoutLock() if self.is_sqlite else nullcontext()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session that reads and cannot write. On PostgreSQL each statement sees what is committed by then."""
        with translate_errors(self.url), Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def view(self) -> Iterator[Session]:
        """Open a session that reads, all of whose statements see the same state."""
        engine = self.engine if self.is_sqlite else self._beginning_with("BEGIN ISOLATION LEVEL REPEATABLE READ")
        with translate_errors(self.url), Session(engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(
        self, actor: Actor = MANAGER, locks: Sequence[Lock] = (), *, reuse_plans: bool = False
    ) -> Iterator[WriteSession]:
        """Open a transaction that is committed when the block ends, and rolled back when it raises.

        The audit log names the `actor`. The transaction begins with taking the `locks`, which costs no round trip.
        With `reuse_plans`, PostgreSQL plans its statements once for all values: they find their rows by keys.
        """
        engine = self.writer
        if (locks or reuse_plans) and not self.is_sqlite:
            first = [REUSE_PLANS] if reuse_plans else []
            engine = self._beginning_with("; ".join((BEGIN_WRITING, *first, *(lock.statement for lock in locks))))
        with (
            translate_errors(self.url),
            self._write_lock,
            WriteSession(engine, expire_on_commit=False, actor=actor) as session,
            session.begin(),
        ):
            yield session

    def _beginning_with(self, statements: str) -> Engine:
        """Return the engine whose transactions begin with these statements; to make one takes as long as a query."""
        engine = self._engines.get(statements)
        if engine is None:
            engine = self._engines[statements] = self.engine.execution_options(**{BEGIN: statements})
        return engine

    def close(self) -> None:
        self.engine.dispose()
        self.writer.dispose()


def parse_url(text: str) -> URL:
    """Parse `postgresql://…`, `sqlite:///FILE` or a path. Raises Invalid."""
    try:
        url = make_url(text)
    except ArgumentError:
        raise Invalid(
            f"`{text}` is not a database address", hint="Give postgresql://USER:PASSWORD@HOST/NAME or sqlite:///FILE."
        ) from None
    backend = url.get_backend_name()
    if backend in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise Invalid(f"Databases of the kind `{backend}` are not supported", hint="Use postgresql:// or sqlite:///.")
    return url


def _sqlite_engine(url: URL, begin: Callable[[Connection], None], pool_size: int = MAX_READERS) -> Engine:
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=BUSY_TIMEOUT,
        pool_use_lifo=True,  # the connection used last has the warmest cache
        connect_args={"timeout": BUSY_TIMEOUT},
    )

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the listener below emits BEGIN
        for pragma in (
            f"busy_timeout = {BUSY_TIMEOUT * 1000}",  # first: the next line may already have to wait
            "journal_mode = WAL",
            "synchronous = NORMAL",
            "foreign_keys = ON",
            f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    event.listen(engine, "begin", begin)
    return engine


def _begin_deferred(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN DEFERRED")


def _begin_immediate(connection: Connection) -> None:
    """Take the lock of writers, polling it faster than SQLite, which backs off while other processes take it again."""
    driver_connection = connection.connection.driver_connection
    assert isinstance(driver_connection, sqlite3.Connection)
    deadline = time.monotonic() + BUSY_TIMEOUT
    driver_connection.execute("PRAGMA busy_timeout = 0")
    while time.monotonic() < deadline:
        try:
            driver_connection.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.OperationalError as error:
            if primary_code(error) != sqlite3.SQLITE_BUSY:
                break
        time.sleep(LOCK_INTERVAL)
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _postgresql_engine(url: URL) -> Engine:
    """Return an engine whose connections begin a transaction only where the option BEGIN is given.

    A read then needs no other statement than its own. Its rollback would also discard what is prepared.
    """
    try:
        engine = create_engine(
            url,
            pool_size=10,
            max_overflow=30,
            pool_timeout=BUSY_TIMEOUT,
            pool_use_lifo=True,  # the connection used last has prepared the most statements
            connect_args={"autocommit": True, "prepare_threshold": PREPARE_THRESHOLD},
        )
    except ModuleNotFoundError:
        raise Invalid("PostgreSQL needs the `postgres` extra", hint="pip install 'cfy-cli[manager,postgres]'") from None

    @event.listens_for(engine, "connect")
    def set_up(connection: "psycopg.Connection[tuple[object, ...]]", _record: object) -> None:
        connection.prepared_max = MAX_PREPARED
        connection.execute(SET_UP)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        statements = connection.get_execution_options().get(BEGIN)
        if statements is not None:
            run_several(connection, statements)

    @event.listens_for(engine, "checkin")
    def note_time(_connection: object, record: ConnectionPoolEntry) -> None:
        record.info[RETURNED_AT] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def check_if_idle(connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object) -> None:
        """Replace all connections when one that was idle is broken; others tell by their next statement."""
        is_recent = time.monotonic() - record.info.get(RETURNED_AT, time.monotonic()) < MAX_UNCHECKED_IDLE
        try:
            if is_recent and not _has_input(connection):
                return
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error

    return engine


def _has_input(connection: DBAPIConnection) -> bool:
    """Return whether the server has sent something unasked, as it does when it ends a connection."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


class _TimeoutLock:
    """A lock with a timeout, so that one writer that hangs does not hang all others."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        if not self._lock.acquire(timeout=BUSY_TIMEOUT):
            raise Busy("The manager's database is busy", hint=RETRY_HINT)

    def __exit__(self, *_error: object) -> None:
        self._lock.release()


@contextmanager
def translate_errors(url: URL) -> Iterator[None]:
    """Raise errors of the database as CfyErrors: Busy if a retry helps, Invalid for values, otherwise Unavailable."""
    try:
        yield
    except DBAPIError as error:
        translated = _translate(error, url)
        if translated is None:
            raise
        raise translated from error
    except (StaleDataError, ObjectDeletedError) as error:  # of a row that was deleted meanwhile
        raise Conflict(CONTRADICTION, hint=RETRY_HINT) from error
    except (OverflowError, UnicodeEncodeError) as error:
        raise Invalid(f"A value cannot be stored: {error}") from error
    except PoolTimeout as error:
        raise Busy("The manager's database is busy", hint=RETRY_HINT) from error


def primary_code(error: BaseException | None) -> int:
    """Return the primary result code of an error of SQLite, without the extended bits; 0 for other errors."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _translate(error: DBAPIError, url: URL) -> CfyError | None:
    code = primary_code(error.orig)
    state = getattr(error.orig, "sqlstate", None) or ""
    if state.startswith(POSTGRESQL_TOO_COMPLEX) or any(sign in str(error.orig) for sign in TOO_COMPLEX):
        return Invalid("The request has more conditions, or longer ones, than the database can look for")
    if isinstance(error, IntegrityError):
        return Conflict(CONTRADICTION, hint=RETRY_HINT)
    if isinstance(error, DataError):
        return Invalid(f"A value cannot be stored: {str(error.orig).splitlines()[0]}")
    if code in SQLITE_BUSY_CODES or state in POSTGRESQL_BUSY_STATES:
        return Busy("The manager's database is busy", hint=RETRY_HINT)
    if code == sqlite3.SQLITE_FULL or state == POSTGRESQL_DISK_FULL:
        return Busy("The disk of the manager's database is full", hint="Free some space and try again.")
    if code == sqlite3.SQLITE_NOTADB:
        return Unavailable(f"{url.database} is not a SQLite database", hint=RESTORE_HINT)
    if code in SQLITE_BROKEN_CODES:
        return Unavailable(f"The database {url.database} cannot be used: {error.orig}", hint=RESTORE_HINT)
    is_lost = isinstance(error, OperationalError) and (not state or state.startswith(CONNECTION_LOST))
    if is_lost and url.get_backend_name() == "postgresql":
        address = url.render_as_string(hide_password=True)
        reason = str(error.orig).splitlines()[0]
        return Busy(f"The database {address} does not answer: {reason}", hint="Check that PostgreSQL is running.")
    return None
