"""Endpoints of the nodes of the cluster: the machines with servers, the broker and the database."""

from http import HTTPStatus
from typing import TypedDict, cast

from fastapi import Response

from cfy_cli import __version__
from cfy_cli.contract.json import JsonObject
from cfy_cli.errors import Conflict, ErrorCode, Invalid, NotFound
from cfy_cli.manager.rest.api import Call, Routes
from cfy_cli.manager.rest.bodies import Body, ItemsByName
from cfy_cli.manager.rest.item_lists import page_of_items
from cfy_cli.manager.rest.query import PAGE, SORT
from cfy_cli.manager.rest.schemas import answer_of, list_answer
from cfy_cli.manager.rest.serialize import dump, whole_list
from cfy_cli.manager.rest.status import SUMMARY
from cfy_cli.manager.services.cluster import (
    ClusterStatus,
    cluster_status,
    database_version,
    find_broker,
    find_broker_failure,
    find_replicas,
    follows,
)
from cfy_cli.manager.services.machines import Machine, find_machines, forget
from cfy_cli.manager.store.models import ServerRecord

LISTING = (SORT, *PAGE)
IS_SETTING = "which broker is used is a setting of each machine"
BROKER_HINT = "Choose it where the manager starts: cfy manager start --broker amqp://HOST"

routes = Routes("cluster")


class NewManager(Body):
    hostname: str
    private_ip: str | None = None
    public_ip: str | None = None
    version: str | None = None
    edition: str | None = None
    distribution: str | None = None
    distro_release: str | None = None
    ca_cert_content: str | None = None
    fs_sync_node_id: str | None = None
    networks: ItemsByName[str] | None = None


class ManagerChange(Body):
    fs_sync_node_id: str | None = None
    bootstrap_cluster: bool | None = None


class NewBroker(Body):
    name: str
    address: str
    port: int | None = None
    networks: ItemsByName[str] | None = None


class BrokerChange(Body):
    networks: ItemsByName[str]


class DatabaseAction(Body):
    action: str


class ManagerNode(TypedDict):
    id: int
    hostname: str
    private_ip: str
    public_ip: str
    version: str
    edition: str
    distribution: None
    distro_release: None
    fs_sync_node_id: None
    networks: dict[str, str]
    status: str
    started_at: str
    last_seen: str
    status_report_frequency: None
    ca_cert_content: None


class BrokerNode(TypedDict):
    name: str
    host: str
    management_host: str
    port: int
    username: str | None
    password: None
    params: None
    networks: dict[str, str]
    is_external: bool
    status: str
    ca_cert_content: None


class DatabaseNode(TypedDict):
    """A server of the database; `lag` is how many bytes a replica is behind."""

    name: str
    host: str | None
    is_external: bool
    status: str
    version: str
    lag: int


@routes.get("/managers", "manager_get", LISTING, list_answer(answer_of(ManagerNode), "ManagerList"), has_filters=True)
def list_managers(call: Call) -> JsonObject:
    nodes = [_describe(machine, machine.server) for machine in find_machines(call.app) if machine.server]
    return page_of_items(nodes, call.listing("id"), list(nodes[0]))


@routes.get("/managers/{hostname}", "manager_get")
def get_manager(call: Call, hostname: str) -> ManagerNode:
    return _describe(*_find_manager(call, hostname))


@routes.post("/managers", "manager_manage", status=201)
def add_manager(call: Call, body: NewManager) -> ManagerNode:
    """Refuse to add a manager: one that starts with the same database is added by that."""
    if any(machine.name == body.hostname for machine in find_machines(call.app)):
        raise Conflict(f"Manager `{body.hostname}` is in the cluster already")
    raise _refused(
        f"Manager `{body.hostname}` cannot be added from here: it joins when it starts on this database",
        "Start it there: cfy manager start --database postgresql://USER@HOST/NAME",
    )


@routes.put("/managers/{hostname}", "manager_manage")
def update_manager(call: Call, hostname: str, body: ManagerChange) -> ManagerNode:
    """Refuse to change how files of a manager are replicated."""
    _find_manager(call, hostname)
    raise _refused(
        f"The files of manager `{hostname}` are not replicated: managers on several machines have one storage",
        "Choose it when they start: cfy manager start --storage DIR",
    )


@routes.delete("/managers/{hostname}", "manager_manage")
def remove_manager(call: Call, hostname: str) -> None:
    """Forget a manager that is gone; refuse that for one that runs."""
    machine = _find_machine(call, hostname)
    if machine.is_own or any(process.is_alive for process in machine.processes):
        why = "it answers this request" if machine.is_own else "it is running"
        raise Invalid(
            f"Manager `{hostname}` cannot be removed: {why}",
            hint="Stop it on its machine: cfy manager stop",
            code=ErrorCode.ILLEGAL_ACTION,
        )
    forget(call.store.unscoped, machine)  # machines are in no tenant


@routes.get("/cluster-status", "cluster_status_get", (SUMMARY,), answer_of(ClusterStatus))
def get_cluster_status(call: Call) -> ClusterStatus | Response:
    """Answer the status of manager, broker and database; with `summary`, 500 when one of them fails."""
    status = cluster_status(call.app)
    if not call.flag(SUMMARY.name):
        return status
    summary: ClusterStatus = {"status": status["status"], "services": {}}
    code = HTTPStatus.INTERNAL_SERVER_ERROR if summary["status"] == "Fail" else HTTPStatus.OK
    return Response(dump(summary), code, media_type="application/json")


