"""Retrying while the database or the storage is unavailable, such as when the disk is full or a server restarts."""

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from cfy_cli.errors import CfyError

log = logging.getLogger(__name__)
T = TypeVar("T")
RETRY_INTERVAL = 0.5  # seconds


def is_transient(error: Exception) -> bool:
    """Return whether the same action may succeed later."""
    return isinstance(error, CfyError) and error.status >= 500


def retry_until_available(stopping: threading.Event, action: Callable[[], T]) -> T:
    """Repeat the action while it fails with transient errors, and return its result.

    Raises other errors at once, and any error once `stopping` is set.
    """
    logged = ""
    while True:
        try:
            return action()
        except CfyError as error:
            if not is_transient(error) or stopping.is_set():
                raise
            if str(error) != logged:
                logged = str(error)
                log.warning("%s; executions wait until that is over", logged)
        stopping.wait(RETRY_INTERVAL)
