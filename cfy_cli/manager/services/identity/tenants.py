"""Tenants: creating, describing and deleting them."""

from typing import TypedDict

from sqlalchemy import delete as sql_delete
from sqlalchemy import exists, select, true
from sqlalchemy.orm import selectinload

from cfy_cli.contract.resources import TENANTS
from cfy_cli.errors import Conflict
from cfy_cli.manager.services.identity.access import DEFAULT_TENANT
from cfy_cli.manager.services.identity.identities import Identity
from cfy_cli.manager.services.identity.users import RoleInTenant, get_tenant, role_in_tenant, tenant_not_found
from cfy_cli.manager.services.names import check_name
from cfy_cli.manager.store.advisory_locks import LockKey
from cfy_cli.manager.store.models import (
    Event,
    Execution,
    ExecutionGroup,
    GroupMember,
    GroupRole,
    Membership,
    Operation,
    TasksGraph,
    Tenant,
    UserGroup,
)
from cfy_cli.manager.store.models.owned import Base, models_in_tenants
from cfy_cli.manager.store.query import Condition, column
from cfy_cli.manager.store.store import Store

# Rows that outlive the resources they are about: they are deleted with the tenant, in this order.
HISTORY: tuple[type[Base], ...] = (Operation, TasksGraph, Event, Execution, ExecutionGroup)

_GROUPS = selectinload(Tenant.group_roles).joinedload(GroupRole.group)
WITH_MEMBERS = (
    selectinload(Tenant.members).joinedload(Membership.user),
    _GROUPS.selectinload(UserGroup.members).joinedload(GroupMember.user),
)


class GroupInTenant(TypedDict):
    """The role of a group in a tenant, and its members."""

    role: str
    users: list[str]


class UserRoles(TypedDict):
    """Roles in a tenant: of users by their names, and of groups by theirs."""

    direct: dict[str, str]
    groups: dict[str, GroupInTenant]


class TenantAnswer(TypedDict, total=False):
    """A tenant as the API answers it: counts, or with `_get_data` names and roles."""

    id: int
    name: str
    groups: int | dict[str, str]
    users: int | dict[str, RoleInTenant]
    user_roles: UserRoles | None
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
    if tenant.members or tenant.group_roles:
        raise Conflict(f"Cannot delete tenant `{name}`, because it still has users or groups associated with it")
    for model in models_in_tenants():
        is_there = select(exists().where(column(model, "tenant_name") == name))
        if model not in HISTORY and store.unscoped.scalar(is_there):  # private resources count too
            raise Conflict(
                f"Cannot delete tenant `{name}`, because it still has {model.__tablename__.replace('_', ' ')}"
            )
    store.acquire_lock(LockKey.EVENTS)  # events have no foreign key to tenants
    for model in HISTORY:
        of_tenant = column(model, "tenant_name") == name
        store.unscoped.connection().execute(sql_delete(model).where(of_tenant))  # of all users
    store.delete(tenant)


def is_visible_to(identity: Identity) -> Condition:
    """Match the tenants that a user may know of: those that they are a member of; for an administrator all."""
    return true() if identity.can_see_all_tenants else Tenant.name.in_(identity.tenants)


def get_visible(store: Store, identity: Identity, name: str) -> Tenant:
    """Return a tenant. Raises NotFound for one that the user may not know of, as for one that does not exist."""
    tenant = store.find(Tenant, name)
    if tenant is None or not (identity.can_see_all_tenants or name in identity.tenants):
        raise tenant_not_found(name)
    return tenant


def describe(tenant: Tenant, *, with_details: bool) -> TenantAnswer:
    """Return a tenant as the API answers it."""
    roles: UserRoles = {
        "direct": {member.user.username: member.role for member in tenant.members},
        "groups": {
            each.group.name: {"role": each.role, "users": sorted(member.user.username for member in each.group.members)}
            for each in sorted(tenant.group_roles, key=lambda each: each.group.name)
        },
    }
    return {
        "id": tenant.storage_id,
        "name": tenant.name,
        "groups": {name: group["role"] for name, group in roles["groups"].items()} if with_details else tenant.groups,
        "users": _summarize(roles) if with_details else tenant.users,
        "user_roles": roles if with_details else None,
        "rabbitmq_username": None,
        "rabbitmq_password": None,
        "rabbitmq_vhost": None,
    }


def _summarize(roles: UserRoles) -> dict[str, RoleInTenant]:
    direct, groups = roles["direct"], roles["groups"].values()
    names = sorted({*direct, *(name for group in groups for name in group["users"])})
    return {
        name: role_in_tenant(direct.get(name), (group["role"] for group in groups if name in group["users"]))
        for name in names
    }
