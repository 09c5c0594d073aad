"""Deletion of events and of records of the audit log that are older than the settings say."""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Select, delete, select

from cfy_cli.contract.durations import Duration, parse_duration
from cfy_cli.contract.timestamps import format_timestamp
from cfy_cli.errors import CfyError
from cfy_cli.manager.store.database import Database
from cfy_cli.manager.store.models import AuditRecord, Base, Event, Tenant

log = logging.getLogger(__name__)
RETENTION_INTERVAL = 3600.0  # seconds between two deletions
DELETE_BATCH = 5000  # events deleted in one transaction, so that others can write in between
BATCH_INTERVAL = 0.1  # seconds between two batches


class Retention:
    """Deletes old events and old records of the audit log in a thread.

    The periods are durations such as `3 months`; an empty one keeps all. Raises Usage for other text.
    """

    def __init__(self, database: Database, keep_events: str, keep_audit_log: str = "") -> None:
        self._database = database
        self._deletions: list[tuple[str, Duration, Callable[[Database, str, threading.Event], int]]] = [
            (what, parse_duration(period), delete)
            for what, period, delete in (
                ("events", keep_events, delete_events_before),
                ("audit log records", keep_audit_log, delete_records_before),
            )
            if period
        ]
        self._stopping = threading.Event()

    def start(self) -> None:
        """Start the thread, which deletes what is old now and every hour."""
        if self._deletions:
            threading.Thread(target=self._run, name="retention", daemon=True).start()

    def stop(self) -> None:
        self._stopping.set()

    def delete_old(self) -> dict[str, int]:
        """Delete what is older than its period; return the numbers."""
        return {
            what: delete(self._database, format_timestamp(period.before(datetime.now(UTC))), self._stopping)
            for what, period, delete in self._deletions
        }

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                counts = self.delete_old()
            except CfyError as error:
                log.warning("Cannot delete what is old: %s", error)
            else:
                for what, period, _delete in self._deletions:
                    if counts[what]:
                        log.warning("Deleted %s %s older than %s", counts[what], what, period)
            self._stopping.wait(RETENTION_INTERVAL)


def delete_records_before(database: Database, before: str, stopping: threading.Event) -> int:
    """Delete the records of the audit log before a timestamp; return their number."""
    old = select(AuditRecord.storage_id).where(AuditRecord.created_at < before)
    return _delete_in_batches(database, AuditRecord, old, stopping)


def delete_events_before(database: Database, before: str, stopping: threading.Event | None = None) -> int:
    """Delete the events reported before a timestamp, of all tenants; return their number."""
    with database.read() as session:
        tenants = session.scalars(select(Tenant.name)).all()
    return sum(_delete_in_tenant(database, tenant, before, stopping or threading.Event()) for tenant in tenants)


def _delete_in_tenant(database: Database, tenant: str, before: str, stopping: threading.Event) -> int:
    # The index on tenant and time finds the old events without reading the others.
    old = select(Event.storage_id).where(Event.tenant_name == tenant, Event.reported_timestamp < before)
    return _delete_in_batches(database, Event, old, stopping)


def _delete_in_batches(database: Database, model: type[Base], old: Select[int], stopping: threading.Event) -> int:
    batch = delete(model).where(model.storage_id.in_(old.limit(DELETE_BATCH).scalar_subquery()))
    total = 0
    while not stopping.is_set():
        with database.write() as session:
            deleted = session.connection().execute(batch).rowcount
        total += deleted
        if deleted < DELETE_BATCH:
            break
        stopping.wait(BATCH_INTERVAL)
    return total
