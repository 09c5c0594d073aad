"""Scopes of requests: the rows that a user may see and change with a permission in a tenant."""

from cfy_cli.errors import Forbidden
from cfy_cli.manager.services.identity.identities import Identity
from cfy_cli.manager.store.scope import Scope

DEFAULT_TENANT = "default_tenant"
SEE_PRIVATE = "administrators"  # the permission to see private resources of others


def scope_for(identity: Identity, tenant: str, permission: str, *, tenant_exists: bool) -> Scope:
    """Return the scope of a user who uses a permission in a tenant. Raises Forbidden.

    The error is the same for a tenant that does not exist and one that the user is no member of.
    """
    is_member = identity.is_administrator or tenant in identity.tenants
    if not tenant_exists or not (is_member or identity.permissions.is_for_all_users(permission)):
        raise Forbidden(f"Authorization failed: Tried to authenticate with invalid tenant name: {tenant}")
    permissions = identity.permissions_in(tenant)
    if permission not in permissions:
        raise Forbidden(
            f"User `{identity.username}` is not permitted to perform the action `{permission}` in tenant `{tenant}`",
            hint=f"Ask an administrator for a role that has the permission `{permission}`.",
        )
    return Scope(
        user=identity.username,
        tenant=tenant,
        can_see_private=SEE_PRIVATE in permissions,
        tenants=None if identity.can_see_all_tenants else identity.tenants_with(permission),
        private_tenants=None if SEE_PRIVATE in identity.system_permissions else identity.tenants_with(SEE_PRIVATE),
        administrator=identity.is_administrator,
        permissions=permissions,
        user_storage_id=identity.storage_id,
    )
