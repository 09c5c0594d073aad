"""Options of commands that start an execution and follow it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from cfy_cli.shell import options

if TYPE_CHECKING:
    from collections.abc import Callable

    from cfy_cli.client.collection import Item
    from cfy_cli.shell.options import Decorator

DEFAULT_TIMEOUT = 900  # seconds


@dataclass(frozen=True, slots=True)
class EventSelection:
    """Say which events to show: of one node (its name, or the id of an instance), of one operation, since a time."""

    node_id: str | None = None
    operation: str | None = None
    since: str | None = None

    def selects(self, event: Item) -> bool:
        """Tell whether an event is shown."""
        return (
            self.node_id in (None, event.get("node_name"), event.get("node_instance_id"))
            and self.operation in (None, event.get("operation"))
            and (self.since is None or str(event.get("reported_timestamp") or "") >= self.since)
        )


@dataclass(frozen=True, slots=True)
class FollowOptions:
    """Say how long to wait for an execution, in seconds (None: until it ends), and what to show meanwhile.

    With `is_step`, the execution is a step of a command that prints something else as data. With `is_interruptible`,
    Ctrl-C ends the command without a question.
    """

    timeout: float | None = DEFAULT_TIMEOUT
    include_logs: bool = True
    json_output: bool = False
    with_worker_names: bool = False
    compact: bool | None = None  # None: as the configuration file says, or else on a terminal
    show_events: bool = True
    no_wait: bool = False
    is_step: bool = False
    is_interruptible: bool = False
    selection: EventSelection = EventSelection()

    @property
    def as_options(self) -> dict[str, Any]:
        """Return the values of the options, for a command that invokes another one."""
        return {name: getattr(self, name) for name in _FIELDS}


_FIELDS = ("timeout", "no_wait", "include_logs", "json_output", "with_worker_names", "compact")


def with_follow_options(*worker_names: str) -> Decorator:
    """Add the options; the command gets them as `follow`. `worker_names` are short flags of --with-worker-names."""
    add_options = options.combine(
        click.option(
            "--timeout", type=click.IntRange(0), default=DEFAULT_TIMEOUT, show_default=True,
            help="Stop waiting after this many seconds; the execution continues.",
        ),
        click.option("--no-wait", is_flag=True, help="Do not wait until the execution ends."),
        options.with_logs(),
        options.event_format(),
        options.compact_events(),
        options.worker_names(*worker_names),
    )  # fmt: skip

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def with_follow(*args: Any, **values: Any) -> None:
            follow = FollowOptions(**{name: values.pop(name) for name in _FIELDS})
            command(*args, follow=follow, **values)

        return add_options(with_follow)

    return decorate
