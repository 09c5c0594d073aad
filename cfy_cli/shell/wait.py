"""Following an execution to its end: its state is asked for, its events are shown as they come."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from cfy_cli.client.client import Client
from cfy_cli.client.collection import Item
from cfy_cli.client.executions import ExecutionGroups, Executions
from cfy_cli.contract.outcomes import ended, failure_of
from cfy_cli.errors import Busy, StillRunning, Unreachable
from cfy_cli.output import formats
from cfy_cli.output.events import coloured, event_line, worth_showing
from cfy_cli.shell.app import App
from cfy_cli.shell.door import Interrupted

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0
PATIENCE = 60  # seconds without an answer before we give up; a manager may be restarted under us
LAST_WORDS = 3  # seconds for the events that are still on their way when the state says it is over
OVERLAP = 50  # events read again each time, since one may be stored before another that was reported earlier
LAST_EVENTS = frozenset({"workflow_succeeded", "workflow_failed", "workflow_cancelled"})

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Watch:
    """How somebody wants to watch: for how many seconds (None: to the end), and what of it."""

    timeout: float | None = 900
    include_logs: bool = True
    json_output: bool = False
    with_worker_names: bool = False
    show_events: bool = True


class Events:
    """The events of one execution or of a group of them, each given once. `whose` is a filter for the list."""

    def __init__(self, client: Client, whose: dict[str, Any], include_logs: bool) -> None:
        self._client = client
        self._query = {**whose, "include_logs": include_logs, "_sort": "reported_timestamp"}
        self._seen: set[tuple[Any, str]] = set()
        self.complete = False

    @property
    def any(self) -> bool:
        return bool(self._seen)

    def new(self) -> Iterator[Item]:
        offset = max(0, len(self._seen) - OVERLAP)
        for page in self._client.events.pages(_offset=offset, **self._query):
            for event in page:
                key = (event.get("_storage_id"), str(event.get("type")))
                if key not in self._seen:
                    self._seen.add(key)
                    self.complete = self.complete or event.get("event_type") in LAST_EVENTS
                    yield event


def follow(app: App, execution: Item, watch: Watch, *, group: bool = False) -> Item:
    """The execution (or group) as it ended. Raises StillRunning after the timeout, Interrupted when somebody leaves."""
    collection: Executions | ExecutionGroups = app.client.execution_groups if group else app.client.executions
    whose = {"execution_group_id" if group else "execution_id": execution["id"]}
    events = Events(app.client, whose, watch.include_logs) if watch.show_events else None
    deadline = None if watch.timeout is None else time.monotonic() + watch.timeout
    while True:
        try:
            return _to_the_end(app, collection, execution, watch, events, deadline)
        except KeyboardInterrupt:
            _interrupted(app, collection, execution)


def conclude(app: App, execution: Item, watch: Watch) -> None:
    """Say how it ended; raises the error whose exit code says the same."""
    group = execution.get("deployment_group_id")
    place = f"deployment group `{group}`" if group else f"deployment `{execution.get('deployment_id')}`"
    what = f"`{execution.get('workflow_id')}` on {place}"
    kind = failure_of(execution["status"])
    if app.as_data:
        app.answer(execution)
    elif kind is None:
        (app.note if watch.json_output else app.say)(f"Finished executing workflow {what}")
    hint = f"cfy events list {'--execution-group ' if group else ''}{execution['id']}"
    if kind:
        verb = "was cancelled" if execution["status"] == "cancelled" else execution["status"]
        reason = f": {execution['error']}" if execution.get("error") else ""
        raise kind(f"Workflow {what} {verb}{reason}", hint=f"Its events: {hint}")
    app.note(f"Its events: {hint}")


def show_event(app: App, event: Item, watch: Watch) -> None:
    """Events are the answer of a plain command; under --json that is the execution, and they go to stderr."""
    if watch.json_output:
        formats.json_line(event, err=app.as_data)
    elif worth_showing(event, app.verbosity):
        line = coloured(event, event_line(event, worker_names=watch.with_worker_names))
        click.echo(line, err=app.as_data, color=app.colour)


def _to_the_end(
    app: App,
    collection: Executions | ExecutionGroups,
    execution: Item,
    watch: Watch,
    events: Events | None,
    deadline: float | None,
) -> Item:
    pause = FIRST_PAUSE
    while True:
        current = _patiently(app, lambda: collection.get(execution["id"]))
        _show_new(app, watch, events)
        if ended(current["status"]):
            _last_words(app, watch, events)
            return current
        if deadline is not None and time.monotonic() >= deadline:
            raise StillRunning(
                f"Stopped waiting after {watch.timeout:g} seconds; execution {execution['id']} is {current['status']}",
                hint=_how_to_go_on(collection, execution),
            )
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)


def _show_new(app: App, watch: Watch, events: Events | None) -> None:
    def show() -> None:
        for event in events.new() if events else ():
            show_event(app, event, watch)

    _patiently(app, show)


def _last_words(app: App, watch: Watch, events: Events | None) -> None:
    """Events are written in batches: the last may be stored after the state. Those of a waiting one never come."""
    deadline = time.monotonic() + LAST_WORDS
    while events and events.any and not events.complete and time.monotonic() < deadline:
        time.sleep(2 * FIRST_PAUSE)
        _show_new(app, watch, events)


def _patiently(app: App, ask: Callable[[], T]) -> T:
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


def _interrupted(app: App, collection: Executions | ExecutionGroups, execution: Item) -> None:
    """Leave or cancel: returns when following is to go on, raises Interrupted when not."""
    choice = "leave"
    if app.interactive:
        choices = click.Choice(["leave", "cancel", "wait"])
        try:
            click.echo(err=True)
            choice = click.prompt("Leave it running, cancel it, or wait on?", type=choices, default="leave", err=True)
        except click.Abort:
            choice = "leave"
    if choice == "cancel":
        collection.cancel(execution["id"])
        app.note("Cancelling; waiting for what runs to end")
    if choice == "leave":
        raise Interrupted(f"Execution {execution['id']} goes on without us", hint=_how_to_go_on(collection, execution))


def _how_to_go_on(collection: Executions | ExecutionGroups, execution: Item) -> str:
    key = execution["id"]
    if isinstance(collection, ExecutionGroups):
        return f"Its events: cfy events list --execution-group {key}"
    return f"Follow it: cfy events list --tail {key}; end it: cfy executions cancel {key}"
