"""Waiting for a condition."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from .constants import POLLING_INTERVAL

if TYPE_CHECKING:
    from cfy_cli.manager.engine.python.cloudify import ctx
    from cfy_cli.manager.engine.python.cloudify.exceptions import NonRecoverableError
    from cfy_cli.manager.engine.python.cloudify.models_states import BlueprintUploadState
    from cfy_cli.manager.engine.python.cloudify_rest_client.client import CloudifyClient
else:
    from cloudify import ctx
    from cloudify.exceptions import NonRecoverableError
    from cloudify.models_states import BlueprintUploadState

FOREVER = -1


def poll_with_timeout(
    pollster: Callable[[], object],
    timeout: float,
    interval: float = POLLING_INTERVAL,
    expected_result: object = True,
) -> bool:
    """Return whether a function has returned the result before the timeout; a timeout of -1 never ends."""
    deadline = time.monotonic() + timeout
    while pollster() != expected_result:
        if timeout != FOREVER and time.monotonic() + interval > deadline:
            ctx.logger.error("Waited %s seconds in vain", timeout)
            return False
        time.sleep(interval)
    return True


def verify_blueprint_uploaded(blueprint_id: str, client: "CloudifyClient") -> bool:
    """Return whether the upload has ended. Raises NonRecoverableError when it failed."""
    state = client.blueprints.get(blueprint_id)["state"]
    if state in BlueprintUploadState.FAILED_STATES:
        raise NonRecoverableError(f"The upload of the blueprint {blueprint_id} failed: {state}")
    return state in BlueprintUploadState.END_STATES


def wait_for_blueprint_to_upload(blueprint_id: str, client: "CloudifyClient", timeout_seconds: float = 30) -> bool:
    """Return True. Raises NonRecoverableError when the upload failed or takes too long."""
    if not poll_with_timeout(lambda: verify_blueprint_uploaded(blueprint_id, client), timeout_seconds):
        raise NonRecoverableError(f"The blueprint {blueprint_id} was not uploaded within {timeout_seconds} seconds")
    return True
