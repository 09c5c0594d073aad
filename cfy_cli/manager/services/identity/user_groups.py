"""User groups: their members, and their roles on the manager and in tenants."""

from collections.abc import Collection
from typing import TypedDict

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from cfy_cli.contract.resources import USER_GROUPS
from cfy_cli.errors import Conflict, Invalid, NotFound
from cfy_cli.manager.services.identity import users
from cfy_cli.manager.services.identity.users import check_system_role, check_tenant_role, get_tenant
from cfy_cli.manager.services.names import check_name
from cfy_cli.manager.store.advisory_locks import LockKey, acquire_lock
from cfy_cli.manager.store.models import GroupMember, GroupRole, Tenant, User, UserGroup
from cfy_cli.manager.store.store import Store

RESERVED = "users"  # would be the path of the members of all groups
MAX_DN_LENGTH = 512  # characters
WITH_MEMBERS = (
    selectinload(UserGroup.members).joinedload(GroupMember.user),
    selectinload(UserGroup.tenant_roles).joinedload(GroupRole.tenant),
)


class GroupAnswer(TypedDict, total=False):
    """A user group as the API answers it: counts, or with `_get_data` names and roles."""

    id: int
    name: str
    ldap_dn: str | None
    tenants: int | dict[str, str]
    users: int | list[str]
    role: str


def create(store: Store, name: str, ldap_dn: str | None, role: str) -> UserGroup:
    """Create a group with a system role. Raises Invalid, and Conflict for a name or LDAP group that is taken."""
    if check_name(USER_GROUPS, name) == RESERVED:
        raise Invalid(f"A user group cannot be named `{RESERVED}`: this is a path of the API")
    if ldap_dn:
        _check_dn(store, ldap_dn)
    return store.add(UserGroup(name=name, ldap_dn=ldap_dn or None, role=check_system_role(role)))


def get(store: Store, name: str) -> UserGroup:
    group = store.find(UserGroup, name)
    if group is None:
        raise NotFound(
            f"Requested `User Group` with name `{name}` was not found",
            hint="List the groups there are: cfy user-groups list",
        )
    return group


def set_role(store: Store, name: str, role: str) -> UserGroup:
    """Change the system role of all members of a group."""
    group = _get_locked(store, name)
    group.role = check_system_role(role)
    store.flush()
    return group


def delete(store: Store, name: str) -> None:
    """Delete a group; its members lose the roles that they had through it."""
    store.delete(_get_locked(store, name))


def add_user(store: Store, username: str, name: str) -> UserGroup:
    """Make a user a member of a group. Raises NotFound, and Conflict for a member."""
    group, user = _get_locked(store, name), users.get(store, username)
    if _find_member(group, username) is not None:
        raise Conflict(f"User `{username}` already belongs to user group `{name}`")
    group.members.append(GroupMember(user=user))
    store.flush()
    return group


def remove_user(store: Store, username: str, name: str) -> None:
    """End the membership of a user. Raises NotFound."""
    group = _get_locked(store, name)
    users.get(store, username)
    member = _find_member(group, username)
    if member is None:
        raise NotFound(f"User `{username}` does not belong to user group `{name}`")
    group.members.remove(member)
    store.flush()


def set_groups_by_dn(session: Session, user: User, dns: Collection[str]) -> None:
    """Make a user a member of the groups of these LDAP names, and of no other group that has an LDAP name."""
    present = {member.group.ldap_dn: member for member in user.group_members if member.group.ldap_dn}
    if present.keys() == set(session.scalars(select(UserGroup.ldap_dn).where(UserGroup.ldap_dn.in_(dns)))):
        return
    acquire_lock(session, LockKey.GROUPS)
    for dn, member in present.items():
        if dn not in dns:
            user.group_members.remove(member)
    for group in session.scalars(select(UserGroup).where(UserGroup.ldap_dn.in_(dns)).order_by(UserGroup.storage_id)):
        if group.ldap_dn not in present:
            user.group_members.append(GroupMember(group=group))
    session.flush()


def add_to_tenant(store: Store, name: str, tenant_name: str, role: str) -> Tenant:
    """Give all members of a group a role in a tenant. Raises NotFound, and Conflict for a group that has one there."""
    group, tenant = _get_locked(store, name), get_tenant(store, tenant_name)
    if _find_role(group, tenant) is not None:
        raise Conflict(f"User group `{name}` already belongs to tenant `{tenant_name}`")
    tenant.group_roles.append(GroupRole(group=group, role=check_tenant_role(role)))
    store.flush()
    return tenant


def change_role(store: Store, name: str, tenant_name: str, role: str) -> Tenant:
    """Change the role of a group in a tenant. Raises NotFound."""
    group, tenant = _get_locked(store, name), get_tenant(store, tenant_name)
    _get_role(group, tenant).role = check_tenant_role(role)
    store.flush()
    return tenant


def remove_from_tenant(store: Store, name: str, tenant_name: str) -> None:
    """Take the role in a tenant from a group. Raises NotFound."""
    group, tenant = _get_locked(store, name), get_tenant(store, tenant_name)
    tenant.group_roles.remove(_get_role(group, tenant))
    store.flush()


def describe(group: UserGroup, *, with_details: bool) -> GroupAnswer:
    """Return a group as the API answers it."""
    return {
        "id": group.storage_id,
        "name": group.name,
        "ldap_dn": group.ldap_dn,
        "tenants": {each.tenant.name: each.role for each in group.tenant_roles} if with_details else group.tenants,
        "users": sorted(member.user.username for member in group.members) if with_details else group.users,
        "role": group.role,
    }


def _get_locked(store: Store, name: str) -> UserGroup:
    """Return a group to change it. Raises NotFound.

    One transaction changes groups at a time, so that it knows all users whose rights it changes.
    """
    store.acquire_lock(LockKey.GROUPS)
    return get(store, name)


def _check_dn(store: Store, ldap_dn: str) -> None:
    if len(ldap_dn) > MAX_DN_LENGTH:
        raise Invalid(f"The LDAP name of a user group has at most {MAX_DN_LENGTH} characters; this has {len(ldap_dn)}")
    if not ldap_dn.isprintable() or not ldap_dn.strip():
        raise Invalid(f"{ldap_dn!r} cannot be the LDAP name of a user group: give printable characters")
    # user groups are in no tenant
    other = store.unscoped.scalar(select(UserGroup.name).where(UserGroup.ldap_dn == ldap_dn))
    if other is not None:
        raise Conflict(f"User group `{other}` has the LDAP name `{ldap_dn}` already")


def _find_member(group: UserGroup, username: str) -> GroupMember | None:
    return next((member for member in group.members if member.user.username == username), None)


def _find_role(group: UserGroup, tenant: Tenant) -> GroupRole | None:
    return next((role for role in group.tenant_roles if role.tenant is tenant), None)


def _get_role(group: UserGroup, tenant: Tenant) -> GroupRole:
    role = _find_role(group, tenant)
    if role is None:
        raise NotFound(f"User group `{group.name}` does not belong to tenant `{tenant.name}`")
    return role
