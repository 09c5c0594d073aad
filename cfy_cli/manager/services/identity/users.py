"""Users and where they belong."""

from typing import Any, TypedDict

from sqlalchemy import select

from cfy_cli.errors import Conflict, Invalid, NotFound
from cfy_cli.manager.services.identity import passwords
from cfy_cli.manager.services.identity.permissions import SYSTEM_ROLES, TENANT_ROLES
from cfy_cli.manager.store.models import Membership, Tenant, User
from cfy_cli.manager.store.store import Store

ADMIN = "admin"


def create(store: Store, username: str, password: str, role: str) -> User:
    return store.add(User(username=_name(username), password=passwords.hashed(password), role=system_role(role)))


def get(store: Store, username: str) -> User:
    found = store.find(User, username)
    if found is None:
        raise NotFound(f"Requested `User` with username `{username}` was not found")
    return found


def delete(store: Store, username: str) -> User:
    user = get(store, username)
    if username in (store.scope.user, ADMIN):
        raise Conflict(
            f"User `{username}` cannot be deleted: it is {'the first administrator' if username == ADMIN else 'you'}"
        )
    store.delete(user)
    return user


def update(store: Store, username: str, changes: dict[str, Any]) -> User:
    """`password`, `role`, `show_getting_started`: what is given is changed."""
    user = get(store, username)
    if changes.get("password") is not None:
        user.password = passwords.hashed(changes["password"])
    if changes.get("role") is not None:
        if username == ADMIN and changes["role"] != "sys_admin":
            raise Conflict("User `admin` stays a system administrator: nobody else may be left")
        user.role = system_role(changes["role"])
    if changes.get("show_getting_started") is not None:
        user.show_getting_started = changes["show_getting_started"]
    return user


def set_active(store: Store, username: str, active: bool) -> User:
    user = get(store, username)
    if not active and username in (ADMIN, store.scope.user):
        raise Conflict(f"User `{username}` cannot be deactivated")
    if user.active == active:
        raise Conflict(f"User `{username}` is already {'active' if active else 'inactive'}")
    user.active = active
    return user


def unlock(store: Store, username: str) -> User:
    user = get(store, username)
    user.failed_logins = 0
    return user


def join(store: Store, username: str, tenant_name: str, role: str) -> Tenant:
    user, tenant = get(store, username), tenant_of(store, tenant_name)
    if _membership(store, user, tenant) is not None:
        raise Conflict(f"User `{username}` already belongs to tenant `{tenant_name}`")
    tenant.members.append(Membership(user=user, role=tenant_role(role)))
    store.flush()
    return tenant


def change_role(store: Store, username: str, tenant_name: str, role: str) -> Tenant:
    user, tenant = get(store, username), tenant_of(store, tenant_name)
    _belonging(store, user, tenant).role = tenant_role(role)
    return tenant


def leave(store: Store, username: str, tenant_name: str) -> Tenant:
    user, tenant = get(store, username), tenant_of(store, tenant_name)
    tenant.members.remove(_belonging(store, user, tenant))
    store.flush()
    return tenant


def tenant_of(store: Store, name: str) -> Tenant:
    found = store.find(Tenant, name)
    if found is None:
        raise NotFound(f"Requested `Tenant` with name `{name}` was not found")
    return found


def system_role(role: str) -> str:
    return _one_of(role, SYSTEM_ROLES, "system role")


def tenant_role(role: str) -> str:
    return _one_of(role, TENANT_ROLES, "tenant role")


class TenantRoles(TypedDict):
    direct: dict[str, str]
    groups: dict[str, list[str]]


RoleInTenant = TypedDict("RoleInTenant", {"tenant-role": str, "roles": list[str]})


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
    roles = {membership.tenant.name: membership.role for membership in user.memberships}
    return {
        "username": user.username,
        "tenants": {name: {"tenant-role": role, "roles": [role]} for name, role in roles.items()}
        if with_details
        else len(roles),
        "tenant_roles": {"direct": roles, "groups": {}} if with_details else None,
        "groups": [] if with_details else 0,
        "role": user.role,
        "group_system_roles": {},
        "active": user.active,
        "created_at": user.created_at,
        "first_login_at": user.first_login_at,
        "last_login_at": user.last_login_at,
        "is_locked": user.is_locked,
        "show_getting_started": user.show_getting_started,
        "password_hash": None,
    }


def _name(username: str) -> str:
    if ":" in username or not username.isprintable() or not username.strip():
        raise Invalid(f"`{username}` cannot be a user name: it would not fit in a login (no `:`, no blanks alone)")
    return username


def _membership(store: Store, user: User, tenant: Tenant) -> Membership | None:
    return store.unscoped.scalar(select(Membership).where(Membership.user == user, Membership.tenant == tenant))


def _belonging(store: Store, user: User, tenant: Tenant) -> Membership:
    found = _membership(store, user, tenant)
    if found is None:
        raise NotFound(f"User `{user.username}` does not belong to tenant `{tenant.name}`")
    return found


def _one_of(role: str, roles: tuple[str, ...], what: str) -> str:
    if role not in roles:
        raise Invalid(f"`{role}` is not a {what}: there are {', '.join(roles)}")
    return role
