"""Following of an execution until it ends: its events and its progress."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import click

from cfy_cli.contract.exit_codes import error_for_state, is_ended
from cfy_cli.contract.resources import EXECUTION_GROUPS, EXECUTIONS
from cfy_cli.errors import StillRunning
from cfy_cli.output.cells import format_time
from cfy_cli.output.progress import StatusLine
from cfy_cli.shell.error_handler import Interrupted
from cfy_cli.shell.event_stream import EventPrinter, EventStream
from cfy_cli.shell.execution_groups import POLLED, check_cancelled, count_states, describe_progress
from cfy_cli.shell.polling import MIN_POLL_INTERVAL, poll_until, retry_unreachable

if TYPE_CHECKING:
    from cfy_cli.client.collection import Item
    from cfy_cli.client.executions import ExecutionGroups, Executions
    from cfy_cli.contract.resource import Resource
    from cfy_cli.shell.app import App
    from cfy_cli.shell.follow_options import FollowOptions

FAILED_OPERATIONS = ("Task failed", "operation errors:")  # in the error of an execution whose operations failed
LAST_EVENTS_TIMEOUT = 3  # seconds; events are stored in batches, the last ones after the state of the execution


def follow_and_report(app: App, execution: Item, follow: FollowOptions, *, group: bool = False) -> Item:
    """Follow the execution and report how it ended, or with `no_wait` that it started.

    Raises the error for its state.
    """
    if follow.no_wait:
        key = execution["id"]
        resource = EXECUTION_GROUPS if group else EXECUTIONS
        app.result(f"{_name(execution)} of {_describe(execution)} is {execution['status']}", execution, resource)
        app.note(f"To wait for its end: cfy executions wait {'--groups ' if group else ''}{key}")
        return execution
    if group and execution["status"] is None:
        app.note(f"Deployment group `{execution.get('deployment_group_id')}` has no deployments: nothing to execute")
    elif group and execution.get("concurrency") == 0:
        app.note(f"The group is paused; to start it: cfy executions groups set-concurrency {execution['id']} 5")
    elif execution["status"] == "queued" and not group:
        app.note("The execution is queued: it starts when the executions before it have ended.")
    if execution["status"] == "scheduled":
        app.note(f"The execution is scheduled for {format_time(str(execution.get('scheduled_for')))} (UTC).")
    execution = follow_execution(app, execution, follow, group=group)
    report_end(app, execution, follow)
    return execution


def follow_execution(app: App, execution: Item, follow: FollowOptions, *, group: bool = False) -> Item:
    """Return the ended execution or execution group. Raises StillRunning after the timeout, or Interrupted."""
    follower = _Follower(app, execution, follow, group=group)
    while True:
        try:
            return follower.wait()
        except KeyboardInterrupt:
            if follow.is_interruptible:
                raise
            follower.handle_interrupt()
        finally:
            follower.status_line.clear()


def report_end(app: App, execution: Item, follow: FollowOptions) -> None:
    """Print how the execution ended. Raises the error for its state."""
    error = error_for_state(execution["status"])
    if app.as_data and not app.as_lines:
        app.answer(execution, EXECUTION_GROUPS if _is_group(execution) else EXECUTIONS)
    elif error is None:
        message = f"Finished executing workflow {_describe(execution)}"
        if follow.json_output:
            app.note(message)
        else:
            app.say(message)
    is_group = _is_group(execution)
    hint = f"Show its events: cfy events list {'--execution-group ' if is_group else ''}{execution['id']}"
    if error:
        if is_group:
            hint = f"Show its executions: cfy executions list -g {execution['id']}; resume those that failed: "
            hint += f"cfy executions groups resume {execution['id']}"
        elif _is_resumable(execution):
            hint += f"; resume it: cfy executions resume {execution['id']}"
        state = describe_state(execution)
        if _shows_events(app, follow) and not app.as_data:
            state = state.partition("\n")[0]  # the events have told the rest already
        raise error(f"Workflow {_describe(execution)} {state}", hint=hint)
    if is_group:
        check_cancelled(app.client, execution)
    app.note(hint)


def report_result(app: App, sentence: str, data: object, resource: Resource) -> None:
    """Print what a command has done whose execution it followed; next to lines of events, as a note."""
    if app.as_lines:
        app.note(sentence)
    else:
        app.result(sentence, data, resource)


def describe_state(execution: Item) -> str:
    """Return the state with the error, such as `failed: Task failed`."""
    state = "was cancelled" if execution["status"] == "cancelled" else str(execution["status"])
    return f"{state}: {execution['error']}" if execution.get("error") else state


def _shows_events(app: App, follow: FollowOptions) -> bool:
    """Return whether events are shown: not with --quiet, unless they are requested as JSON."""
    return follow.show_events and (app.options.verbosity >= 0 or follow.json_output)


def _is_resumable(execution: Item) -> bool:
    """Return whether resuming can succeed: after a cancellation, or when the cause of a failed operation is mended."""
    if execution.get("is_system_workflow") or execution.get("is_dry_run"):
        return False
    error = str(execution.get("error") or "")
    if execution["status"] != "failed" or not error:
        return True
    return any(text in error for text in FAILED_OPERATIONS) and not _is_undone(execution)


def _is_undone(execution: Item) -> bool:
    """Return whether a scaling has failed and was rolled back: then only another one can succeed."""
    parameters = cast("dict[str, object]", execution.get("parameters") or {})
    is_scale = execution.get("workflow_id") == "scale" and parameters.get("rollback_if_failed", True)
    return bool(is_scale) and not str(parameters.get("delta", 1)).startswith("-")


def _hint_running(execution: Item, *, group: bool) -> str:
    if group:
        return (
            f"Follow it: cfy events list --tail -g {execution['id']}; wait for it: cfy executions wait --groups "
            f"{execution['id']}; cancel it: cfy executions groups cancel {execution['id']}"
        )
    return f"Follow it: cfy events list --tail {execution['id']}; cancel it: cfy executions cancel {execution['id']}"


def _is_group(execution: Item) -> bool:
    return "deployment_group_id" in execution


def _name(execution: Item) -> str:
    return f"Execution {'group ' if _is_group(execution) else ''}{execution['id']}"


def _describe(execution: Item) -> str:
    group_id = execution.get("deployment_group_id")
    deployment_id = execution.get("deployment_id")
    if not group_id and not deployment_id:
        return f"`{execution.get('workflow_id')}`"
    owner = f"deployment group `{group_id}`" if group_id else f"deployment `{deployment_id}`"
    return f"`{execution.get('workflow_id')}` on {owner}"


class _Follower:
    def __init__(self, app: App, execution: Item, follow: FollowOptions, *, group: bool) -> None:
        self.app, self.execution, self.follow, self.group = app, execution, follow, group
        client = app.client
        self.collection: Executions | ExecutionGroups = client.execution_groups if group else client.executions
        query = {"execution_group_id" if group else "execution_id": execution["id"]}
        shows_events = _shows_events(app, follow)
        self.events = EventStream(client, query, follow.include_logs) if shows_events else None
        self.printer = EventPrinter(app, follow)
        self.status_line = StatusLine(shown=shows_events and app.options.verbosity >= 0)
        self._is_explained = False

    def wait(self) -> Item:
        execution, is_done = poll_until(
            self.app, self._poll, lambda execution: is_ended(execution["status"]), timeout=self.follow.timeout
        )
        if not is_done:
            raise StillRunning(
                f"Stopped waiting after {self.follow.timeout:g} seconds; "
                f"{_name(execution)[0].lower()}{_name(execution)[1:]} is {execution['status']}",
                hint=_hint_running(execution, group=self.group),
            )
        self._show_last_events()
        return self.collection.get(execution["id"]) if self.group else execution

    def handle_interrupt(self) -> None:
        """Return to continue waiting, also after a cancel request. Raises Interrupted to leave."""
        self.status_line.clear()
        choice = self._prompt_choice() if self.app.interactive else "leave"
        if choice == "cancel":
            self.collection.cancel(self.execution["id"])
            self.app.note("Cancelling; waiting for running operations to end")
        if choice == "leave":
            hint = _hint_running(self.execution, group=self.group)
            raise Interrupted(f"{_name(self.execution)} continues in the background", hint=hint)

    @staticmethod
    def _prompt_choice() -> str:
        choices = click.Choice(["leave", "cancel", "wait"])
        try:
            click.echo(err=True)
            text = "Leave it running, cancel it, or continue waiting?"
            return str(click.prompt(text, type=choices, default="leave", err=True))
        except click.Abort:
            click.echo(err=True)
            return "leave"

    def _poll(self) -> Item:
        key = self.execution["id"]
        execution = self.collection.get(key, _include=POLLED) if self.group else self.collection.get(key)
        if self.events and self.events.has_failures and not is_ended(execution["status"]):
            self._explain_retries()
        self._show_new_events()
        if self.group and self.status_line.is_shown and not is_ended(execution["status"]):
            self.status_line.show(describe_progress(execution, count_states(self.app.client, key)))
        elif not self.group:
            self.status_line.show(_format_progress(execution, self.events))
        return execution

    def _explain_retries(self) -> None:
        """Say once, while operations are tried again, how to stop that."""
        if not self._is_explained and not self.group:
            self._is_explained = True
            self.status_line.clear()
            command = f"cfy executions cancel {self.execution['id']}"
            self.app.note(f"An operation failed and may be tried again; to stop the execution: {command}")

    def _show_new_events(self) -> None:
        for event in self.events.read_new() if self.events else ():
            if self.follow.selection.selects(event):
                self.status_line.clear()
                self.printer.show(event, self.events.first_time if self.events else None)

    def _show_last_events(self) -> None:
        """Wait for events stored after the state; an execution that never started has none."""
        events = self.events
        if events and (events.is_started or self.group):
            retry_unreachable(self.app, self._show_new_events)
        if events and events.is_started and not self.group:  # those of a group are stored with the states
            poll_until(
                self.app,
                self._show_new_events,
                lambda _: events.is_complete,
                timeout=LAST_EVENTS_TIMEOUT,
                interval=2 * MIN_POLL_INTERVAL,
            )


def _format_progress(execution: Item, events: EventStream | None) -> str:
    """Return a line such as `3 of 12 operations; running web_x1.create and 2 more`."""
    running = events.running if events else []
    total = execution.get("total_operations")
    done = f"{execution.get('finished_operations') or 0} of {total} operations"
    parts = [done if total else str(execution.get("status_display") or execution["status"])]
    if running:
        parts.append(f"running {running[0]}" + (f" and {len(running) - 1} more" if len(running) > 1 else ""))
    return "; ".join(parts)
