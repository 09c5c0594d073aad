"""Endpoints of the maintenance mode."""

from fastapi import Response

from cfy_cli.errors import Invalid
from cfy_cli.manager.rest.api import Call, Routes
from cfy_cli.manager.rest.schemas import answer_of
from cfy_cli.manager.services import maintenance_mode
from cfy_cli.manager.services.maintenance_mode import MaintenanceState

ACTIONS = {"activate": maintenance_mode.activate, "deactivate": maintenance_mode.deactivate}
STATE = answer_of(MaintenanceState)

routes = Routes("maintenance")


@routes.get("/maintenance", "maintenance_mode_get")
def get_maintenance(call: Call) -> MaintenanceState:
    """Get the maintenance mode.

    `bypass_maintenance=true`, at any endpoint, lets a user pass who may set the mode.
    """
    maintenance_mode.finish_activation(call.app)
    with call.app.database.read() as session:  # the transaction of the request may have begun before the change
        return maintenance_mode.describe(session)


@routes.post("/maintenance/{action}", "maintenance_mode_set", (), STATE, empty_status=304)
def set_maintenance(call: Call, action: str) -> MaintenanceState | Response:
    """Activate or deactivate the maintenance mode; 304 says that it is so already."""
    if action not in ACTIONS:
        raise Invalid(f"Invalid action: {action}, Valid action values are: {list(ACTIONS)}")
    if not ACTIONS[action](call.app, call.store):
        return Response(status_code=304)
    return maintenance_mode.describe(call.store.unscoped)  # it is in no tenant
