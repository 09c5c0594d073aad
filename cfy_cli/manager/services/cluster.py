"""Status of the cluster: the servers and workers of all machines, the broker, and the database."""

import shutil
from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict
from urllib.parse import urlsplit

from sqlalchemy import func, select, text

from cfy_cli import __version__
from cfy_cli.contract.states import ExecutionState
from cfy_cli.contract.timestamps import now, parse_timestamp
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.machines import Machine, Process, find_machines
from cfy_cli.manager.services.status import WORKER, ExtraInfo, ServiceStatus, describe_service
from cfy_cli.manager.store.models import Execution

MIN_FREE = 100 * 1024**2  # bytes on the disk of the data folder
MAX_REPLAY_LAG = 64 * 1024**2  # bytes that a replica of PostgreSQL may be behind
BROKER_TIMEOUT = 2.0  # seconds
BROKER_PORTS = {"amqp": 5672, "amqps": 5671, "redis": 6379, "rediss": 6379}
SERVER, SCHEDULER, OPERATIONS = ("Webserver", "Manager Rest-Service"), "Scheduler", "Operations Worker"
State = Literal["OK", "Degraded", "Fail"]
WAITING = select(func.count(), func.min(Execution.created_at)).where(Execution.status == ExecutionState.PENDING)
REPLICAS = text(
    "SELECT application_name, row_number() OVER (PARTITION BY application_name ORDER BY pid), host(client_addr), state,"
    " pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) FROM pg_stat_replication ORDER BY 1, 2"
)


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


class Broker(TypedDict):
    """Address of the broker; `is_external` tells whether there is one at all, beside the database."""

    name: str
    host: str
    port: int
    username: str | None
    is_external: bool


class Replica(TypedDict):
    """A server of PostgreSQL that follows the one in use."""

    name: str
    host: str | None
    state: str | None  # None where the user of the database may not see it
    lag: int  # bytes


def cluster_status(app: AppContext) -> ClusterStatus:
    """Return what works of all machines, as managers of a cluster report it."""
    machines = find_machines(app)
    managers, workers = {}, {}
    for machine in machines:
        server, scheduler = machine.of_role("server"), machine.of_role("scheduler")
        services = {name: describe_service(name, server) for name in SERVER if server}
        services |= {SCHEDULER: describe_service(SCHEDULER, scheduler)} if scheduler else {}
        if services:
            metrics = [_measure_disk(app)] if machine.is_own else []
            managers[machine.name] = _node(services, metrics, _address(machine), machine, machine.processes)
        if machine.of_role("worker") or _is_expected(app, machines, machine):
            workers[machine.name] = _worker_node(app, machine)
    broker = find_broker(app, machines)
    parts: dict[str, PartStatus] = {
        "manager": _part(managers, is_external=False),
        "db": _describe_database(app, machines[0]),
        "broker": _part(workers, is_external=False),
    }
    if broker["is_external"]:
        failure = find_broker_failure(app)
        node = _node({_kind(app): describe_service(_kind(app), None if failure is None else ())}, [], broker["host"])
        node["version"] = ""  # which is not asked
        node["failures"] += [failure] if failure else []
        parts["broker"] = _part({broker["name"]: node, **workers}, is_external=True)
        if node["status"] == "Fail":  # no operation runs then
            parts["broker"]["status"] = "Fail"
    return {"status": _worst([part["status"] for part in parts.values()]), "services": parts}


def find_broker(app: AppContext, machines: Sequence[Machine]) -> Broker:
    """Return the broker of the settings; without one the queue is in the database, and this machine stands for it."""
    if not app.settings.broker:
        host = app.settings.host
        return {"name": machines[0].name, "host": host, "port": 0, "username": None, "is_external": False}
    url = urlsplit(app.settings.broker)
    host = url.hostname or "localhost"
    port = url.port or BROKER_PORTS.get(url.scheme, 5672)
    return {"name": host, "host": host, "port": port, "username": url.username or None, "is_external": True}


def find_replicas(app: AppContext) -> list[Replica]:
    """Return the replicas of PostgreSQL; SQLite has none."""
    if app.database.is_sqlite:
        return []
    with app.database.read() as session:
        rows = session.execute(REPLICAS).all()
    return [
        {"name": f"{name}-{number}" if number > 1 else name, "host": host, "state": state, "lag": int(lag or 0)}
        for name, number, host, state, lag in rows
    ]


def follows(replica: Replica) -> bool:
    return replica["state"] in ("streaming", None)


def database_version(app: AppContext) -> str:
    """Return the version of SQLite or PostgreSQL."""
    statement = "SELECT sqlite_version()" if app.database.is_sqlite else "SHOW server_version"
    with app.database.read() as session:
        return str(session.scalar(text(statement))).split()[0]


