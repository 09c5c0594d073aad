"""On whose behalf rows are read and written."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """Who asks, and where. Rows outside it do not exist for the asker."""

    user: str
    tenant: str
    can_see_private: bool = False  # managers of the tenant and system administrators see private rows of others
    tenants: frozenset[str] | None = frozenset()  # where `all tenants` reaches; None is everywhere
    private_tenants: frozenset[str] = frozenset()  # of these, where private rows of others are seen too
    administrator: bool = False


def system_scope(tenant: str, user: str = "admin") -> Scope:
    """The manager itself at work for a tenant."""
    return Scope(user=user, tenant=tenant, can_see_private=True, tenants=None, administrator=True)
