"""Polling of the manager, and retries while it is unreachable."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from cfy_cli.errors import Busy, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    from cfy_cli.shell.app import App

MIN_POLL_INTERVAL = 0.1  # seconds
MAX_POLL_INTERVAL = 1.0  # seconds
POLL_INTERVAL_GROWTH = 1.5  # factor
UNREACHABLE_TIMEOUT = 60  # seconds; the manager may be restarting

T = TypeVar("T")


def poll_until(
    app: App,
    request: Callable[[], T],
    is_done: Callable[[T], bool],
    *,
    timeout: float | None,
    interval: float | None = None,
) -> tuple[T, bool]:
    """Repeat the request until its answer is done; return the last answer, and whether it was done in time.

    The interval grows up to MAX_POLL_INTERVAL. `timeout` is in seconds; None waits without limit.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    interval = MIN_POLL_INTERVAL if interval is None else interval
    while True:
        answer = retry_unreachable(app, request)
        if is_done(answer):
            return answer, True
        if deadline is not None and time.monotonic() >= deadline:
            return answer, False
        time.sleep(interval)
        interval = min(interval * POLL_INTERVAL_GROWTH, MAX_POLL_INTERVAL)


def retry_unreachable(app: App, request: Callable[[], T]) -> T:
    """Repeat the request while the manager is unreachable or busy, for at most UNREACHABLE_TIMEOUT."""
    deadline = time.monotonic() + UNREACHABLE_TIMEOUT
    is_noted = False
    while True:
        try:
            return request()
        except (Unreachable, Busy) as error:
            if time.monotonic() >= deadline:
                raise
            if not is_noted:
                app.note(f"{error.message}; retrying")
                is_noted = True
            time.sleep(MAX_POLL_INTERVAL)
