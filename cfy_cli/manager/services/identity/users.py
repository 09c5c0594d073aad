"""Users and their memberships in tenants."""

from collections.abc import Iterable
from typing import TypedDict

from sqlalchemy import delete as sql_delete
from sqlalchemy import update as sql_update
from sqlalchemy.orm import selectinload

from cfy_cli.errors import Conflict, Invalid, NotFound
from cfy_cli.manager.services.identity import failed_logins, passwords
from cfy_cli.manager.services.identity.permissions import SYSTEM_ROLES, TENANT_ROLES
from cfy_cli.manager.store.models import (
    Execution,
    ExecutionSchedule,
    GroupMember,
    GroupRole,
    Membership,
    Tenant,
    Token,
    User,
    UserGroup,
)
from cfy_cli.manager.store.store import Store

ADMIN = "admin"
_GROUPS = selectinload(User.group_members).joinedload(GroupMember.group)
WITH_MEMBERSHIPS = (
    selectinload(User.memberships).joinedload(Membership.tenant),
    _GROUPS.selectinload(UserGroup.tenant_roles).joinedload(GroupRole.tenant),
)


def create(store: Store, username: str, password: str, role: str) -> User:
    """Create a user with a system role. Raises Invalid for a name, password or role that is not allowed."""
    hashed = passwords.hash_password(password)
    return store.add(User(username=_check_username(username), password=hashed, role=check_system_role(role)))


def get(store: Store, username: str) -> User:
    user = store.find(User, username)
    if user is None:
        raise NotFound(f"Requested `User` with username `{username}` was not found")
    return user


def delete(store: Store, username: str) -> User:
    """Delete a user. Raises Conflict for the first administrator and for the user who makes the request."""
    user = get(store, username)
    if username in (store.scope.user, ADMIN):
        reason = "it is the first administrator" if username == ADMIN else "you cannot delete yourself"
        raise Conflict(f"User `{username}` cannot be deleted: {reason}")
    for model in (Execution, ExecutionSchedule):  # a later user may get the storage id again
        statement = sql_update(model).where(model.acts_for_storage_id == user.storage_id)
        store.unscoped.execute(statement.values(acts_for_storage_id=None))  # of all tenants
    store.delete(user)
    return user


def update(
    store: Store,
    username: str,
    *,
    password: str | None = None,
    role: str | None = None,
    show_getting_started: bool | None = None,
) -> User:
    """Change what is not None. Raises Conflict when the first administrator would lose the role.

    A new password ends the user's tokens, except those of executions.
    """
    user = get(store, username)
    if password is not None and not passwords.matches(user.password, password):
        user.password = passwords.hash_password(password)
        is_of_user = Token.user_storage_id == user.storage_id
        is_of_execution = Token.execution_id.is_not(None)
        store.unscoped.execute(sql_delete(Token).where(is_of_user, ~is_of_execution))  # tokens are in no tenant
    if role is not None:
        if username == ADMIN and role != "sys_admin":
            raise Conflict("User `admin` must remain a system administrator, because there may be no other")
        user.role = check_system_role(role)
    if show_getting_started is not None:
        user.show_getting_started = show_getting_started
    return user


def set_active(store: Store, username: str, active: bool) -> User:
    """Activate or deactivate a user. Raises Conflict when there is nothing to change, or nobody could log in."""
    user = get(store, username)
    if not active and username in (ADMIN, store.scope.user):
        raise Conflict(f"User `{username}` cannot be deactivated")
    if user.active == active:
        raise Conflict(f"User `{username}` is already {'active' if active else 'inactive'}")
    user.active = active
    return user


def unlock(store: Store, username: str) -> User:
    """Let a user log in again whose account is locked after failed logins."""
    user = get(store, username)
    user.failed_logins, user.locked_until = 0, None
    failed_logins.unlock(store.unscoped, username)  # users are in no tenant
    store.record_update(user)
    return user


def add_to_tenant(store: Store, username: str, tenant_name: str, role: str) -> Tenant:
    """Make a user a member of a tenant. Raises Conflict for a member."""
    user, tenant = get(store, username), get_tenant(store, tenant_name)
    if _find_membership(user, tenant) is not None:
        raise Conflict(f"User `{username}` already belongs to tenant `{tenant_name}`")
    tenant.members.append(Membership(user=user, role=check_tenant_role(role)))
    store.flush()
    return tenant