@routes.get("/brokers", "broker_get", LISTING, list_answer(answer_of(BrokerNode), "BrokerList"), has_filters=True)
def list_brokers(call: Call) -> JsonObject:
    """List the broker; without one, workers take executions from the database, so that this machine stands for it."""
    node = _broker(call)
    return page_of_items([node], call.listing("name"), list(node))


@routes.post("/brokers", "broker_manage", status=201)
def add_broker(call: Call, body: NewBroker) -> BrokerNode:
    """Refuse to add a broker: it is a setting of each manager."""
    if body.name == _broker(call)["name"]:
        raise Conflict(f"Broker `{body.name}` is in the cluster already")
    raise _refused(f"Broker `{body.name}` cannot be added: {IS_SETTING}", BROKER_HINT)


@routes.put("/brokers/{name}", "broker_manage")
def update_broker(call: Call, name: str, body: BrokerChange) -> BrokerNode:
    """Refuse to change the networks of the broker."""
    _check_broker(call, name)
    raise _refused(f"The networks of broker `{name}` cannot be changed: {IS_SETTING}", BROKER_HINT)


@routes.delete("/brokers/{name}", "broker_manage")
def remove_broker(call: Call, name: str) -> None:
    """Refuse to remove the broker."""
    _check_broker(call, name)
    raise _refused(f"Broker `{name}` cannot be removed: {IS_SETTING}", BROKER_HINT)


DATABASE_NODES = list_answer(answer_of(DatabaseNode), "DatabaseNodeList")


@routes.get("/db-nodes", "db_nodes_get", LISTING, DATABASE_NODES, has_filters=True)
def list_database_nodes(call: Call) -> JsonObject:
    nodes = _databases(call)
    return page_of_items(nodes, call.listing("name"), list(nodes[0]))


@routes.post("/db-nodes", "cluster_node_config_update", (), DATABASE_NODES)
def update_database_nodes(call: Call, body: DatabaseAction) -> JsonObject:
    """Answer the nodes that PostgreSQL has at this moment, which is all that is known of them."""
    if body.action != "update":
        raise Invalid(f"`{body.action}` is no action on database nodes: the only one is `update`")
    return whole_list([cast("JsonObject", node) for node in _databases(call)])


def _describe(machine: Machine, server: ServerRecord) -> ManagerNode:
    is_alive = any(process.is_alive for process in machine.of_role("server"))
    return {
        "id": server.storage_id,
        "hostname": machine.name,
        "private_ip": server.host,
        "public_ip": server.host,
        "version": server.version or __version__,
        "edition": "community",
        "distribution": None,
        "distro_release": None,
        "fs_sync_node_id": None,
        "networks": {"default": server.host},
        "status": "Active" if is_alive else "Inactive",
        "started_at": server.started_at or server.seen_at,
        "last_seen": server.seen_at,
        "status_report_frequency": None,
        "ca_cert_content": None,
    }


def _broker(call: Call) -> BrokerNode:
    broker = find_broker(call.app, find_machines(call.app))
    failure = find_broker_failure(call.app) if broker["is_external"] else None
    return {
        "name": broker["name"],
        "host": broker["host"],
        "management_host": broker["host"],
        "port": broker["port"],
        "username": broker["username"],
        "password": None,
        "params": None,
        "networks": {"default": broker["host"]},
        "is_external": broker["is_external"],
        "status": "Active" if failure is None else "Inactive",
        "ca_cert_content": None,
    }


def _databases(call: Call) -> list[DatabaseNode]:
    database, version = call.app.database, database_version(call.app)

    def describe(name: str, host: str | None, *, is_active: bool = True, lag: int = 0) -> DatabaseNode:
        status = "Active" if is_active else "Inactive"
        is_external = not database.is_sqlite
        return {
            "name": name, "host": host, "is_external": is_external, "status": status, "version": version, "lag": lag,
        }  # fmt: skip

    if database.is_sqlite:
        return [describe("SQLite", call.app.settings.host)]
    replicas = [
        describe(replica["name"], replica["host"], is_active=follows(replica), lag=replica["lag"])
        for replica in find_replicas(call.app)
    ]
    return [describe("PostgreSQL", database.url.host), *replicas]


def _find_machine(call: Call, hostname: str) -> Machine:
    """Return a machine, also one that has workers alone."""
    machines = {machine.name: machine for machine in find_machines(call.app)}
    if hostname not in machines:
        raise NotFound(
            f"Requested `Manager` with hostname `{hostname}` was not found", hint=f"There are: {', '.join(machines)}"
        )
    return machines[hostname]


def _find_manager(call: Call, hostname: str) -> tuple[Machine, ServerRecord]:
    for machine in find_machines(call.app):
        if machine.name == hostname and machine.server:
            return machine, machine.server
    raise NotFound(
        f"Requested `Manager` with hostname `{hostname}` was not found", hint="Show them: cfy cluster managers list"
    )


def _check_broker(call: Call, name: str) -> None:
    if name != _broker(call)["name"]:
        raise NotFound(
            f"Requested `RabbitMQBroker` with name `{name}` was not found", hint="Show it: cfy cluster brokers list"
        )


def _refused(what: str, hint: str) -> Invalid:
    return Invalid(what, hint=hint, code=ErrorCode.ILLEGAL_ACTION)
