"""From who asks, where and for what, to the rows they may see."""

from cfy_cli.errors import Forbidden
from cfy_cli.manager.services.identity.credentials import Identity
from cfy_cli.manager.services.identity.permissions import allowed
from cfy_cli.manager.store.scope import Scope

DEFAULT_TENANT = "default_tenant"


def scope_for(identity: Identity, tenant: str, permission: str, *, tenant_exists: bool) -> Scope:
    """What the asker may touch with this permission. Raises Forbidden.

    A tenant one does not belong to and a tenant that does not exist look the same.
    """
    administrator = identity.role == "sys_admin"
    if not tenant_exists or not (administrator or tenant in identity.tenants or identity_only(permission)):
        raise Forbidden(f"Authorization failed: Tried to authenticate with invalid tenant name: {tenant}")
    roles = {identity.role, identity.tenants.get(tenant, identity.role)}
    if not allowed(permission, roles):
        raise Forbidden(
            f"User `{identity.username}` is not permitted to perform the action `{permission}` in tenant `{tenant}`",
            hint=f"It takes one of the roles that have the permission `{permission}`.",
        )
    everywhere = allowed("all_tenants", {identity.role})
    return Scope(
        user=identity.username,
        tenant=tenant,
        can_see_private=can_see_private(roles),
        tenants=None
        if everywhere
        else frozenset(name for name, role in identity.tenants.items() if allowed(permission, {role, identity.role})),
        private_tenants=frozenset(name for name, role in identity.tenants.items() if can_see_private({role})),
        administrator=administrator,
    )


def can_see_private(roles: set[str]) -> bool:
    """Managers of a tenant and system administrators see the private things of others."""
    return not roles.isdisjoint({"sys_admin", "manager"})


def identity_only(permission: str) -> bool:
    """What everybody who has an account may do, member of the tenant or not."""
    return allowed(permission, {"default"})
