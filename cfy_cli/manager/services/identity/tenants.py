"""Tenants: creating, describing and deleting them."""

from typing import TypedDict

from sqlalchemy import delete as sql_delete
from sqlalchemy import exists, select, true
from sqlalchemy.orm import selectinload

from cfy_cli.contract.resources import TENANTS
from cfy_cli.errors import Conflict
from cfy_cli.manager.services.identity.access import DEFAULT_TENANT
from cfy_cli.manager.services.identity.credentials import Identity
from cfy_cli.manager.services.identity.permissions import is_allowed
from cfy_cli.manager.services.identity.users import RoleInTenant, TenantRoles, get_tenant, tenant_not_found
from cfy_cli.manager.services.names import check_name
from cfy_cli.manager.store.models import Event, Execution, Membership, Operation, TasksGraph, Tenant
from cfy_cli.manager.store.models.owned import Base, models_in_tenants
from cfy_cli.manager.store.query import Condition, column
from cfy_cli.manager.store.store import Store

# Rows that outlive the resources they are about: they are deleted with the tenant, in this order.
HISTORY: tuple[type[Base], ...] = (Operation, TasksGraph, Event, Execution)

WITH_MEMBERS = (selectinload(Tenant.members).joinedload(Membership.user),)


class TenantAnswer(TypedDict, total=False):
    """A tenant as the API answers it: counts, or with `_get_data` names and roles."""

    id: int
    name: str
    groups: int | dict[str, str]
    users: int | dict[str, RoleInTenant]
    user_roles: TenantRoles | None
    rabbitmq_username: None
    rabbitmq_password: None
    rabbitmq_vhost: None


def create(store: Store, name: str) -> Tenant:
    return store.add(Tenant(name=check_name(TENANTS, name)))


def delete(store: Store, name: str) -> None:
    """Delete a tenant and its history. Raises Conflict while it has members or resources."""
    tenant = get_tenant(store, name)
    if name == DEFAULT_TENANT:
        raise Conflict(f"Tenant `{name}` cannot be deleted: every manager has it")
    if tenant.members:
        raise Conflict(f"Cannot delete tenant `{name}`, because it still has users or groups associated with it")
    for model in models_in_tenants():
        is_there = select(exists().where(column(model, "tenant_name") == name))
        if model not in HISTORY and store.unscoped.scalar(is_there):  # private resources count too
            raise Conflict(
                f"Cannot delete tenant `{name}`, because it still has {model.__tablename__.replace('_', ' ')}"
            )
    for model in HISTORY:
        store.unscoped.execute(sql_delete(model).where(column(model, "tenant_name") == name))  # of all users
    store.delete(tenant)


def is_visible_to(identity: Identity) -> Condition:
    """Match the tenants that a user may know of: those that they are a member of; for an administrator all."""
    return true() if is_allowed("all_tenants", {identity.role}) else Tenant.name.in_(identity.tenants)


def get_visible(store: Store, identity: Identity, name: str) -> Tenant:
    """Return a tenant. Raises NotFound for one that the user may not know of, as for one that does not exist."""
    tenant = store.find(Tenant, name)
    may_see_all = is_allowed("all_tenants", {identity.role})
    if tenant is None or not (may_see_all or name in identity.tenants):
        raise tenant_not_found(name)
    return tenant


def describe(tenant: Tenant, *, with_details: bool) -> TenantAnswer:
    """Return a tenant as the API answers it."""
    roles = {member.user.username: member.role for member in tenant.members}
    members: dict[str, RoleInTenant] = {name: {"tenant-role": role, "roles": [role]} for name, role in roles.items()}
    return {
        "id": tenant.storage_id,
        "name": tenant.name,
        "groups": {} if with_details else 0,
        "users": members if with_details else len(members),
        "user_roles": {"direct": roles, "groups": {}} if with_details else None,
        "rabbitmq_username": None,
        "rabbitmq_password": None,
        "rabbitmq_vhost": None,
    }
