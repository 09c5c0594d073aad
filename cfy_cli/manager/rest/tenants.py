"""Tenants and who belongs to them, over HTTP."""

from typing import Annotated, Any

from fastapi import Depends
from pydantic import BaseModel

from cfy_cli.contract.resources import TENANTS
from cfy_cli.errors import Forbidden
from cfy_cli.manager.rest.api import Call, Routes, listed
from cfy_cli.manager.rest.paging import flag, listing
from cfy_cli.manager.services.identity import tenants, users
from cfy_cli.manager.services.identity.credentials import Credentials
from cfy_cli.manager.services.identity.permissions import allowed
from cfy_cli.manager.store.listing import Listing
from cfy_cli.manager.store.models import Tenant

routes = Routes("tenants")


class Member(BaseModel):
    username: str
    tenant_name: str
    role: str = "user"


class Leaver(BaseModel):
    username: str
    tenant_name: str


@routes.put("/tenants/users", "tenant_add_user")
def add_user_to_tenant(call: Call, body: Member) -> dict[str, Any]:
    call.store.after_commit(call.app.service(Credentials).forget)
    return _shown(call, users.join(call.store, body.username, body.tenant_name, body.role))


@routes.patch("/tenants/users", "tenant_update_user")
def update_user_in_tenant(call: Call, body: Member) -> dict[str, Any]:
    call.store.after_commit(call.app.service(Credentials).forget)
    return _shown(call, users.change_role(call.store, body.username, body.tenant_name, body.role))


@routes.delete("/tenants/users", "tenant_remove_user")
def remove_user_from_tenant(call: Call, body: Leaver) -> None:
    call.store.after_commit(call.app.service(Credentials).forget)
    users.leave(call.store, body.username, body.tenant_name)


@routes.get("/tenants", "tenant_list")
def list_tenants(
    call: Call, asked: Annotated[Listing, Depends(listing(sort=TENANTS.order, extra=("_get_data",)))]
) -> dict[str, Any]:
    everything = allowed("all_tenants", {call.identity.role})
    mine = None if everything else Tenant.name.in_(call.identity.tenants)
    page = call.store.list(Tenant, asked, search=TENANTS.search, where=mine)
    return listed(page, [_shown(call, tenant) for tenant in page.items])


@routes.get("/tenants/{tenant_name}", "tenant_get")
def get_tenant(call: Call, tenant_name: str) -> dict[str, Any]:
    return _shown(call, users.tenant_of(call.store, tenant_name))


@routes.post("/tenants/{tenant_name}", "tenant_create", status=201)
def create_tenant(call: Call, tenant_name: str) -> dict[str, Any]:
    return _shown(call, tenants.create(call.store, tenant_name))


@routes.delete("/tenants/{tenant_name}", "tenant_delete")
def delete_tenant(call: Call, tenant_name: str) -> None:
    call.store.after_commit(call.app.service(Credentials).forget)
    tenants.delete(call.store, tenant_name)


def _shown(call: Call, tenant: Tenant) -> dict[str, Any]:
    details = flag(call.query, "_get_data")
    if details and not allowed("tenant_list_get_data", {call.identity.role}):
        raise Forbidden(f"User `{call.identity.username}` is not permitted to see who belongs to tenants (_get_data)")
    return tenants.shown(tenant, details=details)
