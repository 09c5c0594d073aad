"""Deletion of events that are older than the setting `events_retention`."""

import logging
import threading
from datetime import UTC, datetime

from sqlalchemy import delete, select

from cfy_cli.contract.durations import Duration, parse_duration
from cfy_cli.contract.timestamps import format_timestamp
from cfy_cli.errors import CfyError
from cfy_cli.manager.store.database import Database
from cfy_cli.manager.store.models import Event, Tenant

log = logging.getLogger(__name__)
RETENTION_INTERVAL = 3600.0  # seconds between two deletions
DELETE_BATCH = 5000  # events deleted in one transaction, so that others can write in between
BATCH_INTERVAL = 0.1  # seconds between two batches


class Retention:
    """Deletes old events in a thread.

    `period` is a duration such as `3 months`; an empty one keeps all events. Raises Usage for other text.
    """

    def __init__(self, database: Database, period: str) -> None:
        self._database = database
        self._period: Duration | None = parse_duration(period) if period else None
        self._stopping = threading.Event()

    def start(self) -> None:
        """Start the thread, which deletes old events now and every hour."""
        if self._period:
            threading.Thread(target=self._run, name="retention", daemon=True).start()

    def stop(self) -> None:
        self._stopping.set()

    def delete_old_events(self) -> int:
        """Delete the events that are older than the period; return their number."""
        if self._period is None:
            return 0
        before = format_timestamp(self._period.before(datetime.now(UTC)))
        return delete_events_before(self._database, before, self._stopping)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                count = self.delete_old_events()
            except CfyError as error:
                log.warning("Cannot delete old events: %s", error)
            else:
                if count:
                    log.warning("Deleted %s events older than %s", count, self._period)
            self._stopping.wait(RETENTION_INTERVAL)


def delete_events_before(database: Database, before: str, stopping: threading.Event | None = None) -> int:
    """Delete the events reported before a timestamp, of all tenants; return their number."""
    with database.read() as session:
        tenants = session.scalars(select(Tenant.name)).all()
    return sum(_delete_in_tenant(database, tenant, before, stopping or threading.Event()) for tenant in tenants)


def _delete_in_tenant(database: Database, tenant: str, before: str, stopping: threading.Event) -> int:
    # The index on tenant and time finds the old events without reading the others.
    old = select(Event.storage_id).where(Event.tenant_name == tenant, Event.reported_timestamp < before)
    batch = delete(Event).where(Event.storage_id.in_(old.limit(DELETE_BATCH).scalar_subquery()))
    total = 0
    while not stopping.is_set():
        with database.write() as session:
            deleted = session.connection().execute(batch).rowcount
        total += deleted
        if deleted < DELETE_BATCH:
            break
        stopping.wait(BATCH_INTERVAL)
    return total
