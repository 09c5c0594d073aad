"""Asking a manager until something is so: the one loop in which commands wait."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from cfy_cli.errors import Busy, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    from cfy_cli.shell.app import App

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0
PATIENCE = 60  # seconds without an answer before we give up; a manager may be restarted under us

T = TypeVar("T")


def poll(
    app: App, ask: Callable[[], T], done: Callable[[T], bool], *, seconds: float | None, pause: float | None = None
) -> tuple[T, bool]:
    """The last answer, and whether it was done; it is not when so many seconds have passed (None: never mind)."""
    deadline = None if seconds is None else time.monotonic() + seconds
    pause = FIRST_PAUSE if pause is None else pause
    while True:
        answer = retry_unreachable(app, ask)
        if done(answer):
            return answer, True
        if deadline is not None and time.monotonic() >= deadline:
            return answer, False
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)


def retry_unreachable(app: App, ask: Callable[[], T]) -> T:
    """The answer, also of a manager that is away for a while."""
    deadline = time.monotonic() + PATIENCE
    told = False
    while True:
        try:
            return ask()
        except (Unreachable, Busy) as error:
            if time.monotonic() >= deadline:
                raise
            if not told:
                app.note(f"{error.message}; still trying")
                told = True
            time.sleep(LONGEST_PAUSE)
