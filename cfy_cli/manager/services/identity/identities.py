"""Identities: who a user is, and which roles the user has, directly and through groups."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace

from cachetools import LRUCache
from sqlalchemy import CompoundSelect, bindparam, null, select, union_all
from sqlalchemy.orm import Session

from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity.permissions import AGENT_PERMISSIONS, RolePermissions
from cfy_cli.manager.services.identity.role_permissions import Permissions
from cfy_cli.manager.store.models import GroupMember, GroupRole, Membership, Tenant, User, UserGroup

NO_ROLES: frozenset[str] = frozenset()
MAX_CACHED = 1000  # identities
_IS_MEMBER = GroupMember.user_storage_id == bindparam("user")
# Columns, in one query: executions look their user up again for each read of what belongs to others.
_ROLES: CompoundSelect[str, str | None] = union_all(
    select(User.role, null().label("tenant")).where(User.storage_id == bindparam("user")),
    select(UserGroup.role, null()).join(UserGroup.members).where(_IS_MEMBER),
    select(Membership.role, Tenant.name).join(Membership.tenant).where(Membership.user_storage_id == bindparam("user")),
    select(GroupRole.role, Tenant.name)
    .join(GroupRole.tenant)
    .join(GroupMember, GroupMember.group_storage_id == GroupRole.group_storage_id)
    .where(_IS_MEMBER),
)


@dataclass(frozen=True, slots=True)
class Identity:
    """A user when the request was authenticated: system roles, roles by tenant, and what roles may do.

    Roles through groups are among them.
    """

    username: str
    system_roles: frozenset[str]
    tenants: Mapping[str, frozenset[str]]
    permissions: RolePermissions
    storage_id: int | None = None  # None for what is no user

    @property
    def is_administrator(self) -> bool:
        return "sys_admin" in self.system_roles

    @property
    def system_permissions(self) -> frozenset[str]:
        """Return the permissions that the user has in every tenant."""
        return self.permissions.of(self.system_roles)

    @property
    def can_see_all_tenants(self) -> bool:
        return "all_tenants" in self.system_permissions

    def permissions_in(self, tenant: str) -> frozenset[str]:
        """Return the permissions that the user has in a tenant."""
        return self.permissions.of(self.system_roles | self.tenants.get(tenant, NO_ROLES))

    def tenants_with(self, permission: str) -> frozenset[str]:
        """Return the tenants that the user is a member of, and has a permission in."""
        return frozenset(tenant for tenant in self.tenants if permission in self.permissions_in(tenant))


class AgentIdentity(Identity):
    """An agent: it is no user, has no role, and may do nothing but its work in its tenant."""

    __slots__ = ()

    @property
    def system_permissions(self) -> frozenset[str]:
        return NO_ROLES

    def permissions_in(self, tenant: str) -> frozenset[str]:
        return AGENT_PERMISSIONS if tenant in self.tenants else NO_ROLES


def load_identity(session: Session, user_storage_id: int, username: str, permissions: RolePermissions) -> Identity:
    """Return the present identity of a user."""
    system_roles: set[str] = set()
    tenants: dict[str, frozenset[str]] = {}
    for role, tenant in session.execute(_ROLES, {"user": user_storage_id}):
        if tenant is None:
            system_roles.add(role)
        else:
            tenants[tenant] = tenants.get(tenant, NO_ROLES) | {role}
    return Identity(username, frozenset(system_roles), tenants, permissions, user_storage_id)


class Identities:
    """The identities of users, which a process remembers until the version of the user changes."""

    def __init__(self, app: AppContext) -> None:
        self._permissions = app.service(Permissions)
        self._cache: LRUCache[tuple[int, str], Identity] = LRUCache(MAX_CACHED)
        self._lock = threading.Lock()

    def of_versions(self, session: Session, user: tuple[int, str, str], permissions_version: str) -> Identity:
        """Return the identity of a user, given by storage id, name and version, which the transaction has just read."""
        storage_id, username, version = user
        permissions = self._permissions.of_version(session, permissions_version)
        with self._lock:
            known = self._cache.get((storage_id, version))
        if known is not None:
            return replace(known, permissions=permissions)
        identity = load_identity(session, storage_id, username, permissions)
        with self._lock:
            self._cache[storage_id, version] = identity
        return identity

    def close(self) -> None:
        pass
