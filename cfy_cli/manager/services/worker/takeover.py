"""Taking over the executions of workers that are not seen any more, on whichever machine they were."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import select

from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.processes import HEARTBEAT_INTERVAL, HEARTBEAT_TIMEOUT
from cfy_cli.manager.services.worker import recovery
from cfy_cli.manager.services.worker.recovery import CLAIMED, Silence
from cfy_cli.manager.store.models import Execution, WorkerRecord

log = logging.getLogger(__name__)
MAX_GAP = 2 * HEARTBEAT_INTERVAL  # seconds between two looks that count; in the rest the others were cut off as well


class Share(NamedTuple):
    """Number of a worker among all that share the work equally."""

    number: int  # from 0
    total: int


class Watch:
    """Heartbeats that a worker has seen of the others.

    A worker is silent when its heartbeat has not changed for long by our clock, so that clocks need not agree. Time in
    which the database did not answer does not count: nobody could store a heartbeat then.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changes: dict[str, tuple[str, float]] = {}  # the last heartbeat of each, and when we saw it first
        self._looked_at = 0.0

    def observe(self, heartbeats: Mapping[str, str]) -> list[Silence]:
        """Return the workers that are silent."""
        present = self._clock()
        if present - self._looked_at > HEARTBEAT_TIMEOUT:  # we have been cut off, or suspended
            self._changes.clear()
        not_counted = max(0.0, present - self._looked_at - MAX_GAP)
        self._looked_at = present
        self._changes = {
            name: (seen_at, known[1] + not_counted)
            if (known := self._changes.get(name)) and known[0] == seen_at
            else (seen_at, present)
            for name, seen_at in heartbeats.items()
        }
        return [
            Silence(name, seen_at)
            for name, (seen_at, since) in self._changes.items()
            if present - since >= HEARTBEAT_TIMEOUT
        ]


def look_at_others(app: AppContext, own: str, watch: Watch) -> Share:
    """Recover the executions of silent workers, and return our share among those that are left. Raises CfyError."""
    with app.database.read() as session:
        rows = session.scalars(select(WorkerRecord)).all()
        claiming = session.scalars(select(Execution.worker).where(Execution.status.in_(CLAIMED)).distinct()).all()
    known = {row.name: row.seen_at for row in rows}
    present = [row for row in rows if row.lost_at is None]
    heartbeats = {name: known.get(name, "") for name in claiming if name} | {row.name: row.seen_at for row in present}
    heartbeats.pop(own, None)
    silent = watch.observe(heartbeats)
    for each in silent:
        number = recovery.recover(app, {each.worker}, each)
        if number:
            log.warning("The worker %s was not seen for %.0f seconds", each.worker, HEARTBEAT_TIMEOUT)
            app.work_available.notify()
    gone = {each.worker for each in silent}
    return _share(own, [row.name for row in present if row.role == "worker" and row.name not in gone])


def _share(own: str, names: Sequence[str]) -> Share:
    working = sorted({*names, own})
    return Share(working.index(own), len(working))
