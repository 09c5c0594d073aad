"""Following an execution to its end: its state is asked for, its events are shown as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cfy_cli.contract.exit_codes import error_for_state, is_ended
from cfy_cli.contract.resources import EXECUTIONS
from cfy_cli.errors import StillRunning
from cfy_cli.output.cells import moment
from cfy_cli.output.progress import StatusLine
from cfy_cli.shell.error_handler import Interrupted
from cfy_cli.shell.event_stream import EventStream, show_event
from cfy_cli.shell.polling import FIRST_PAUSE, poll, retry_unreachable

if TYPE_CHECKING:
    from cfy_cli.client.collection import Item
    from cfy_cli.client.executions import ExecutionGroups, Executions
    from cfy_cli.shell.app import App
    from cfy_cli.shell.follow_options import FollowOptions

LAST_WORDS = 3  # seconds for the events that are still on their way when the state says it is over


def see_through(app: App, execution: Item, follow: FollowOptions, *, group: bool = False) -> Item:
    """Follow it and tell its end, or with `no_wait` only that it began. Raises what its end means."""
    if follow.no_wait:
        key, hint = execution["id"], f"cfy executions wait {'--groups ' if group else ''}{execution['id']}"
        app.result(f"Execution {key} of {_named(execution)} is {execution['status']}", execution, EXECUTIONS)
        app.note(f"Wait for its end: {hint}")
        return execution
    if execution["status"] == "queued":
        app.note("It is queued: it starts when those before it have ended.")
    if execution["status"] == "scheduled":
        app.note(f"It is scheduled for {moment(str(execution.get('scheduled_for')))} (UTC) and starts then.")
    execution = follow_execution(app, execution, follow, group=group)
    conclude(app, execution, follow)
    return execution


def follow_execution(app: App, execution: Item, follow: FollowOptions, *, group: bool = False) -> Item:
    """The execution (or group) as it ended. Raises StillRunning after the timeout, Interrupted when somebody leaves."""
    following = _Following(app, execution, follow, group=group)
    while True:
        try:
            return following.to_the_end()
        except KeyboardInterrupt:
            following.interrupted()
        finally:
            following.line.clear()


def conclude(app: App, execution: Item, follow: FollowOptions) -> None:
    """Say how it ended; raises the error whose exit code says the same."""
    kind = error_for_state(execution["status"])
    if app.as_data:
        app.answer(execution, EXECUTIONS)
    elif kind is None:
        (app.note if follow.json_output else app.say)(f"Finished executing workflow {_named(execution)}")
    group = "--execution-group " if execution.get("deployment_group_id") else ""
    hint = f"Its events: cfy events list {group}{execution['id']}"
    if kind:
        if _may_go_on(execution):
            hint += f"; let it go on: cfy executions resume {execution['id']}"
        raise kind(f"Workflow {_named(execution)} {told(execution)}", hint=hint)
    app.note(hint)


def _may_go_on(execution: Item) -> bool:
    group, its_own = execution.get("deployment_group_id"), execution.get("is_system_workflow")
    return not (group or its_own or execution.get("is_dry_run"))


def told(execution: Item) -> str:
    """How it ended, or stands, in words."""
    verb = "was cancelled" if execution["status"] == "cancelled" else execution["status"]
    return f"{verb}: {execution['error']}" if execution.get("error") else str(verb)


def how_to_go_on(execution: Item, *, group: bool) -> str:
    if group:
        return f"Wait on: cfy executions wait --groups {execution['id']}"
    return f"Follow it: cfy events list --tail {execution['id']}; end it: cfy executions cancel {execution['id']}"


def _named(execution: Item) -> str:
    group = execution.get("deployment_group_id")
    place = f"deployment group `{group}`" if group else f"deployment `{execution.get('deployment_id')}`"
    return f"`{execution.get('workflow_id')}` on {place}"


class _Following:
    def __init__(self, app: App, execution: Item, follow: FollowOptions, *, group: bool) -> None:
        self.app, self.execution, self.follow, self.group = app, execution, follow, group
        client = app.client
        self.collection: Executions | ExecutionGroups = client.execution_groups if group else client.executions
        whose = {"execution_group_id" if group else "execution_id": execution["id"]}
        self.feed = EventStream(client, whose, follow.include_logs) if follow.show_events else None
        self.line = StatusLine(shown=follow.show_events and app.verbosity >= 0)

    def to_the_end(self) -> Item:
        execution, over = poll(self.app, self._look, lambda now: is_ended(now["status"]), seconds=self.follow.timeout)
        if not over:
            raise StillRunning(
                f"Stopped waiting after {self.follow.timeout:g} seconds; "
                f"execution {execution['id']} is {execution['status']}",
                hint=how_to_go_on(execution, group=self.group),
            )
        self._last_words()
        return execution

    def interrupted(self) -> None:
        """Leave or cancel: returns when following is to go on, raises Interrupted when not."""
        self.line.clear()
        choice = self._choice() if self.app.interactive else "leave"
        if choice == "cancel":
            self.collection.cancel(self.execution["id"])
            self.app.note("Cancelling; waiting for what runs to end")
        if choice == "leave":
            hint = how_to_go_on(self.execution, group=self.group)
            raise Interrupted(f"Execution {self.execution['id']} goes on without us", hint=hint)

    @staticmethod
    def _choice() -> Any:
        choices = click.Choice(["leave", "cancel", "wait"])
        try:
            click.echo(err=True)
            return click.prompt("Leave it running, cancel it, or wait on?", type=choices, default="leave", err=True)
        except click.Abort:
            click.echo(err=True)
            return "leave"

    def _look(self) -> Item:
        execution = self.collection.get(self.execution["id"])
        self._show_new()
        self.line.show(_progress(execution, self.feed))
        return execution

    def _show_new(self) -> None:
        for event in self.feed.new() if self.feed else ():
            self.line.clear()
            show_event(self.app, event, self.follow)

    def _last_words(self) -> None:
        """Events are written in batches: the last may be stored after the state. Those of a waiting one never come."""
        feed = self.feed
        if feed and feed.begun:
            retry_unreachable(self.app, self._show_new)
            poll(self.app, self._show_new, lambda _: feed.complete, seconds=LAST_WORDS, pause=2 * FIRST_PAUSE)


def _progress(execution: Item, feed: EventStream | None) -> str:
    """`3 of 12 operations; now web_x1.create and 2 more`."""
    running = feed.running if feed else []
    total = execution.get("total_operations")
    parts = [f"{execution.get('finished_operations') or 0} of {total} operations" if total else execution["status"]]
    if running:
        parts.append(f"now {running[0]}" + (f" and {len(running) - 1} more" if len(running) > 1 else ""))
    return "; ".join(parts)
