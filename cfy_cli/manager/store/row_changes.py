"""Writing of the changed columns of many rows at once, past the unit of work, which writes them one by one."""

from collections import defaultdict
from collections.abc import Iterable
from functools import cache

from sqlalchemy import Table, bindparam, inspect, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from cfy_cli.manager.store.audit import record_change
from cfy_cli.manager.store.bulk import BulkStatement
from cfy_cli.manager.store.models import Base

STORAGE_ID, NEW = "row_storage_id", "new_"  # names of parameters


def write_changes(session: Session, rows: Iterable[Base]) -> None:
    """Write what was changed in columns of stored rows of one model, and record it in the audit log."""
    changes: dict[tuple[str, ...], list[Base]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.storage_id):  # an order that all writers share
        names = _changed_columns(row)
        if names:
            changes[names].append(row)
    for names, changed in changes.items():
        values = [{STORAGE_ID: row.storage_id} | {NEW + name: getattr(row, name) for name in names} for row in changed]
        _update(type(changed[0]), names).execute(session.connection(), values)
        for row in changed:
            record_change(session, row)
            for name in names:
                set_committed_value(row, name, getattr(row, name))


def _changed_columns(row: Base) -> tuple[str, ...]:
    state = inspect(row)
    changed = (name for name in state.committed_state.keys() & state.mapper.columns.keys())
    return tuple(sorted(name for name in changed if state.attrs[name].history.has_changes()))


@cache
def _update(model: type[Base], names: tuple[str, ...]) -> BulkStatement:
    table = model.__table__
    assert isinstance(table, Table)
    own = update(table).where(table.c.storage_id == bindparam(STORAGE_ID))
    return BulkStatement(own.values({name: bindparam(NEW + name) for name in names}))
