"""Endpoints of the manager's status and version."""

from typing import Literal, TypedDict

from cfy_cli import __version__
from cfy_cli.contract.json import JsonObject
from cfy_cli.manager.rest.api import Call, Routes
from cfy_cli.manager.rest.query import INCLUDE, Parameter
from cfy_cli.manager.rest.schemas import partial_answer_of
from cfy_cli.manager.rest.serialize import select_fields
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


@routes.get("/status", "status_get", (SUMMARY, INCLUDE), partial_answer_of(Status))
def get_status(call: Call) -> JsonObject:
    services = service_statuses(call.app)
    is_ok = all(service["status"] == "Active" for service in services.values())
    answer: Status = {"status": "OK" if is_ok else "Fail", "services": {} if call.flag("summary") else services}
    return select_fields(answer, call.include)


@unversioned.get("/version", "version_get", (INCLUDE,), partial_answer_of(Version))
@routes.get("/version", "version_get", (INCLUDE,), partial_answer_of(Version))
def get_version(call: Call) -> JsonObject:
    return select_fields(VERSION, call.include)
