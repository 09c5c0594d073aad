"""The machines of a manager with their processes, as all of them have told the database."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import psutil
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from cfy_cli import __version__
from cfy_cli.contract.timestamps import format_timestamp, now, seconds_ago
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.processes import HEARTBEAT_TIMEOUT
from cfy_cli.manager.settings import ManagerSettings
from cfy_cli.manager.store.models import ServerRecord, WorkerRecord


@dataclass(frozen=True, slots=True)
class Process:
    """A process with its last heartbeat; one that ended in order is not there any more."""

    role: str  # server, worker, operations or scheduler
    pid: int
    version: str
    started_at: str
    seen_at: str
    is_alive: bool


@dataclass(frozen=True, slots=True)
class Machine:
    """A data folder with its processes: two of them on one host count as two machines."""

    name: str  # the host name, with something of the folder where that is not unique
    place: str
    is_own: bool  # of the process that asks
    processes: tuple[Process, ...]
    server: ServerRecord | None

    def of_role(self, role: str) -> list[Process]:
        return [process for process in self.processes if process.role == role]

    @property
    def version(self) -> str:
        return self.processes[0].version if self.processes else __version__


def find_machines(app: AppContext) -> list[Machine]:
    """Return all machines, our own first; called by a server."""
    settings = app.settings
    with app.database.read() as session:
        servers = {_place(row.name, settings): row for row in session.scalars(select(ServerRecord))}
        workers = session.scalars(select(WorkerRecord).order_by(WorkerRecord.storage_id)).all()
    if settings.place not in servers:  # before its first heartbeat
        servers[settings.place] = _own_server(settings)
    of_place: dict[str, list[WorkerRecord]] = {place: [] for place in servers}
    for worker in workers:
        of_place.setdefault(_place(worker.name, settings), []).append(worker)
    hosts = Counter(place.partition("/")[0] for place in of_place)
    places = sorted(of_place, key=lambda place: (place != settings.place, place))
    alive_since = seconds_ago(HEARTBEAT_TIMEOUT)
    return [
        Machine(
            name=_name(place, hosts),
            place=place,
            is_own=place == settings.place,
            processes=(
                *([_process("server", servers[place], alive_since)] if place in servers else []),
                *(_process(worker.role, worker, alive_since) for worker in of_place[place]),
            ),
            server=servers.get(place),
        )
        for place in places
    ]


def find_server(app: AppContext) -> ServerRecord:
    """Return the server of this machine, or else the one of another machine that was seen last."""
    settings = app.settings
    own = ServerRecord(storage_id=1, name=f"{settings.place}/server", host=settings.host, port=settings.port)
    if settings.runs("server"):
        return own
    with app.database.read() as session:
        return session.scalar(select(ServerRecord).order_by(ServerRecord.seen_at.desc()).limit(1)) or own


def forget(session: Session, machine: Machine) -> None:
    """Remove the processes of a machine that is gone; executions that its workers left stay to be taken over."""
    for model in (ServerRecord, WorkerRecord):
        session.execute(delete(model).where(model.name.startswith(f"{machine.place}/", autoescape=True)))


def own_name(machines: Sequence[Machine]) -> str:
    return machines[0].name


def _place(name: str, settings: ManagerSettings) -> str:
    return name.rpartition("/")[0] or settings.place


def _name(place: str, hosts: Counter[str]) -> str:
    host, _, folder = place.partition("/")
    return host if hosts[host] == 1 or not folder else f"{host}-{folder}"


def _own_server(settings: ManagerSettings) -> ServerRecord:
    name = f"{settings.place}/server"
    row = ServerRecord(storage_id=1, name=name, pid=os.getpid(), host=settings.address, port=settings.port)
    started_at = datetime.fromtimestamp(psutil.Process().create_time(), UTC)
    row.version, row.started_at, row.seen_at = __version__, format_timestamp(started_at), now()
    return row


def _process(role: str, row: ServerRecord | WorkerRecord, alive_since: str) -> Process:
    is_alive = row.seen_at > alive_since and not (isinstance(row, WorkerRecord) and row.lost_at)
    return Process(role, row.pid, row.version or __version__, row.started_at or row.seen_at, row.seen_at, is_alive)
