"""Endpoints of tenants and their members."""

from typing import Literal, cast

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.resources import TENANTS
from cfy_cli.errors import Forbidden
from cfy_cli.manager.rest.api import Call, Routes
from cfy_cli.manager.rest.bodies import Body
from cfy_cli.manager.rest.query import GET_DATA, SEARCH
from cfy_cli.manager.rest.schemas import answer_of, list_answer
from cfy_cli.manager.rest.serialize import page_of
from cfy_cli.manager.services.identity import tenants, user_groups, users
from cfy_cli.manager.store.models import Tenant

routes = Routes("tenants")
TENANT = answer_of(tenants.TenantAnswer)


class NewTenant(Body):
    rabbitmq_password: Literal[""] | None = None  # there is no broker that would need one


class MemberBody(Body):
    username: str
    tenant_name: str
    role: str = "user"


class FormerMemberBody(Body):
    username: str
    tenant_name: str


class GroupBody(Body):
    group_name: str
    tenant_name: str
    role: str | None = None


class ChangedGroupBody(Body):
    group_name: str
    tenant_name: str
    role: str


class FormerGroupBody(Body):
    group_name: str
    tenant_name: str


@routes.put("/tenants/users", "tenant_add_user", (GET_DATA,), TENANT)
def add_user_to_tenant(call: Call, body: MemberBody) -> JsonObject:
    return _show(call, users.add_to_tenant(call.store, body.username, body.tenant_name, body.role))


@routes.patch("/tenants/users", "tenant_update_user", (GET_DATA,), TENANT)
def update_user_in_tenant(call: Call, body: MemberBody) -> JsonObject:
    return _show(call, users.change_role(call.store, body.username, body.tenant_name, body.role))


@routes.delete("/tenants/users", "tenant_remove_user", (GET_DATA,))
def remove_user_from_tenant(call: Call, body: FormerMemberBody) -> None:
    users.remove_from_tenant(call.store, body.username, body.tenant_name)


@routes.put("/tenants/user-groups", "tenant_add_group", (GET_DATA,), TENANT)
def add_group_to_tenant(call: Call, body: GroupBody) -> JsonObject:
    return _show(call, user_groups.add_to_tenant(call.store, body.group_name, body.tenant_name, body.role or "user"))


@routes.patch("/tenants/user-groups", "tenant_update_group", (GET_DATA,), TENANT)
def update_group_in_tenant(call: Call, body: ChangedGroupBody) -> JsonObject:
    return _show(call, user_groups.change_role(call.store, body.group_name, body.tenant_name, body.role))


@routes.delete("/tenants/user-groups", "tenant_remove_group", (GET_DATA,))
def remove_group_from_tenant(call: Call, body: FormerGroupBody) -> None:
    user_groups.remove_from_tenant(call.store, body.group_name, body.tenant_name)


@routes.listing("/tenants", "tenant_list", (SEARCH,), list_answer(TENANT, "TenantList"))
def list_tenants(call: Call) -> JsonObject:
    where = tenants.is_visible_to(call.identity)
    page = call.store.list(
        Tenant, call.listing(TENANTS.order, {SEARCH.name: TENANTS.search}), where=where, options=tenants.WITH_MEMBERS
    )
    return page_of(page, [_show(call, tenant) for tenant in page.items])


@routes.get("/tenants/{tenant_name}", "tenant_get", (GET_DATA,), TENANT)
def get_tenant(call: Call, tenant_name: str) -> JsonObject:
    """Answer a tenant; for users who are not among its members it does not exist."""
    return _show(call, tenants.get_visible(call.store, call.identity, tenant_name))


@routes.post("/tenants/{tenant_name}", "tenant_create", (GET_DATA,), TENANT, 201, new=TENANTS)
def create_tenant(call: Call, tenant_name: str, body: NewTenant | None = None) -> JsonObject:
    return _show(call, tenants.create(call.store, tenant_name))


@routes.delete("/tenants/{tenant_name}", "tenant_delete")
def delete_tenant(call: Call, tenant_name: str) -> None:
    tenants.delete(call.store, tenant_name)


def _show(call: Call, tenant: Tenant) -> JsonObject:
    with_details = call.flag("_get_data")
    if with_details and not call.scope.has_permission("tenant_list_get_data"):
        raise Forbidden(f"User `{call.identity.username}` is not permitted to see the members of tenants (_get_data)")
    return cast("JsonObject", tenants.describe(tenant, with_details=with_details))
