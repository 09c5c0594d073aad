"""The user whom an execution acts for: who started it, or resumed it last."""

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from cfy_cli.errors import Forbidden
from cfy_cli.manager.services.identity.access import scope_for
from cfy_cli.manager.services.identity.credentials import Identity
from cfy_cli.manager.store.models import Execution, Membership, Tenant, User
from cfy_cli.manager.store.scope import Scope
from cfy_cli.manager.store.store import Store

# Columns, in one query: executions look their user up again for each read of what belongs to others.
_USER = (
    select(User.username, User.active, User.role, Tenant.name, Membership.role)
    .outerjoin(Membership, Membership.user_storage_id == User.storage_id)
    .outerjoin(Tenant, Tenant.storage_id == Membership.tenant_storage_id)
    .where(User.storage_id == bindparam("storage_id"))
)
_STORAGE_ID = select(User.storage_id).where(User.username == bindparam("username"))
HINT = "Give the user the right back, or let a user who has it resume the execution or repeat the request"


def set_user(store: Store, execution: Execution) -> None:
    """Let an execution act for the user of the store from now on."""
    execution.acts_for = store.scope.user
    # The storage id tells the user from a later one of the same name. Users are in no tenant.
    execution.acts_for_storage_id = store.unscoped.scalar(_STORAGE_ID, {"username": store.scope.user})


def find_scope(session: Session, execution: Execution, permission: str) -> Scope:
    """Return the present scope of the user whom an execution acts for. Raises Forbidden, naming the user."""
    identity = _find_identity(session, execution)
    if identity.role != "sys_admin" and execution.tenant_name not in identity.tenants:
        raise _forbidden(identity.username, f"is no member of tenant `{execution.tenant_name}`")
    return scope_for(identity, execution.tenant_name, permission, tenant_exists=True)


def _find_identity(session: Session, execution: Execution) -> Identity:
    rows = session.execute(_USER, {"storage_id": execution.acts_for_storage_id or 0}).all()
    if not rows:
        raise _forbidden(execution.acts_for or execution.created_by, "was deleted")
    username, active, role = rows[0][:3]
    if not active:
        raise _forbidden(username, "was deactivated")
    return Identity(username, role, {tenant: its_role for *_, tenant, its_role in rows if tenant is not None})


def _forbidden(username: str, reason: str) -> Forbidden:
    return Forbidden(f"User `{username}`, who started or resumed the execution, {reason}", hint=HINT)
