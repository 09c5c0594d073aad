"""Permissions of the user who started an execution."""

from cfy_cli.errors import Forbidden
from cfy_cli.manager.services.identity.access import scope_for
from cfy_cli.manager.services.identity.credentials import load_identity
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext
from cfy_cli.manager.store.scope import Scope


def execution_user_scope(context: ExecutionContext, permission: str) -> Scope:
    """Return the present scope of the user who started the execution. Raises Forbidden."""
    execution = context.execution
    with context.reading() as store:
        identity = load_identity(store.unscoped, execution.created_by)  # users are in no tenant
    if identity is None:
        raise Forbidden(f"User `{execution.created_by}`, who started the execution, was deleted or deactivated")
    return scope_for(identity, execution.tenant_name, permission, tenant_exists=True)
