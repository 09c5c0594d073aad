"""Of what machines the manager is made: here, one that is manager, broker and database."""

from typing import Any

from cfy_cli import __version__
from cfy_cli.manager.rest.api import Call, Routes, listed
from cfy_cli.manager.store.listing import MAX_PAGE_SIZE, Page

routes = Routes("cluster")


@routes.get("/managers", "manager_get")
def list_managers(call: Call) -> dict[str, Any]:
    host = call.app.settings.host
    return _one(
        {
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
    )


@routes.get("/brokers", "broker_get")
def list_brokers(call: Call) -> dict[str, Any]:
    """The workers take their work from the database: it is the broker."""
    host = call.app.settings.host
    return _one(
        {
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
    )


@routes.get("/db-nodes", "db_nodes_get")
def list_database_nodes(call: Call) -> dict[str, Any]:
    database = call.app.database
    return _one(
        {
            "name": "SQLite" if database.is_sqlite else "PostgreSQL",
            "host": call.app.settings.host if database.is_sqlite else database.url.host,
            "is_external": not database.is_sqlite,
        }
    )


@routes.get("/maintenance", "maintenance_mode_get")
def get_maintenance(call: Call) -> dict[str, Any]:
    return {
        "status": "deactivated",
        "activated_at": "",
        "activation_requested_at": "",
        "remaining_executions": None,
        "requested_by": "",
    }


def _one(item: dict[str, Any]) -> dict[str, Any]:
    return listed(Page([item], 1, 0, MAX_PAGE_SIZE))
