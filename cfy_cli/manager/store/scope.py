"""Scope of a request: the user on whose behalf rows are read and written, and the tenants visible to it."""

from dataclasses import dataclass, replace

NO_TENANT = ""  # of a scope that sees global rows only


@dataclass(frozen=True, slots=True)
class Scope:
    """User and tenant of a request. Rows outside the scope do not exist for it."""

    user: str
    tenant: str
    can_see_private: bool = False  # private rows of others in the tenant: its managers and system administrators can
    tenants: frozenset[str] | None = frozenset()  # the extent of lists of all tenants; None is every tenant
    private_tenants: frozenset[str] | None = frozenset()  # where private rows of others are visible too; None as above
    administrator: bool = False
    permissions: frozenset[str] | None = frozenset()  # of the user in the tenant; None is every permission
    user_storage_id: int | None = None  # of a user who has logged in or whom an execution acts for

    def has_permission(self, permission: str) -> bool:
        """Return whether the user has a permission in the tenant of the request."""
        return self.permissions is None or permission in self.permissions

    def can_see_private_in(self, tenant: str) -> bool:
        """Return whether private rows of others are visible in a tenant."""
        return self.private_tenants is None or tenant in self.private_tenants

    def is_permitted_in(self, tenant: str) -> bool:
        """Return whether the user has the permission of the request in a tenant, whichever the request names."""
        return tenant == self.tenant or self.tenants is None or tenant in self.tenants

    def in_tenant(self, tenant: str) -> "Scope":
        """Return what the user sees through another tenant: only global rows, without a role there."""
        if tenant == self.tenant:
            return self
        if not self.is_permitted_in(tenant):
            return replace(self, tenant=NO_TENANT, can_see_private=False)
        return replace(self, tenant=tenant, can_see_private=self.can_see_private_in(tenant))


def system_scope(tenant: str, user: str = "admin") -> Scope:
    """Return the scope of the manager's own work for a tenant."""
    return Scope(
        user=user,
        tenant=tenant,
        can_see_private=True,
        tenants=None,
        private_tenants=None,
        administrator=True,
        permissions=None,
    )
