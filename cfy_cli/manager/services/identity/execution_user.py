"""The user whom an execution acts for: who started or resumed it; and the one whom those of a schedule act for."""

from typing import Protocol

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from cfy_cli.errors import Forbidden
from cfy_cli.manager.services.identity.access import scope_for
from cfy_cli.manager.services.identity.identities import Identities
from cfy_cli.manager.services.identity.role_permissions import VERSION
from cfy_cli.manager.store.compiled_query import CompiledQuery
from cfy_cli.manager.store.models import Execution, ExecutionSchedule, User
from cfy_cli.manager.store.scope import Scope
from cfy_cli.manager.store.store import Store

_USER = CompiledQuery(
    select(User.username, User.active, User.version, VERSION).where(User.storage_id == bindparam("storage_id"))
)
_STORAGE_ID = select(User.storage_id).where(User.username == bindparam("username"))
ACTION = "started or resumed the execution"
HINT = "Give the user the right back, or let a user who has it resume the execution or repeat the request"


class ActsForUser(Protocol):
    """A row that names the user with whose rights its work is done."""

    @property
    def tenant_name(self) -> str: ...
    @property
    def created_by(self) -> str: ...
    @property
    def acts_for(self) -> str | None: ...
    @property
    def acts_for_storage_id(self) -> int | None: ...


def set_user(store: Store, execution: Execution | ExecutionSchedule) -> None:
    """Let an execution, or those of a schedule, act for the user of the store from now on."""
    execution.acts_for = store.scope.user
    # The storage id tells the user from a later one of the same name.
    execution.acts_for_storage_id = store.scope.user_storage_id
    if execution.acts_for_storage_id is None:
        # users are in no tenant
        execution.acts_for_storage_id = store.unscoped.scalar(_STORAGE_ID, {"username": store.scope.user})


def find_scope(
    session: Session,
    identities: Identities,
    row: ActsForUser,
    permission: str,
    *,
    action: str = ACTION,
    hint: str = HINT,
) -> Scope:
    """Return the present scope of the user whom an execution acts for. Raises Forbidden, naming the user.

    `action` tells why it acts for that user, and `hint` what can be done when the user is not there any more.
    """

    def forbidden(username: str, reason: str) -> Forbidden:
        return Forbidden(f"User `{username}`, who {action}, {reason}", hint=hint)

    storage_id = row.acts_for_storage_id or 0
    found = _USER.fetch(session.connection(), {"storage_id": storage_id})
    if not found:
        raise forbidden(row.acts_for or row.created_by, "was deleted")
    [(username, active, version, permissions_version)] = found
    if not active:
        raise forbidden(username, "was deactivated")
    identity = identities.of_versions(session, (storage_id, username, version), permissions_version)
    if not identity.is_administrator and row.tenant_name not in identity.tenants:
        raise forbidden(username, f"is no member of tenant `{row.tenant_name}`")
    return scope_for(identity, row.tenant_name, permission, tenant_exists=True)
