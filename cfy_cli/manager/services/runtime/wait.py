"""Waiting, as a worker, for other executions; one of those may have our place among those at work meanwhile."""

import time
from collections.abc import Callable

from cfy_cli.manager.services.runtime.execution_context import ExecutionContext

FIRST_LOOK, LAST_LOOK = 0.05, 1.0  # seconds between two looks: ever longer


def wait_until(
    context: ExecutionContext, well: Callable[[], bool], *, goes_on: Callable[[], bool], seconds: float
) -> bool | None:
    """True once it is well, False when we are not to go on, None when the time is up."""
    deadline = time.monotonic() + seconds
    pause = FIRST_LOOK
    with context.resting():
        while not well():
            if not goes_on():
                return False
            if time.monotonic() > deadline:
                return None
            time.sleep(pause)
            pause = min(pause * 1.5, LAST_LOOK)
    return True
