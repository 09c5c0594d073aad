"""Permissions of roles in the store: reading and changing them."""

import secrets
import threading

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.selectable import ScalarSelect

from cfy_cli.errors import Conflict, Forbidden, NotFound
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity.permissions import ROLES, ROLES_WITH, RolePermissions
from cfy_cli.manager.store.models import Permission, PermissionsVersion, RolePermission
from cfy_cli.manager.store.query import Condition
from cfy_cli.manager.store.store import Store

ADMINISTRATION = "administrators"  # the permission to change permissions
VERSION: ScalarSelect[str] = select(PermissionsVersion.version).scalar_subquery()


class Permissions:
    """The permissions of all roles, which a process remembers until their version changes."""

    def __init__(self, _app: AppContext) -> None:
        self._lock = threading.Lock()
        self._latest = RolePermissions("", {})

    def load(self, session: Session) -> RolePermissions:
        """Return the permissions as the transaction sees them."""
        # The version comes first: what changes in between is found out with the next one.
        return self.of_version(session, session.scalar(select(VERSION)) or "")

    def of_version(self, session: Session, version: str) -> RolePermissions:
        """Return the permissions of a version that the transaction has just read."""
        with self._lock:
            if self._latest.version != version:
                by_role: dict[str, set[str]] = {role: set() for role in ROLES}
                for role, permission in session.execute(select(RolePermission.role, RolePermission.permission)):
                    by_role.setdefault(role, set()).add(permission)
                frozen = {role: frozenset(permissions) for role, permissions in by_role.items()}
                self._latest = RolePermissions(version, frozen)
            return self._latest

    def close(self) -> None:
        pass


def add_new(session: Session) -> None:
    """Store the permissions that this version of the manager has brought along, with the roles that have them.

    What was stored before stays as it is, whoever has changed it.
    """
    known = set(session.scalars(select(Permission.name)))
    new = sorted(ROLES_WITH.keys() - known)
    if session.scalar(select(VERSION)) is None:
        session.add(PermissionsVersion(version=""))
        session.flush()
    if new:
        connection = session.connection()  # the audit log need not tell what each manager begins with
        connection.execute(insert(Permission), [{"name": name} for name in new])
        pairs = [{"role": role, "permission": name} for name in new for role in ROLES if role in ROLES_WITH[name]]
        connection.execute(insert(RolePermission), pairs)
        _renew_version(session)


def check_role(role: str) -> str:
    """Return the name of a role. Raises NotFound."""
    if role not in ROLES:
        raise NotFound(
            f"Requested `Role` with name `{role}` was not found", hint=f"Give one of the roles {', '.join(ROLES)}."
        )
    return role


def is_of_role(role: str) -> Condition:
    """Match the permissions of a role. Raises NotFound."""
    return RolePermission.role == check_role(role)


def allow(store: Store, role: str, permission: str) -> RolePermission:
    """Give a permission to a role. Raises NotFound for an unknown one, Conflict when the role has it, and Forbidden."""
    _check_change(store, role, permission)
    _renew_version(store.unscoped)  # permissions are in no tenant; one change waits for another here
    if _find(store, role, permission) is not None:
        raise Conflict(f"Role `{role}` has the permission `{permission}` already")
    return store.add(RolePermission(role=role, permission=permission))


def disallow(store: Store, role: str, permission: str) -> None:
    """Take a permission from a role. Raises NotFound for one that it does not have, Conflict for one that it needs."""
    _check_change(store, role, permission)
    if (role, permission) == ("sys_admin", ADMINISTRATION):
        raise Conflict(
            f"Role `{role}` must keep the permission `{permission}`: without it nobody could change permissions"
        )
    _renew_version(store.unscoped)  # permissions are in no tenant; one change waits for another here
    found = _find(store, role, permission)
    if found is None:
        raise NotFound(
            f"Role `{role}` does not have the permission `{permission}`",
            hint=f"List the permissions it has: cfy permissions list --role {role}",
        )
    store.delete(found)


def _check_change(store: Store, role: str, permission: str) -> None:
    if not store.scope.administrator:  # the manager of a tenant is one of its own tenant only
        raise Forbidden(
            f"User `{store.scope.user}` may not change the permissions of roles: they count in all tenants",
            hint="Ask a system administrator.",
        )
    check_role(role)
    # permissions are in no tenant
    if store.unscoped.scalar(select(Permission.storage_id).where(Permission.name == permission)) is None:
        raise NotFound(
            f"Requested `Permission` with name `{permission}` was not found",
            hint="List the permissions there are: cfy permissions list",
        )


def _find(store: Store, role: str, permission: str) -> RolePermission | None:
    is_pair = (RolePermission.role == role) & (RolePermission.permission == permission)
    return store.unscoped.scalar(select(RolePermission).where(is_pair))  # permissions are in no tenant


def _renew_version(session: Session) -> None:
    session.execute(update(PermissionsVersion).values(version=secrets.token_hex(8)))