def change_role(store: Store, username: str, tenant_name: str, role: str) -> Tenant:
    user, tenant = get(store, username), get_tenant(store, tenant_name)
    _get_membership(user, tenant).role = check_tenant_role(role)
    return tenant


def remove_from_tenant(store: Store, username: str, tenant_name: str) -> Tenant:
    user, tenant = get(store, username), get_tenant(store, tenant_name)
    tenant.members.remove(_get_membership(user, tenant))
    store.flush()
    return tenant


def get_tenant(store: Store, name: str) -> Tenant:
    tenant = store.find(Tenant, name)
    if tenant is None:
        raise tenant_not_found(name)
    return tenant


def tenant_not_found(name: str) -> NotFound:
    return NotFound(f"Requested `Tenant` with name `{name}` was not found")


def check_system_role(role: str) -> str:
    return _check_role(role, SYSTEM_ROLES, "system role")


def check_tenant_role(role: str) -> str:
    return _check_role(role, TENANT_ROLES, "tenant role")


class TenantRoles(TypedDict):
    """Roles of a user by tenant; those through groups with the groups by role."""

    direct: dict[str, str]
    groups: dict[str, dict[str, list[str]]]


RoleInTenant = TypedDict("RoleInTenant", {"tenant-role": str | None, "roles": list[str]})  # the direct one, and all


class UserAnswer(TypedDict, total=False):
    """A user as the API answers it: counts, or with `_get_data` names and roles."""

    username: str
    tenants: int | dict[str, RoleInTenant]
    tenant_roles: TenantRoles | None
    groups: int | list[str]
    role: str
    group_system_roles: dict[str, list[str]]
    active: bool
    created_at: str
    first_login_at: str | None
    last_login_at: str | None
    is_locked: bool
    show_getting_started: bool
    password_hash: None


def describe(user: User, *, with_details: bool) -> UserAnswer:
    """Return a user as the API answers it."""
    groups = sorted((member.group for member in user.group_members), key=lambda group: group.name)
    group_system_roles: dict[str, list[str]] = {}
    for group in groups:
        group_system_roles.setdefault(group.role, []).append(group.name)
    roles = _roles_by_tenant(user, groups)
    return {
        "username": user.username,
        "tenants": _summarize(roles) if with_details else user.tenants,
        "tenant_roles": roles if with_details else None,
        "groups": [group.name for group in groups] if with_details else len(groups),
        "role": user.role,
        "group_system_roles": group_system_roles,
        "active": user.active,
        "created_at": user.created_at,
        "first_login_at": user.first_login_at,
        "last_login_at": user.last_login_at,
        "is_locked": user.is_locked,
        "show_getting_started": user.show_getting_started,
        "password_hash": None,
    }


def role_in_tenant(direct: str | None, through_groups: Iterable[str]) -> RoleInTenant:
    """Return the roles of a user in a tenant as the API answers them: each once."""
    return {"tenant-role": direct, "roles": list(dict.fromkeys([*([direct] if direct else []), *through_groups]))}


def _roles_by_tenant(user: User, groups: Iterable[UserGroup]) -> TenantRoles:
    through_groups: dict[str, dict[str, list[str]]] = {}
    for group in groups:
        for each in group.tenant_roles:
            through_groups.setdefault(each.tenant.name, {}).setdefault(each.role, []).append(group.name)
    return {"direct": {each.tenant.name: each.role for each in user.memberships}, "groups": through_groups}


def _summarize(roles: TenantRoles) -> dict[str, RoleInTenant]:
    direct, groups = roles["direct"], roles["groups"]
    return {name: role_in_tenant(direct.get(name), groups.get(name, ())) for name in sorted({*direct, *groups})}


def _check_username(username: str) -> str:
    if ":" in username or not username.isprintable() or not username.strip():
        raise Invalid(f"`{username}` cannot be a user name: give printable characters without `:`")
    return username


def _find_membership(user: User, tenant: Tenant) -> Membership | None:
    return next((membership for membership in user.memberships if membership.tenant is tenant), None)


def _get_membership(user: User, tenant: Tenant) -> Membership:
    membership = _find_membership(user, tenant)
    if membership is None:
        raise NotFound(f"User `{user.username}` does not belong to tenant `{tenant.name}`")
    return membership


def _check_role(role: str, roles: tuple[str, ...], kind: str) -> str:
    if role not in roles:
        raise Invalid(f"`{role}` is not a {kind}: give one of {', '.join(roles)}")
    return role