def _describe_database(app: AppContext, own: Machine) -> PartStatus:
    waiting = _measure_queue(app)
    if app.database.is_sqlite:
        service = {"SQLite": describe_service("SQLite", own.of_role("server"))}
        node = _node(service, [_measure_disk(app), *waiting], app.settings.host)
        node["version"] = database_version(app)
        return _part({own.name: node}, is_external=False)
    host = app.database.url.host or "localhost"
    nodes = {host: _node({"PostgreSQL": describe_service("PostgreSQL", None)}, waiting, host)}
    for replica in find_replicas(app):
        service_of_replica = describe_service("PostgreSQL", None if follows(replica) else ())
        lag: NodeMetric = {
            "metric_name": "replay_lag_bytes",
            "value": replica["lag"],
            "healthy": replica["lag"] <= MAX_REPLAY_LAG,
        }
        nodes[replica["name"]] = _node({"PostgreSQL": service_of_replica}, [lag], replica["host"])
    version = database_version(app)
    for node in nodes.values():
        node["version"] = version  # replication by streaming needs the same one
    return _part(nodes, is_external=True)


def _measure_queue(app: AppContext) -> list[NodeMetric]:
    """Return how many executions no worker has claimed yet, and for how long the oldest has waited."""
    with app.database.read() as session:
        count, oldest = session.execute(WAITING).one()
    age = int((parse_timestamp(now()) - parse_timestamp(oldest)).total_seconds()) if oldest else 0
    return [
        {"metric_name": "waiting_executions", "value": count, "healthy": True},
        {"metric_name": "oldest_waiting_seconds", "value": max(0, age), "healthy": True},
    ]


def _measure_disk(app: AppContext) -> NodeMetric:
    free = shutil.disk_usage(app.settings.data_dir).free
    return {"metric_name": "disk_free_bytes", "value": free, "healthy": free >= MIN_FREE}


def _is_expected(app: AppContext, machines: Sequence[Machine], machine: Machine) -> bool:
    """Tell whether workers of a machine are missing: ours by its roles, or any workers at all."""
    is_anywhere = any(each.of_role("worker") for each in machines)
    return machine.is_own and (app.settings.runs("worker") or not is_anywhere)


def _worker_node(app: AppContext, machine: Machine) -> NodeStatus:
    workers = machine.of_role("worker")
    alive = sum(worker.is_alive for worker in workers)
    expected = app.settings.worker_count if machine.is_own and app.settings.runs("worker") else len(workers)
    count: NodeMetric = {"metric_name": "workers", "value": alive, "healthy": alive >= expected}
    services = {WORKER: describe_service(WORKER, workers)}
    if app.settings.broker and workers:
        services[OPERATIONS] = describe_service(OPERATIONS, machine.of_role("operations"))
    processes = [*workers, *machine.of_role("operations")]
    return _node(services, [count], _address(machine), machine, processes)


def _address(machine: Machine) -> str:
    return machine.server.host if machine.server else machine.name


def _kind(app: AppContext) -> str:
    return "Redis" if app.settings.broker.startswith("redis") else "RabbitMQ"


def find_broker_failure(app: AppContext) -> str | None:
    """Return why the broker of the settings cannot be used, without its password; None if it can be."""
    from cfy_cli.manager.engine.broker.asking import find_failure

    settings = app.settings
    failure = find_failure(settings.broker, settings.broker_ca_certificate, BROKER_TIMEOUT)
    password = urlsplit(settings.broker).password
    return failure.replace(password, "******") if failure and password else failure


def _part(nodes: dict[str, NodeStatus], *, is_external: bool) -> PartStatus:
    """Return the status of a part: it fails when all its nodes do."""
    states = {node["status"] for node in nodes.values()}
    status: State = next(iter(states)) if len(states) == 1 else "Degraded"
    return {"status": status, "is_external": is_external, "nodes": nodes}


def _node(
    services: Mapping[str, ServiceStatus],
    metrics: list[NodeMetric],
    host: str | None,
    machine: Machine | None = None,
    processes: Sequence[Process] = (),
) -> NodeStatus:
    seen_at = max((process.seen_at for process in processes), default="")
    since = f"; it was last seen at {seen_at}" if seen_at else ""
    inactive = [f"{name} is not running{since}" for name, each in services.items() if each["status"] != "Active"]
    unhealthy = [f"{metric['metric_name']} is {metric['value']}" for metric in metrics if not metric["healthy"]]
    return {
        "status": "Fail" if inactive else "Degraded" if unhealthy else "OK",
        "version": machine.version if machine else __version__,
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
