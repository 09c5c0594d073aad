"""Status of the parts of this manager, as `GET /status` names them."""

import os
from collections.abc import Sequence
from typing import TypedDict

from sqlalchemy import select

from cfy_cli.contract.timestamps import seconds_ago
from cfy_cli.errors import CfyError
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.store.models import WorkerRecord

WORKER_TIMEOUT = 15  # seconds without a heartbeat before a worker counts as gone


class ProcessStatus(TypedDict):
    """A process in the terms of systemd, under the names that clients read."""

    Id: str
    Description: str
    LoadState: str
    ActiveState: str
    SubState: str
    state: str
    MainPID: int


class Processes(TypedDict):
    display_name: str
    unit_id: str
    instances: list[ProcessStatus]


class ExtraInfo(TypedDict, total=False):
    systemd: Processes


class ServiceStatus(TypedDict):
    status: str
    is_remote: bool
    extra_info: ExtraInfo


def service_statuses(app: AppContext) -> dict[str, ServiceStatus]:
    """Return the status of each part by its name, with its processes as systemd would show them."""
    with app.database.read() as session:
        workers = session.scalars(select(WorkerRecord.pid).where(WorkerRecord.seen_at > seconds_ago(WORKER_TIMEOUT)))
        worker_pids = workers.all()
    server = [os.getpid()]  # it embeds the database SQLite
    database = ("SQLite", server) if app.database.is_sqlite else ("PostgreSQL", [])
    parts = (("Webserver", server), ("Manager Rest-Service", server), database, ("Management Worker", worker_pids))
    return {
        name: {
            "status": "Active" if pids or name == "PostgreSQL" else "Inactive",
            "is_remote": False,
            "extra_info": {"systemd": _processes(name, pids)},
        }
        for name, pids in parts
    }


def _processes(name: str, pids: Sequence[int]) -> Processes:
    unit = f"cfy-{name.lower().replace(' ', '-')}"
    return {
        "display_name": name,
        "unit_id": unit,
        "instances": [
            {
                "Id": unit,
                "Description": name,
                "LoadState": "loaded",
                "ActiveState": "active",
                "SubState": "running",
                "state": "running",
                "MainPID": pid,
            }
            for pid in pids
        ],
    }


def answers(app: AppContext) -> bool:
    """Return whether the database answers."""
    try:
        with app.database.read() as session:
            session.execute(select(1))
    except CfyError:
        return False
    return True
