"""Forgetting events that are older than a manager was told to keep them."""

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
EVERY = 3600.0  # seconds
BATCH = 5000  # events deleted at a time, so that others can write in between
PAUSE = 0.1  # seconds between two batches


class Retention:
    """`keep` is a length of time such as `3 months`; empty keeps all. Raises Usage for another text."""

    def __init__(self, database: Database, keep: str) -> None:
        self._database = database
        self._keep: Duration | None = parse_duration(keep) if keep else None
        self._stopping = threading.Event()

    def start(self) -> None:
        """Now and every hour, in a thread of this process."""
        if self._keep:
            threading.Thread(target=self._go_on, name="retention", daemon=True).start()

    def stop(self) -> None:
        self._stopping.set()

    def forget(self) -> int:
        """How many were older."""
        if self._keep is None:
            return 0
        before = format_timestamp(self._keep.before(datetime.now(UTC)))
        with self._database.read() as session:
            tenants = session.scalars(select(Tenant.name)).all()
        return sum(self._forget_of(tenant, before) for tenant in tenants)

    def _forget_of(self, tenant: str, before: str) -> int:
        """Found by the index of a tenant's lines by time, so that lines that stay are not looked at."""
        old = select(Event.storage_id).where(Event.tenant_name == tenant, Event.reported_timestamp < before)
        some = delete(Event).where(Event.storage_id.in_(old.limit(BATCH).scalar_subquery()))
        count = 0
        while not self._stopping.is_set():
            with self._database.write() as session:
                gone: int = session.execute(some).rowcount  # type: ignore[attr-defined]
            count += gone
            if gone < BATCH:
                break
            self._stopping.wait(PAUSE)
        return count

    def _go_on(self) -> None:
        while not self._stopping.is_set():
            try:
                count = self.forget()
            except CfyError as error:
                log.warning("Old events could not be forgotten: %s", error)
            else:
                if count:
                    log.warning("%s events older than %s are forgotten", count, self._keep)
            self._stopping.wait(EVERY)
