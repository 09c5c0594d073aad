"""The audit log: selecting and deleting its records. The store writes them."""

from collections.abc import Collection, Sequence

from sqlalchemy import delete as sql_delete
from sqlalchemy import func, select, true

from cfy_cli.contract.json import JsonObject
from cfy_cli.manager.store.models import AuditRecord
from cfy_cli.manager.store.query import Condition, all_of
from cfy_cli.manager.store.store import Store


def condition(
    creators: Collection[str], executions: Collection[str], since: str | None, before: str | None
) -> Condition:
    """Match the records of any of these users, made by any of these executions, within a time."""
    conditions: list[Condition] = [true()]
    if creators:
        conditions.append(AuditRecord.creator_name.in_(creators))
    if executions:
        conditions.append(AuditRecord.execution_id.in_(executions))
    if since:
        conditions.append(AuditRecord.created_at >= since)
    if before:
        conditions.append(AuditRecord.created_at < before)
    return all_of(*conditions)


def newest(store: Store) -> int:
    """Return the id of the latest record, 0 without one."""
    return store.unscoped.scalar(select(func.max(AuditRecord.storage_id))) or 0  # records are in no tenant


def after(store: Store, where: Condition, cursor: int, limit: int) -> list[AuditRecord]:
    """Return the oldest records with an id above the cursor."""
    later = store.visible(AuditRecord).where(AuditRecord.storage_id > cursor, where)
    return list(store.unscoped.scalars(later.order_by(AuditRecord.storage_id).limit(limit)))  # records are in no tenant


def delete(store: Store, where: Condition, before: str) -> int:
    """Delete records; return their number. That, too, is recorded."""
    # records are in no tenant
    count = store.unscoped.connection().execute(sql_delete(AuditRecord).where(where)).rowcount
    if count:
        store.record_deletion(AuditRecord, before=before)
    return count


def show(row: AuditRecord, include: Sequence[str] | None = None) -> JsonObject:
    """Return a record without the fields that it has no value for."""
    values: JsonObject = {name: getattr(row, name) for name in include or AuditRecord.WIRE_FIELDS}
    return {name: value for name, value in values.items() if value is not None}
