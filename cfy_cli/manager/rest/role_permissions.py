"""Endpoints of the permissions that roles have."""

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.resources import PERMISSIONS
from cfy_cli.manager.rest.api import Call, Routes
from cfy_cli.manager.rest.schemas import list_answer, row_answer
from cfy_cli.manager.rest.serialize import page_of, serialize, serialize_all
from cfy_cli.manager.services.identity import role_permissions
from cfy_cli.manager.services.identity.role_permissions import ADMINISTRATION
from cfy_cli.manager.store.models import RolePermission
from cfy_cli.manager.store.query import Condition

routes = Routes("permissions")
PERMISSION = row_answer(RolePermission)
PERMISSION_LIST = list_answer(PERMISSION, "PermissionList")


@routes.listing("/permissions", ADMINISTRATION, (), PERMISSION_LIST)
def list_permissions(call: Call) -> JsonObject:
    return _page(call, None)


@routes.listing("/permissions/{role}", ADMINISTRATION, (), PERMISSION_LIST)
def list_permissions_of_role(call: Call, role: str) -> JsonObject:
    return _page(call, role_permissions.is_of_role(role))


@routes.put("/permissions/{role}/{permission}", ADMINISTRATION, (), PERMISSION)
def allow_permission(call: Call, role: str, permission: str) -> JsonObject:
    """Give a permission to a role. It counts at once, for requests and for executions that run."""
    return serialize(role_permissions.allow(call.store, role, permission), call.include)


@routes.delete("/permissions/{role}/{permission}", ADMINISTRATION)
def disallow_permission(call: Call, role: str, permission: str) -> None:
    """Take a permission from a role. It ends at once, for requests and for executions that run."""
    role_permissions.disallow(call.store, role, permission)


def _page(call: Call, where: Condition | None) -> JsonObject:
    listing = call.listing(PERMISSIONS.order)
    page = call.store.list(RolePermission, listing, where=where)
    return page_of(page, serialize_all(page.items, listing.include))
