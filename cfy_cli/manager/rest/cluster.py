"""Endpoints of the nodes of the cluster: here one host is manager, broker and database."""

from collections.abc import Mapping
from typing import TypedDict

from cfy_cli import __version__
from cfy_cli.contract.json import JsonObject
from cfy_cli.manager.rest.api import Call, Routes
from cfy_cli.manager.rest.item_lists import page_of_items
from cfy_cli.manager.rest.query import PAGE, SORT
from cfy_cli.manager.rest.schemas import answer_of, list_answer

LISTING = (SORT, *PAGE)

routes = Routes("cluster")


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
    last_seen: None
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
    host = call.app.settings.host
    manager: ManagerNode = {
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
        "last_seen": None,
        "status_report_frequency": None,
        "ca_cert_content": None,
    }
    return _list(call, manager)


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


@routes.get(
    "/db-nodes",
    "db_nodes_get",
    LISTING,
    list_answer(answer_of(DatabaseNode), "DatabaseNodeList"),
    has_filters=True,
)
def list_database_nodes(call: Call) -> JsonObject:
    database = call.app.database
    node: DatabaseNode = {
        "name": "SQLite" if database.is_sqlite else "PostgreSQL",
        "host": call.app.settings.host if database.is_sqlite else database.url.host,
        "is_external": not database.is_sqlite,
    }
    return _list(call, node)


def _list(call: Call, item: Mapping[str, object]) -> JsonObject:
    return page_of_items([item], call.listing(next(iter(item))), list(item))
