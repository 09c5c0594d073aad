"""The events of what is followed: each shown once, and what they say about what runs now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cfy_cli.output import formats
from cfy_cli.output.events import coloured, event_line, worth_showing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cfy_cli.client.client import Client
    from cfy_cli.client.collection import Item, Page
    from cfy_cli.shell.app import App
    from cfy_cli.shell.follow_options import FollowOptions

OVERLAP = 50  # events read again each time, since one may be stored before another that was reported earlier
LAST_EVENTS = frozenset({"workflow_succeeded", "workflow_failed", "workflow_cancelled"})
FIRST_EVENT = "workflow_started"  # also of one that is resumed
_BEGINS, _ENDS = "task_started", frozenset({"task_succeeded", "task_failed", "task_rescheduled"})


class EventStream:
    """The events of one execution or of a group of them, each given once. `whose` is a filter for the list."""

    def __init__(self, client: Client, whose: dict[str, Any], include_logs: bool) -> None:
        self._client = client
        self._query = {**whose, "include_logs": include_logs, "_sort": "reported_timestamp"}
        self._after: int | None = None  # the manager's mark, where it gives one
        self._seen: set[tuple[Any, str]] = set()
        self._running: dict[tuple[Any, Any], None] = {}
        self.complete = False

    @property
    def begun(self) -> bool:
        return bool(self._seen)

    @property
    def running(self) -> list[str]:
        """The operations that have begun and not ended, the latest first: `web_x1.create`."""
        return [".".join(filter(None, (node, str(name).rpartition(".")[2]))) for node, name in reversed(self._running)]

    def new(self) -> Iterator[Item]:
        for page in self._pages():
            self._after = self._after if page.after is None else page.after
            for event in page:
                key = (event.get("_storage_id"), str(event.get("type")))
                if key not in self._seen:
                    self._seen.add(key)
                    self._take_in(event)
                    yield event

    def _pages(self) -> Iterator[Page]:
        if self._after is not None:
            return self._client.events.since(self._after, **self._query)
        offset = max(0, len(self._seen) - OVERLAP)
        return self._client.events.pages(**self._query, _offset=offset or None)

    def _take_in(self, event: Item) -> None:
        kind = event.get("event_type")
        self.complete = kind in LAST_EVENTS or (self.complete and kind != FIRST_EVENT)
        if kind == FIRST_EVENT:
            self._running.clear()
        task = (event.get("node_instance_id") or event.get("source_id"), event.get("operation"))
        if kind == _BEGINS and task[1]:
            self._running[task] = None
        elif kind in _ENDS:
            self._running.pop(task, None)


def show_event(app: App, event: Item, follow: FollowOptions) -> bool:
    """Events are the answer of a plain command; where that is data, it is the execution, and they go to stderr.

    False for what is only for those who ask for more.
    """
    shown = follow.json_output or worth_showing(event, app.verbosity)
    if follow.json_output:
        formats.json_line(event, err=app.as_data)
    elif shown:
        line = coloured(event, event_line(event, worker_names=follow.with_worker_names))
        click.echo(line, err=app.as_data, color=app.colour)
    return shown
