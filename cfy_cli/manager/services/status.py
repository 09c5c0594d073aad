"""Status of the parts of this manager, as `GET /status` names them."""

from collections.abc import Sequence
from typing import TypedDict

from sqlalchemy import select

from cfy_cli.errors import CfyError
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.machines import Process, find_machines

WORKER = "Management Worker"  # takes executions from the queue, which is in the database


class ProcessStatus(TypedDict):
    """A process in the terms of systemd, under the names that clients read."""

    Id: str
    Description: str
    LoadState: str
    ActiveState: str
    SubState: str
    state: str
    MainPID: int
    started_at: str
    seen_at: str


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
    """Return the status of each part by its name, with its processes as systemd would show them.

    Workers are those of this machine, or of the others when it has none.
    """
    own, *others = find_machines(app)
    server = own.of_role("server")  # it embeds the database SQLite
    workers = own.of_role("worker")
    remote = [] if workers else [worker for machine in others for worker in machine.of_role("worker")]
    database = ("SQLite", server) if app.database.is_sqlite else ("PostgreSQL", None)
    parts = (("Webserver", server), ("Manager Rest-Service", server), database, (WORKER, workers or remote))
    return {
        name: describe_service(name, processes, is_remote=name == WORKER and bool(remote)) for name, processes in parts
    }


def describe_service(name: str, processes: Sequence[Process] | None, *, is_remote: bool = False) -> ServiceStatus:
    """Return the status of a part; None are the processes of one that others run, and that answers."""
    alive = [process for process in processes or [] if process.is_alive]
    return {
        "status": "Active" if alive or processes is None else "Inactive",
        "is_remote": is_remote,
        "extra_info": {"systemd": _processes(name, alive)},
    }


def _processes(name: str, processes: Sequence[Process]) -> Processes:
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
                "MainPID": process.pid,
                "started_at": process.started_at,
                "seen_at": process.seen_at,
            }
            for process in processes
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
