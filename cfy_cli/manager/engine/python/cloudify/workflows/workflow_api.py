"""Whether the workflow is to end early, and the way to say that it did."""

import time

from ..wire import Connection

EXECUTION_CANCELLED_RESULT = "execution_cancelled"
LOOK_EVERY = 0.2  # seconds


class ExecutionCancelled(Exception):
    """Raised by a workflow that ends because that was asked for."""


class _Steering:
    """What people outside want, asked again when some time has passed."""

    def __init__(self) -> None:
        self._connection = Connection()
        self._looked = 0.0
        self._wanted = "go on"

    def wanted(self) -> str:
        if time.monotonic() >= self._looked + LOOK_EVERY:
            self._looked = time.monotonic()
            self._wanted = self._connection.ask("steering")
        return self._wanted


_steering = _Steering()


def has_cancel_request() -> bool:
    return _steering.wanted() != "go on"


def has_kill_request() -> bool:
    return _steering.wanted() == "kill"
