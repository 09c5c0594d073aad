"""Waiting for other executions in a worker, which lends the slot of the execution to one of them meanwhile."""

import math
import time
from collections.abc import Callable

from cfy_cli.manager.services.runtime.execution_context import ExecutionContext

MIN_POLL_INTERVAL, MAX_POLL_INTERVAL = 0.05, 1.0  # seconds
POLL_BACKOFF = 1.5  # factor between one interval and the next


def wait_until(
    context: ExecutionContext,
    condition: Callable[[], bool],
    *,
    should_continue: Callable[[], bool],
    timeout: float = math.inf,
) -> bool:
    """Return True once the condition holds, or False as soon as the wait should not continue.

    Raises TimeoutError after `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    interval = MIN_POLL_INTERVAL
    with context.slot_released():
        while not condition():
            if not should_continue():
                return False
            if time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(interval)
            interval = min(interval * POLL_BACKOFF, MAX_POLL_INTERVAL)
    return True
