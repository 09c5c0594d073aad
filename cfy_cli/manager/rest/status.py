"""Endpoints of the manager's status and version."""

from typing import Literal, TypedDict

from cfy_cli import __version__
from cfy_cli.manager.rest.api import Call, Routes
from cfy_cli.manager.rest.query import Parameter
from cfy_cli.manager.services.status import ServiceStatus, service_statuses

SUMMARY = Parameter("summary", "Answer only the overall status.", "boolean")

routes = Routes("manager")
unversioned = Routes("manager")  # clients ask for the version before they know that of the API


class Status(TypedDict):
    status: Literal["OK", "Fail"]
    services: dict[str, ServiceStatus]


class Version(TypedDict):
    version: str
    edition: str
    distribution: None
    distro_release: None
    build: None
    date: None
    commit: None


VERSION: Version = {
    "version": __version__,
    "edition": "community",
    "distribution": None,
    "distro_release": None,
    "build": None,
    "date": None,
    "commit": None,
}


@routes.get("/status", "status_get", (SUMMARY,))
def get_status(call: Call) -> Status:
    services = service_statuses(call.app)
    is_ok = all(service["status"] == "Active" for service in services.values())
    return {"status": "OK" if is_ok else "Fail", "services": {} if call.flag("summary") else services}


@unversioned.get("/version", "version_get")
@routes.get("/version", "version_get")
def get_version(call: Call) -> Version:
    return VERSION
