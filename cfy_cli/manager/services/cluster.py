"""Status of the cluster: this machine is its only manager, its broker and, with SQLite, its database."""

import shutil
from collections.abc import Mapping
from typing import Literal, TypedDict

from sqlalchemy import func, select

from cfy_cli import __version__
from cfy_cli.contract.timestamps import seconds_ago
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.status import WORKER_TIMEOUT, ExtraInfo, ServiceStatus, service_statuses
from cfy_cli.manager.store.models import WorkerRecord

MIN_FREE = 100 * 1024**2  # bytes on the disk of the data folder
State = Literal["OK", "Degraded", "Fail"]
DATABASES = ("SQLite", "PostgreSQL")
WORKER = "Management Worker"  # takes executions from the queue, which is in the database


class NodeService(TypedDict):
    status: str
    extra_info: ExtraInfo


class NodeMetric(TypedDict):
    metric_name: str
    value: int
    healthy: bool


class NodeStatus(TypedDict):
    status: State
    version: str
    public_ip: str | None
    private_ip: str | None
    services: dict[str, NodeService]
    metrics: list[NodeMetric]
    failures: list[str]


class PartStatus(TypedDict):
    status: State
    is_external: bool
    nodes: dict[str, NodeStatus]


class ClusterStatus(TypedDict):
    status: State
    services: dict[str, PartStatus]


def cluster_status(app: AppContext) -> ClusterStatus:
    """Return what works of this machine, as managers of a cluster report it."""
    services, is_sqlite = service_statuses(app), app.database.is_sqlite
    free = shutil.disk_usage(app.settings.data_dir).free
    disk: NodeMetric = {"metric_name": "disk_free_bytes", "value": free, "healthy": free >= MIN_FREE}
    workers: NodeMetric = _count_workers(app)
    of_manager = {name: each for name, each in services.items() if name not in (*DATABASES, WORKER)}
    of_database = {name: each for name, each in services.items() if name in DATABASES}
    of_broker = {WORKER: services[WORKER]}
    host = app.settings.host
    database_host = host if is_sqlite else app.database.url.host
    database_metrics = [disk] if is_sqlite else []
    parts: dict[str, PartStatus] = {
        "manager": _part(_node(of_manager, [disk], host), app.hostname, is_external=False),
        "db": _part(
            _node(of_database, database_metrics, database_host),
            app.hostname if is_sqlite else database_host or "localhost",
            is_external=not is_sqlite,
        ),
        "broker": _part(_node(of_broker, [workers], host), app.hostname, is_external=False),
    }
    return {"status": _worst([part["status"] for part in parts.values()]), "services": parts}


def _count_workers(app: AppContext) -> NodeMetric:
    seen = select(func.count(WorkerRecord.storage_id)).where(WorkerRecord.seen_at > seconds_ago(WORKER_TIMEOUT))
    with app.database.read() as session:
        count = session.scalar(seen) or 0
    return {"metric_name": "workers", "value": count, "healthy": count >= app.settings.worker_count}


def _part(node: NodeStatus, name: str, *, is_external: bool) -> PartStatus:
    return {"status": node["status"], "is_external": is_external, "nodes": {name: node}}


def _node(services: Mapping[str, ServiceStatus], metrics: list[NodeMetric], host: str | None) -> NodeStatus:
    inactive = [f"{name} is not running" for name, service in services.items() if service["status"] != "Active"]
    unhealthy = [f"{metric['metric_name']} is {metric['value']}" for metric in metrics if not metric["healthy"]]
    return {
        "status": "Fail" if inactive else "Degraded" if unhealthy else "OK",
        "version": __version__,
        "public_ip": host,
        "private_ip": host,
        "services": {
            name: {"status": service["status"], "extra_info": service["extra_info"]}
            for name, service in services.items()
        },
        "metrics": metrics,
        "failures": [*inactive, *unhealthy],
    }


def _worst(states: list[State]) -> State:
    return "Fail" if "Fail" in states else "Degraded" if "Degraded" in states else "OK"
