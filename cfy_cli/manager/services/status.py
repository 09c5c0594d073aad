"""Status of the parts of this manager, as `GET /status` names them."""

from typing import TypedDict

from sqlalchemy import func, select

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.timestamps import seconds_ago
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.store.models import WorkerRecord

WORKER_TIMEOUT = 15  # seconds without a heartbeat before a worker counts as gone


class ServiceStatus(TypedDict):
    status: str
    is_remote: bool
    extra_info: JsonObject


def service_statuses(app: AppContext) -> dict[str, ServiceStatus]:
    """Return the status of each part by its name."""
    with app.database.read() as session:
        alive = session.scalar(select(func.count()).where(WorkerRecord.seen_at > seconds_ago(WORKER_TIMEOUT)))
    database = "SQLite" if app.database.is_sqlite else "PostgreSQL"
    parts = {"Webserver": True, "Manager Rest-Service": True, database: True, "Management Worker": bool(alive)}
    return {
        name: {"status": "Active" if is_active else "Inactive", "is_remote": False, "extra_info": {}}
        for name, is_active in parts.items()
    }
