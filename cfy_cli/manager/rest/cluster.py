"""Endpoints of the nodes of the cluster: here one host is manager, broker and database."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import TypedDict, cast

from fastapi import Response

from cfy_cli import __version__
from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import Conflict, ErrorCode, Invalid, NotFound
from cfy_cli.manager.rest.api import Call, Routes, dump
from cfy_cli.manager.rest.bodies import Body
from cfy_cli.manager.rest.item_lists import page_of_items
from cfy_cli.manager.rest.query import PAGE, SORT
from cfy_cli.manager.rest.schemas import answer_of, list_answer
from cfy_cli.manager.rest.serialize import whole_list
from cfy_cli.manager.rest.status import SUMMARY
from cfy_cli.manager.services.cluster import ClusterStatus, cluster_status

LISTING = (SORT, *PAGE)

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
    networks: dict[str, str] | None = None


class ManagerChange(Body):
    fs_sync_node_id: str | None = None
    bootstrap_cluster: bool | None = None


class NewBroker(Body):
    name: str
    address: str
    port: int | None = None
    networks: dict[str, str] | None = None


class BrokerChange(Body):
    networks: dict[str, str]


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
    last_seen: str
    status_report_frequency: None
    ca_cert_content: None


class BrokerNode(TypedDict):
    name: str
    host: str
    management_host: str
    port: int
    username: None
    password: None
    params: None
    networks: dict[str, str]
    is_external: bool
    ca_cert_content: None


class DatabaseNode(TypedDict):
    name: str
    host: str | None
    is_external: bool


@routes.get("/managers", "manager_get", LISTING, list_answer(answer_of(ManagerNode), "ManagerList"), has_filters=True)
def list_managers(call: Call) -> JsonObject:
    return _list(call, _manager(call))


@routes.get("/managers/{hostname}", "manager_get")
def get_manager(call: Call, hostname: str) -> ManagerNode:
    _check_manager(call, hostname)
    return _manager(call)


@routes.post("/managers", "manager_manage", status=201)
def add_manager(call: Call, body: NewManager) -> ManagerNode:
    """Refuse to add a manager: a cluster needs a manager that shares its database with others."""
    if body.hostname == call.app.hostname:
        raise Conflict(f"Manager `{body.hostname}` is in the cluster already: it is this one")
    raise _refused(f"Manager `{body.hostname}` cannot be added")


@routes.put("/managers/{hostname}", "manager_manage")
def update_manager(call: Call, hostname: str, body: ManagerChange) -> ManagerNode:
    """Refuse to change how files of a manager are replicated."""
    _check_manager(call, hostname)
    raise _refused(f"The files of manager `{hostname}` cannot be replicated")


@routes.delete("/managers/{hostname}", "manager_manage")
def remove_manager(call: Call, hostname: str) -> None:
    """Refuse to remove the manager that answers, which is the only one."""
    _check_manager(call, hostname)
    raise Invalid(
        f"Manager `{hostname}` cannot be removed: it is the only one, and it answers this request",
        hint="To stop it: cfy manager stop",
        code=ErrorCode.ILLEGAL_ACTION,
    )


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
    """List the broker: workers take executions from the database, so that is on the manager's host."""
    host = call.app.settings.host
    broker: BrokerNode = {
        "name": call.app.hostname,
        "host": host,
        "management_host": host,
        "port": 0,
        "username": None,
        "password": None,
        "params": None,
        "networks": {"default": host},
        "is_external": False,
        "ca_cert_content": None,
    }
    return _list(call, broker)


@routes.post("/brokers", "broker_manage", status=201)
def add_broker(call: Call, body: NewBroker) -> BrokerNode:
    """Refuse to add a broker: workers take executions from the database."""
    if body.name == call.app.hostname:
        raise Conflict(f"Broker `{body.name}` is in the cluster already")
    raise _refused(f"Broker `{body.name}` cannot be added")


@routes.put("/brokers/{name}", "broker_manage")
def update_broker(call: Call, name: str, body: BrokerChange) -> BrokerNode:
    """Refuse to change the networks of the broker."""
    _check_broker(call, name)
    raise _refused(f"The networks of broker `{name}` cannot be changed")


@routes.delete("/brokers/{name}", "broker_manage")
def remove_broker(call: Call, name: str) -> None:
    """Refuse to remove the only broker."""
    _check_broker(call, name)
    raise _refused(f"Broker `{name}` cannot be removed")


DATABASE_NODES = list_answer(answer_of(DatabaseNode), "DatabaseNodeList")


@routes.get("/db-nodes", "db_nodes_get", LISTING, DATABASE_NODES, has_filters=True)
def list_database_nodes(call: Call) -> JsonObject:
    return _list(call, _database(call))


@routes.post("/db-nodes", "cluster_node_config_update", (), DATABASE_NODES)
def update_database_nodes(call: Call, body: DatabaseAction) -> JsonObject:
    """Answer the node that the manager has by its settings, which this request uses."""
    if body.action != "update":
        raise Invalid(f"`{body.action}` is no action on database nodes: the only one is `update`")
    return whole_list([cast("JsonObject", _database(call))])


def _manager(call: Call) -> ManagerNode:
    host = call.app.settings.host
    return {
        "id": 1,
        "hostname": call.app.hostname,
        "private_ip": host,
        "public_ip": host,
        "version": __version__,
        "edition": "community",
        "distribution": None,
        "distro_release": None,
        "fs_sync_node_id": None,
        "networks": {"default": host},
        "last_seen": now(),  # it is the one that answers,
        "status_report_frequency": None,
        "ca_cert_content": None,
    }


def _database(call: Call) -> DatabaseNode:
    database = call.app.database
    return {
        "name": "SQLite" if database.is_sqlite else "PostgreSQL",
        "host": call.app.settings.host if database.is_sqlite else database.url.host,
        "is_external": not database.is_sqlite,
    }


def _check_manager(call: Call, hostname: str) -> None:
    if hostname != call.app.hostname:
        raise NotFound(
            f"Requested `Manager` with hostname `{hostname}` was not found", hint="Show it: cfy cluster managers list"
        )


def _check_broker(call: Call, name: str) -> None:
    if name != call.app.hostname:
        raise NotFound(
            f"Requested `RabbitMQBroker` with name `{name}` was not found", hint="Show it: cfy cluster brokers list"
        )


def _refused(what: str) -> Invalid:
    return Invalid(
        f"{what}: this manager runs on one machine, without a broker of its own", code=ErrorCode.ILLEGAL_ACTION
    )


def _list(call: Call, item: Mapping[str, object]) -> JsonObject:
    return page_of_items([item], call.listing(next(iter(item))), list(item))
