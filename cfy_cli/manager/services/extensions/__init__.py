"""Operations of node types that the manager implements: components, shared resources, blueprints, passwords."""

import errno
import logging
from collections.abc import Callable
from typing import cast

from cfy_cli.contract.json import Json
from cfy_cli.errors import Busy, CfyError
from cfy_cli.manager.engine.context.operation_context import OperationContext
from cfy_cli.manager.engine.tasks import Abandoned, OperationFailed, non_recoverable
from cfy_cli.manager.services.extensions import blueprint, component, health, password_secret, shared_resource
from cfy_cli.manager.services.extensions.extension_context import ExtensionContext
from cfy_cli.manager.services.runtime.db_retry import retry_until_available
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext

log = logging.getLogger(__name__)
# Errors of the system that a retry may mend: no space, too many files, no memory, a disk that does not answer.
TRANSIENT = (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.EAGAIN)
OPERATIONS: dict[str, Callable[[ExtensionContext], object]] = {
    "component.upload_blueprint": blueprint.upload,
    "component.create": component.create,
    "component.execute_start": component.execute_start,
    "component.delete": component.delete,
    "component.check_status": health.check_status,
    "component.check_drift": health.check_drift,
    "component.heal": health.heal,
    "component.refresh": health.refresh,
    "component.update": health.update,
    "shared_resource.connect_deployment": shared_resource.connect,
    "shared_resource.disconnect_deployment": shared_resource.disconnect,
    "shared_resource.execute_workflow": shared_resource.execute_workflow,
    "shared_resource.check_status": health.check_stored_status,
    "shared_resource.check_drift": health.find_drift,
    "shared_resource.refresh": health.refresh,
    "blueprint.upload": blueprint.upload,
    "blueprint.delete": blueprint.delete,
    "password_secret.create": password_secret.create,
    "password_secret.delete": password_secret.delete,
    "password_secret.creation_validation": password_secret.creation_validation,
}


def run(context: ExecutionContext, ctx: OperationContext, name: str) -> Json:
    """Run the operation `cloudify_types.NAME` and return its result. Raises OperationFailed."""
    operation = OPERATIONS.get(name)
    if operation is None:
        raise non_recoverable(f"There is no operation cloudify_types.{name}.")

    def attempt() -> Json:
        try:
            return cast(Json, operation(ExtensionContext(context, ctx)))
        except CfyError as error:
            if isinstance(error, Busy) and not context.stopping.is_set():
                raise  # retried, which is safe as after a crash: the operation continues what it has started
            raise non_recoverable(f"{error.message}. {error.hint}." if error.hint else error.message) from error
        except (OperationFailed, Abandoned):
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno in TRANSIENT:
                raise
            log.exception("The operation cloudify_types.%s failed", name)
            reason = f"{type(error).__name__}: {error}"
            raise non_recoverable(
                f"The configuration of the node {ctx.operation.node_id} cannot be used: {reason}"
            ) from error

    return retry_until_available(context.stopping, attempt)
