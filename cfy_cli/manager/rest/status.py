"""How the manager is, and which one it is."""

from typing import Any

from cfy_cli import __version__
from cfy_cli.manager.rest.api import Call, Routes
from cfy_cli.manager.rest.paging import flag
from cfy_cli.manager.services.status import service_statuses

routes = Routes("manager")
unversioned = Routes("manager")  # clients ask which manager it is before they know its API's version


@routes.get("/status", "status_get")
def get_status(call: Call) -> dict[str, Any]:
    services = service_statuses(call.app)
    healthy = all(service["status"] == "Active" for service in services.values())
    answer = {"status": "OK" if healthy else "Fail", "services": {} if flag(call.query, "summary") else services}
    return {name: answer[name] for name in call.include or answer if name in answer}


@unversioned.get("/version", "version_get")
@routes.get("/version", "version_get")
def get_version(call: Call) -> dict[str, Any]:
    answer = {
        "version": __version__,
        "edition": "community",
        "distribution": None,
        "distro_release": None,
        "build": None,
        "date": None,
        "commit": None,
    }
    return {name: answer[name] for name in call.include or answer if name in answer}
