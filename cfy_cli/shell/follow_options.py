"""How somebody wants to follow what a command starts, and the options that say so."""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps
from typing import Any

import click

from cfy_cli.shell import options
from cfy_cli.shell.options import Decorator, F


@dataclass(frozen=True, slots=True)
class FollowOptions:
    """For how many seconds to wait (None: to the end), and what to show meanwhile."""

    timeout: float | None = 900
    include_logs: bool = True
    json_output: bool = False
    with_worker_names: bool = False
    show_events: bool = True
    no_wait: bool = False


def with_follow_options(*worker_names: str) -> Decorator:
    """The options; the command gets them as one `follow`. Given are short flags for --with-worker-names."""
    waiting = options.together(
        click.option(
            "--timeout", type=click.IntRange(0), default=900, show_default=True,
            help="Stop waiting after this many seconds; the execution goes on.",
        ),
        click.option("--no-wait", is_flag=True, help="Do not wait for the end of the execution."),
        options.with_logs(),
        options.event_format(),
        options.worker_names(*worker_names),
    )  # fmt: skip

    def decorate(command: F) -> F:
        @wraps(command)
        def watched(*args: Any, **given: Any) -> Any:
            how = {name: given.pop(name) for name in _TYPED}
            return command(*args, follow=FollowOptions(**how), **given)

        return waiting(watched)  # type: ignore[return-value]

    return decorate


_TYPED = ("timeout", "no_wait", "include_logs", "json_output", "with_worker_names")
