"""Advisory locks that serialize transactions of several processes on one database."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import cast

from sqlalchemy import Connection
from sqlalchemy.orm import Session


class LockKey(IntEnum):
    """Subjects of advisory locks; the values are the first key of PostgreSQL's two-key locks."""

    EVENTS = 0x63667901  # shared by workers that store events; held alone by who changes what those events follow from
    EVENT_IDS = 0x6366790C  # events are committed in the order of their storage ids, and ends of executions one by one
    CLAIMING = 0x63667902  # no two workers claim executions that must not run at the same time
    DEPLOYMENT = 0x63667903  # starts and ends of executions of one deployment see each other
    FILES = 0x63667904  # between the placing of files and the commit of their row, nobody takes them for leftovers
    GROUPS = 0x63667906  # a user who joins a group meanwhile is among those whose rights change with it
    FAILED_LOGINS = 0x63667905  # wrong passwords are counted one by one
    CONFIGURATION = 0x63667907  # changes of the configuration and of the maintenance mode follow each other
    LICENSE = 0x63667908  # there is at most one
    DEPLOYMENT_GROUPS = 0x6366790A  # one that blueprints name is created once
    FIRST_START = 0x6366790B  # the administrator and the keys are made once
    AUDIT = 0x63667909  # records are committed in the order of their storage ids


# Rows of the same remainder share a lock: PostgreSQL has room for 6,400 locks by default, of all transactions
# together, and some transactions lock 20,000 deployments.
LOCKS_OF_ROWS = 1024
HELD = "held_locks"  # in the `info` of a session, which is one transaction: the locks that need not be taken again
# They go to the driver directly, as every change needs some of them.
LOCK, SHARED_LOCK = "pg_advisory_xact_lock({key}, 0)", "pg_advisory_xact_lock_shared({key}, 0)"  # in another statement
ACQUIRE = "SELECT pg_advisory_xact_lock(%(key)s, %(row)s)"
ACQUIRE_SHARED = "SELECT pg_advisory_xact_lock_shared(%(key)s, 0)"
ACQUIRE_SEVERAL = (
    "SELECT pg_advisory_xact_lock(key, row) FROM unnest(%(keys)s::integer[], %(rows)s::integer[]) AS locks (key, row)"
)


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock that a transaction takes when it begins."""

    key: LockKey
    is_shared: bool = False  # held together with others, while nobody holds it alone

    @property
    def statement(self) -> str:
        return f"SELECT {(SHARED_LOCK if self.is_shared else LOCK).format(key=int(self.key))}"


def acquire_lock(session: Session, key: LockKey, storage_id: int = 0) -> None:
    """Wait for the lock and hold it until the transaction ends. `storage_id` narrows the subject to one row.

    Does nothing on SQLite, where only one transaction writes at a time.
    """
    acquire_locks(session, key, [storage_id])


def acquire_on(connection: Connection, key: LockKey) -> None:
    """Wait for a lock of PostgreSQL and hold it until the transaction of the connection ends."""
    connection.exec_driver_sql(ACQUIRE, {"key": int(key), "row": 0})


def acquire_shared_lock(session: Session, key: LockKey) -> None:
    """Wait until nobody holds the lock alone, and hold it together with others until the transaction ends."""
    if session.get_bind().dialect.name == "postgresql":
        session.connection().exec_driver_sql(ACQUIRE_SHARED, {"key": int(key)})


def acquire_locks(session: Session, key: LockKey, storage_ids: Iterable[int]) -> None:
    """Wait for several locks, in the order that all transactions have in common, so that none waits for another."""
    acquire_in_order(session, [(key, storage_ids)])


def acquire_in_order(session: Session, subjects: Iterable[tuple[LockKey, Iterable[int]]]) -> None:
    """Wait for the locks of several subjects, which are in the order that all transactions have in common."""
    if session.get_bind().dialect.name != "postgresql":
        return
    held = cast("set[tuple[LockKey, int]]", session.info.setdefault(HELD, set()))
    locks = [(key, row) for key, storage_ids in subjects for row in rows_of(storage_ids) if (key, row) not in held]
    if len(locks) == 1:
        session.connection().exec_driver_sql(ACQUIRE, {"key": int(locks[0][0]), "row": locks[0][1]})
    elif locks:
        several = {"keys": [int(key) for key, _ in locks], "rows": [row for _, row in locks]}
        session.connection().exec_driver_sql(ACQUIRE_SEVERAL, several)
    if not session.in_nested_transaction():  # with whose rollback they would be released
        held.update(locks)


def rows_of(storage_ids: Iterable[int]) -> list[int]:
    """Return the second keys of the locks of these rows, in the order that all transactions have in common."""
    return sorted({storage_id % LOCKS_OF_ROWS for storage_id in storage_ids})
