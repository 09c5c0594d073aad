"""The connection to SQLite or PostgreSQL, and the one way to open a transaction."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.orm import Session

from cfy_cli.errors import Busy, CfyError, Failed, Invalid

BUSY_SECONDS = 30
LOOK_AGAIN = 0.0003  # seconds between two looks at the lock of writers
LOG_PAGES = 4000  # written before SQLite brings them home: a page written often is brought home once
HINT = "Try again in a moment."
BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)  # the last: it lost too many races
GONE = ("08", "57P")  # how PostgreSQL's codes begin when a connection broke, and when the server ends or starts


class Database:
    """Opens transactions; one for each process."""

    def __init__(self, url: str) -> None:
        self.url = parse_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = _sqlite(self.url, _begin_reading) if self.is_sqlite else _postgresql(self.url)
        # A reader that turns writer is refused at once, whatever the timeout: writers say so from the start. They
        # share one connection, which so knows what it has just written without reading it again.
        self.writer = _sqlite(self.url, _begin_writing, most=1) if self.is_sqlite else self.engine
        # Writers of this process take turns here, fairly; SQLite's own lock is polled and starves the unlucky.
        self._turn: Any = _Turn() if self.is_sqlite else nullcontext()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A consistent view; what is changed in it is not kept."""
        with as_sentences(self.url), Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Everything in it is stored when it ends, or nothing."""
        with (
            as_sentences(self.url),
            self._turn,
            Session(self.writer, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    def close(self) -> None:
        self.engine.dispose()
        self.writer.dispose()


def parse_url(text: str) -> URL:
    """`postgresql://…`, `sqlite:///file` or a path. Raises Invalid with a sentence."""
    try:
        url = make_url(text)
    except ArgumentError:
        raise Invalid(
            f"`{text}` is not a database address", hint="Give postgresql://USER:PASSWORD@HOST/NAME or sqlite:///FILE."
        ) from None
    kind = url.get_backend_name()
    if kind in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    if kind != "sqlite":
        raise Invalid(f"Databases of the kind `{kind}` are not supported", hint="Use postgresql:// or sqlite:///.")
    return url


def _sqlite(url: URL, begin: Callable[[Connection], None], most: int = 50) -> Engine:
    engine = create_engine(
        url,
        pool_size=most,
        max_overflow=0,
        pool_timeout=BUSY_SECONDS,
        pool_use_lifo=True,  # the connection used last has most at hand
        connect_args={"timeout": BUSY_SECONDS},
    )

    @event.listens_for(engine, "connect")
    def discipline(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        for pragma in (
            f"busy_timeout = {BUSY_SECONDS * 1000}",  # first: the next line may already have to wait
            "journal_mode = WAL",
            "synchronous = NORMAL",
            "foreign_keys = ON",
            f"wal_autocheckpoint = {LOG_PAGES}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    event.listen(engine, "begin", begin)
    return engine


def _begin_reading(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN DEFERRED")


def _begin_writing(connection: Connection) -> None:
    """SQLite waits longer and longer between two looks at its lock, which others take up again within a moment."""
    handle = connection.connection.driver_connection
    assert isinstance(handle, sqlite3.Connection)
    until = time.monotonic() + BUSY_SECONDS
    handle.execute("PRAGMA busy_timeout = 0")
    while time.monotonic() < until:
        try:
            handle.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                break
        time.sleep(LOOK_AGAIN)
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _postgresql(url: URL) -> Engine:
    try:
        return create_engine(url, pool_size=10, max_overflow=30, pool_timeout=BUSY_SECONDS, pool_pre_ping=True)
    except ModuleNotFoundError:
        raise Invalid("PostgreSQL needs the `postgres` extra", hint="pip install 'cfy-cli[manager,postgres]'") from None


class _Turn:
    """A lock that gives up: a writer that never ends must not hang all others for ever."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        if not self._lock.acquire(timeout=BUSY_SECONDS):
            raise Busy("The manager's database is busy", hint=HINT)

    def __exit__(self, *_error: object) -> None:
        self._lock.release()


@contextmanager
def as_sentences(url: URL) -> Iterator[None]:
    """What a database says when it cannot, as something a user can act on."""
    try:
        yield
    except DBAPIError as error:
        sentence = _sentence(error, url)
        if sentence is None:
            raise
        raise sentence from error
    except (OverflowError, UnicodeEncodeError) as error:
        raise Invalid(f"A value cannot be stored: {error}") from error
    except NoConnection as error:
        raise Busy("The manager's database is busy", hint=HINT) from error


def _sentence(error: DBAPIError, url: URL) -> CfyError | None:
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
    state = getattr(error.orig, "sqlstate", None) or ""
    if isinstance(error, DataError):
        return Invalid(f"A value cannot be stored: {str(error.orig).splitlines()[0]}")
    if code in BUSY or state in ("40001", "40P01", "55P03", "53300"):
        return Busy("The manager's database is busy", hint=HINT)
    if code == sqlite3.SQLITE_FULL or state == "53100":
        return Busy("The disk of the manager's database is full", hint="Make room and try again.")
    if code == sqlite3.SQLITE_NOTADB:
        return Failed(f"{url.database} is not a SQLite database", hint="Move it away, or give another data folder.")
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT):
        return Failed(f"The database {url.database} cannot be used: {error.orig}")
    gone = isinstance(error, OperationalError) and (not state or state.startswith(GONE))
    if gone and url.get_backend_name() == "postgresql":
        where = url.render_as_string(hide_password=True)
        return Busy(f"The database {where} does not answer: {str(error.orig).splitlines()[0]}", hint="Is it running?")
    return None
