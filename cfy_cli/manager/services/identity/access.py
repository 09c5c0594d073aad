"""Scopes of requests: the rows that a user may see and change with a permission in a tenant."""

from cfy_cli.errors import Forbidden
from cfy_cli.manager.services.identity.credentials import Identity
from cfy_cli.manager.services.identity.permissions import is_allowed
from cfy_cli.manager.store.scope import Scope

DEFAULT_TENANT = "default_tenant"


def scope_for(identity: Identity, tenant: str, permission: str, *, tenant_exists: bool) -> Scope:
    """Return the scope of a user who uses a permission in a tenant. Raises Forbidden.

    The error is the same for a tenant that does not exist and one that the user is no member of.
    """
    is_administrator = identity.role == "sys_admin"
    is_member = is_administrator or tenant in identity.tenants
    if not tenant_exists or not (is_member or is_for_all_users(permission)):
        raise Forbidden(f"Authorization failed: Tried to authenticate with invalid tenant name: {tenant}")
    roles = {identity.role, identity.tenants.get(tenant, identity.role)}
    if not is_allowed(permission, roles):
        raise Forbidden(
            f"User `{identity.username}` is not permitted to perform the action `{permission}` in tenant `{tenant}`",
            hint=f"Ask an administrator for a role that has the permission `{permission}`.",
        )
    tenants = frozenset(
        name for name, role in identity.tenants.items() if is_allowed(permission, {role, identity.role})
    )
    return Scope(
        user=identity.username,
        tenant=tenant,
        can_see_private=can_see_private(roles),
        tenants=None if is_allowed("all_tenants", {identity.role}) else tenants,
        private_tenants=frozenset(name for name, role in identity.tenants.items() if can_see_private({role})),
        administrator=is_administrator,
    )


def can_see_private(roles: set[str]) -> bool:
    """Return whether a user with these roles sees private resources of others."""
    return not roles.isdisjoint({"sys_admin", "manager"})


def is_for_all_users(permission: str) -> bool:
    """Return whether every user has the permission, member of the tenant or not."""
    return is_allowed(permission, {"default"})
