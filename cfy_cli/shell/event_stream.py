"""Stream of the events of a followed execution: each event once, and the operations that are running."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from cfy_cli.output import formats
from cfy_cli.output.compact_events import CompactEvents
from cfy_cli.output.events import colored, format_event, is_visible
from cfy_cli.output.projections import project_event

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cfy_cli.client.client import Client
    from cfy_cli.client.collection import Item, Page
    from cfy_cli.shell.app import App
    from cfy_cli.shell.follow_options import FollowOptions

# Events read again by every request without a cursor: one may be stored later than an event reported after it.
OVERLAP = 50
WORKFLOW_STARTED = "workflow_started"  # also of a resumed execution
WORKFLOW_ENDED = frozenset({"workflow_succeeded", "workflow_failed", "workflow_cancelled"})
TASK_STARTED = "task_started"
TASK_FAILED = frozenset({"task_failed", "task_rescheduled"})  # the next attempt may follow
TASK_ENDED = frozenset({"task_succeeded", "task_failed", "task_rescheduled"})


class EventStream:
    """The events of one execution or execution group; `query` selects them."""

    def __init__(self, client: Client, query: Mapping[str, object], include_logs: bool) -> None:
        self._client = client
        self._query: dict[str, Any] = {**query, "include_logs": include_logs, "_sort": "reported_timestamp"}
        self._cursor: int | None = None  # of the manager; public managers have none
        self._seen: set[tuple[object, str]] = set()
        self._running: dict[tuple[object, object], None] = {}  # node instance and operation, in order of their start
        self.is_complete = False  # the event of the workflow's end was read
        self.has_failures = False  # the event of a failed operation was read
        self.first_time: str | None = None  # of the first event

    @property
    def is_started(self) -> bool:
        return bool(self._seen)

    @property
    def running(self) -> list[str]:
        """The running operations, such as `web_x1.create`, the latest first."""
        return [
            ".".join(filter(None, (str(node or ""), str(name).rpartition(".")[2])))
            for node, name in reversed(self._running)
        ]

    def read_new(self) -> Iterator[Item]:
        """Yield the events that were not yielded before."""
        for page in self._pages():
            self._cursor = self._cursor if page.after is None else page.after
            for event in page:
                key = (event.get("_storage_id"), str(event.get("type")))
                if key not in self._seen:
                    self._seen.add(key)
                    self._track(event)
                    yield event

    def _pages(self) -> Iterator[Page]:
        if self._cursor is not None:
            return self._client.events.since(self._cursor, **self._query)
        offset = max(0, len(self._seen) - OVERLAP)
        return self._client.events.pages(**self._query, _offset=offset or None)

    def _track(self, event: Item) -> None:
        """Update the running operations and whether the workflow has ended."""
        kind = event.get("event_type")
        self.first_time = self.first_time or event.get("reported_timestamp")
        self.is_complete = kind in WORKFLOW_ENDED or (self.is_complete and kind != WORKFLOW_STARTED)
        if kind == WORKFLOW_STARTED:
            self._running.clear()
        task = (event.get("node_instance_id") or event.get("source_id"), event.get("operation"))
        if kind == TASK_STARTED and task[1]:
            self._running[task] = None
        elif kind in TASK_ENDED:
            self._running.pop(task, None)
            self.has_failures = self.has_failures or kind in TASK_FAILED


class EventPrinter:
    """Print events as `follow` says: in full, in short, or as lines of JSON.

    Events go to stdout, as text or as lines of JSON; with other formats stdout is for the execution, and events go to
    stderr.
    """

    def __init__(self, app: App, follow: FollowOptions) -> None:
        self._app, self._follow = app, follow
        self._is_answer = app.as_lines and not follow.is_step
        self._as_lines = follow.json_output or self._is_answer
        self._compact = None if self._as_lines or not _is_compact(app, follow) else CompactEvents()

    @property
    def is_compact(self) -> bool:
        return self._compact is not None

    def show(self, event: Item, since: str | None = None) -> bool:
        """Print an event, in short with the duration since a time; return False for one that is not shown."""
        app, follow = self._app, self._follow
        if self._as_lines:
            formats.json_line(project_event(event), err=app.as_data and not self._is_answer)
            return True
        if not is_visible(event, app.options.verbosity):
            return False
        if self._compact is None:
            self._echo(colored(event, format_event(event, worker_names=follow.with_worker_names)))
        elif line := self._compact.format(event, since):
            self._echo(line)
        return True

    def show_running(self) -> None:
        """Print, in short, which operations have not ended."""
        for line in self._compact.format_running() if self._compact else ():
            self._echo(line)

    def _echo(self, line: str) -> None:
        click.echo(line, err=self._app.as_data, color=self._app.options.color)


def _is_compact(app: App, follow: FollowOptions) -> bool:
    """Tell whether events are short: as an option or the configuration file says, or else on a terminal."""
    if follow.compact is not None:
        return follow.compact
    if app.options.compact_events is not None:
        return app.options.compact_events
    return is_terminal(app) and app.options.verbosity <= 0 and not follow.with_worker_names


def is_terminal(app: App) -> bool:
    """Tell whether events go to a terminal."""
    return (sys.stderr if app.as_data else sys.stdout).isatty()
