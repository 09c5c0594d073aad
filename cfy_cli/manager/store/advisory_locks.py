"""Advisory locks that serialize transactions of several processes on one database."""

from enum import IntEnum

from sqlalchemy import text
from sqlalchemy.orm import Session


class LockKey(IntEnum):
    """Subjects of advisory locks; the values are the first key of PostgreSQL's two-key locks."""

    EVENTS = 0x63667901  # events are committed in the order of their storage ids
    CLAIMING = 0x63667902  # no two workers claim executions that must not run at the same time
    DEPLOYMENT = 0x63667903  # starts and ends of executions of one deployment see each other


def acquire_lock(session: Session, key: LockKey, storage_id: int = 0) -> None:
    """Wait for the lock and hold it until the transaction ends. `storage_id` narrows the subject to one row.

    Does nothing on SQLite, where only one transaction writes at a time.
    """
    if session.get_bind().dialect.name == "postgresql":
        keys = {"key": int(key), "row": storage_id & 0x7FFFFFFF}
        session.execute(text("SELECT pg_advisory_xact_lock(:key, :row)"), keys)
