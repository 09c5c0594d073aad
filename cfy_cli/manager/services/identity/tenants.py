"""Tenants: rooms that know nothing of one another."""

from typing import Any

from sqlalchemy import delete as sql_delete
from sqlalchemy import exists, select

from cfy_cli.errors import Conflict
from cfy_cli.manager.services.identity.access import DEFAULT_TENANT
from cfy_cli.manager.services.identity.users import tenant_of
from cfy_cli.manager.services.names import check_name
from cfy_cli.manager.store.models import Blueprint, Deployment, Event, Execution, Secret, Site, Tenant
from cfy_cli.manager.store.store import Store

KEPT = (Blueprint, Deployment, Secret, Site)


def create(store: Store, name: str) -> Tenant:
    return store.add(Tenant(name=check_name("tenant", name)))


def delete(store: Store, name: str) -> None:
    tenant = tenant_of(store, name)
    if name == DEFAULT_TENANT:
        raise Conflict(f"Tenant `{name}` cannot be deleted: every manager has it")
    if tenant.members:
        raise Conflict(f"Cannot delete tenant `{name}`, because it still has users or groups associated with it")
    for kind in KEPT:
        if store.unscoped.scalar(select(exists().where(kind.tenant_name == name))):
            raise Conflict(f"Cannot delete tenant `{name}`, because it still has {kind.__tablename__}")
    for table in (Event, Execution):  # what remains is history of things that are gone
        store.unscoped.execute(sql_delete(table).where(table.tenant_name == name))
    store.delete(tenant)


def shown(tenant: Tenant, *, details: bool) -> dict[str, Any]:
    """The wire's tenant: counts, or with `_get_data` the names behind them."""
    members = {place.user.username: {"tenant-role": place.role, "roles": [place.role]} for place in tenant.members}
    return {
        "name": tenant.name,
        "groups": {} if details else 0,
        "users": members if details else len(members),
        "user_roles": {"direct": {name: place["tenant-role"] for name, place in members.items()}, "groups": {}}
        if details
        else None,
        "rabbitmq_username": None,
        "rabbitmq_password": None,
        "rabbitmq_vhost": None,
    }
