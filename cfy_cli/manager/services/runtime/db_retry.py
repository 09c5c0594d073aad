"""Waiting for a database that cannot now: a full disk, a server that is started again."""

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from cfy_cli.errors import CfyError

log = logging.getLogger(__name__)
T = TypeVar("T")
AGAIN_AFTER = 0.5  # seconds


def is_transient(error: Exception) -> bool:
    """Not refused for good: it may be done later."""
    return isinstance(error, CfyError) and error.status >= 500


def retry_until_available(stopping: threading.Event, action: Callable[[], T]) -> T:
    """Do it again until it works. What is refused for good is raised at once; anything is, when we must end."""
    told = ""
    while True:
        try:
            return action()
        except CfyError as error:
            if not is_transient(error) or stopping.is_set():
                raise
            if str(error) != told:
                told = str(error)
                log.warning("%s; what runs waits for it", told)
        stopping.wait(AGAIN_AFTER)
