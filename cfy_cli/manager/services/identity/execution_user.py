"""The user whom an execution acts for: who started it, or resumed it last."""

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from cfy_cli.errors import Forbidden
from cfy_cli.manager.services.identity.access import scope_for
from cfy_cli.manager.services.identity.identities import Identity, load_identity
from cfy_cli.manager.services.identity.role_permissions import VERSION, Permissions
from cfy_cli.manager.store.models import Execution, User
from cfy_cli.manager.store.scope import Scope
from cfy_cli.manager.store.store import Store

_USER = select(User.username, User.active, VERSION).where(User.storage_id == bindparam("storage_id"))
_STORAGE_ID = select(User.storage_id).where(User.username == bindparam("username"))
HINT = "Give the user the right back, or let a user who has it resume the execution or repeat the request"


def set_user(store: Store, execution: Execution) -> None:
    """Let an execution act for the user of the store from now on."""
    execution.acts_for = store.scope.user
    # The storage id tells the user from a later one of the same name. Users are in no tenant.
    execution.acts_for_storage_id = store.unscoped.scalar(_STORAGE_ID, {"username": store.scope.user})


def find_scope(session: Session, permissions: Permissions, execution: Execution, permission: str) -> Scope:
    """Return the present scope of the user whom an execution acts for. Raises Forbidden, naming the user."""
    identity = _find_identity(session, permissions, execution)
    if not identity.is_administrator and execution.tenant_name not in identity.tenants:
        raise _forbidden(identity.username, f"is no member of tenant `{execution.tenant_name}`")
    return scope_for(identity, execution.tenant_name, permission, tenant_exists=True)


def _find_identity(session: Session, permissions: Permissions, execution: Execution) -> Identity:
    storage_id = execution.acts_for_storage_id or 0
    row = session.execute(_USER, {"storage_id": storage_id}).one_or_none()
    if row is None:
        raise _forbidden(execution.acts_for or execution.created_by, "was deleted")
    username, active, version = row
    if not active:
        raise _forbidden(username, "was deactivated")
    return load_identity(session, storage_id, username, permissions.of_version(session, version))


def _forbidden(username: str, reason: str) -> Forbidden:
    return Forbidden(f"User `{username}`, who started or resumed the execution, {reason}", hint=HINT)
