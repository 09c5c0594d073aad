"""Locks on rows that several transactions change at the same time."""

from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from cfy_cli.manager.store.bulk import split
from cfy_cli.manager.store.models import Base


def lock_rows(session: Session, rows: Collection[Base], attributes: Collection[str]) -> None:
    """Lock rows of one model until the transaction ends, and read these attributes anew when they are used next.

    So the transaction sees what others changed before it got the lock. Does nothing on SQLite, where only one
    transaction writes at a time.
    """
    if not rows or session.get_bind().dialect.name != "postgresql":
        return
    session.flush()
    lock_ids(session, type(next(iter(rows))), [row.storage_id for row in rows])
    for row in rows:
        session.expire(row, attributes)


def lock_ids(session: Session, model: type[Base], storage_ids: Sequence[int]) -> None:
    """Lock rows of a model that are not loaded until the transaction ends."""
    if session.get_bind().dialect.name != "postgresql":
        return
    for some in split(sorted(storage_ids)):
        locked = select(model.storage_id).where(model.storage_id.in_(some)).order_by(model.storage_id)
        # `key_share` lets transactions proceed that only refer to these rows, such as those that store executions.
        session.execute(locked.with_for_update(key_share=True))
