"""What the user who started an execution may do, as of now."""

from cfy_cli.errors import Forbidden
from cfy_cli.manager.services.executing.work import Work
from cfy_cli.manager.services.identity.access import scope_for
from cfy_cli.manager.services.identity.credentials import identity_of
from cfy_cli.manager.store.scope import Scope


def scope_of_starter(work: Work, permission: str) -> Scope:
    """Raises Forbidden when they may not, or are no more."""
    execution = work.execution
    with work.reading() as store:
        identity = identity_of(store.session, execution.created_by)
    if identity is None:
        raise Forbidden(f"The user `{execution.created_by}`, who started the execution, is not there any more")
    return scope_for(identity, execution.tenant_name, permission, tenant_exists=True)
