"""What the user who started an execution may do, as of now."""

from cfy_cli.errors import Forbidden
from cfy_cli.manager.services.identity.access import scope_for
from cfy_cli.manager.services.identity.credentials import identity_of
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext
from cfy_cli.manager.store.scope import Scope


def scope_of_starter(context: ExecutionContext, permission: str) -> Scope:
    """Raises Forbidden when they may not, or are no more."""
    execution = context.execution
    with context.reading() as store:
        identity = identity_of(store.unscoped, execution.created_by)
    if identity is None:
        raise Forbidden(f"The user `{execution.created_by}`, who started the execution, is not there any more")
    return scope_for(identity, execution.tenant_name, permission, tenant_exists=True)
