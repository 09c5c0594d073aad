"""Repetition of a command that shows something, until it is interrupted."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from cfy_cli.shell.polling import retry_unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    from cfy_cli.shell.app import App

INTERVAL = 2.0  # seconds


def watch(app: App, show: Callable[[], object]) -> None:
    """Show again and again, on a terminal in place of what was shown before; wait for a manager that is restarting."""
    while True:
        if sys.stdout.isatty():
            click.clear()
        retry_unreachable(app, show)
        time.sleep(INTERVAL)
