"""Requests to cancel the workflow, and the exception with which a workflow ends early."""

import time

from ..rpc import Connection

EXECUTION_CANCELLED_RESULT = "execution_cancelled"
POLL_INTERVAL = 0.2  # seconds


class ExecutionCancelled(Exception):
    """Raised by a workflow that ends because it was cancelled."""


class _CancelRequest:
    """The current request of users, read again after POLL_INTERVAL."""

    def __init__(self) -> None:
        self._connection = Connection()
        self._read_at = 0.0
        self._request = "none"

    def read(self) -> str:
        if time.monotonic() >= self._read_at + POLL_INTERVAL:
            self._read_at = time.monotonic()
            self._request = self._connection.call("cancel_request")
        return self._request


_cancel_request = _CancelRequest()


def has_cancel_request() -> bool:
    return _cancel_request.read() != "none"


def has_kill_request() -> bool:
    return _cancel_request.read() == "kill"
