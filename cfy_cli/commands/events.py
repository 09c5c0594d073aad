"""`cfy events`: events and logs of executions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import click

from cfy_cli.contract.resources import EVENTS
from cfy_cli.errors import Usage
from cfy_cli.shell import options
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import CommandGroup
from cfy_cli.shell.option_types import PagingOptions, TimeOptions
from cfy_cli.shell.printer import PLAIN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Unpack

    from cfy_cli.client.collection import Item


class EventListOptions(TimeOptions, PagingOptions):
    """Values of the options of `cfy events list`, but for the execution and --tail."""

    json_output: bool
    with_worker_names: bool
    compact: bool | None
    node_id: str | None
    operation: str | None


class TimeRange(TypedDict):
    """First and last time of events, both included."""

    since: str | None
    until: str | None


class EventOwner(TypedDict):
    """Execution or execution group whose events are listed; one of them is None."""

    execution_id: str | None
    execution_group_id: str | None


class EventQuery(TimeRange, EventOwner, PagingOptions):
    """Query for a list of events."""

    include_logs: bool
    node_id: str | None
    operation: str | None
    _sort: str


@click.group("events", cls=CommandGroup)
def cli() -> None:
    """Manage events and logs of executions."""


@cli.command("list")
@click.argument("execution_id", required=False)
@click.option("-e", "--execution-id", "execution_option", hidden=True, help="The same as EXECUTION_ID.")
@click.option("-g", "--execution-group", help="Show the events of this execution group.")
@options.with_logs()
@options.event_format()
@options.compact_events()
@options.worker_names("-w")
@click.option("--tail", is_flag=True, help="Follow the execution until it ends.")
@options.times()
@click.option("--node", "node_id", help="Show only events of this node.")
@click.option("--operation", help="Show only events of this operation, such as cloudify.interfaces.lifecycle.create.")
@options.paging()
@pass_app
def list_events(
    app: App,
    execution_id: str | None,
    execution_option: str | None,
    execution_group: str | None,
    tail: bool,
    **query: Unpack[EventListOptions],
) -> None:
    """List the events of the execution EXECUTION_ID, or of an execution group."""
    if len([name for name in (execution_id, execution_option, execution_group) if name]) != 1:
        raise Usage("Give either EXECUTION_ID or --execution-group")
    key = execution_id or execution_option
    if tail and (query["until"] or query["before"]):
        raise Usage("--tail cannot be combined with --to or --before")
    if tail:
        _follow(app, key, execution_group, query)
    else:
        _list(app, {"execution_id": key, "execution_group_id": execution_group}, query)


@cli.command("delete")
@click.argument("deployment_id")
@options.with_logs()
@options.times()
@click.option("--store-before", is_flag=True, help="Store a copy of them first, on the manager or in --output-path.")
@click.option("-o", "--output-path", type=click.Path(dir_okay=False), help="The file to store the copy in.")
@pass_app
def delete_events(
    app: App, deployment_id: str, store_before: bool, output_path: str | None, **query: Unpack[TimeOptions]
) -> None:
    """Delete the events of the deployment DEPLOYMENT_ID."""
    times, include_logs = _time_range(query), query["include_logs"]
    if store_before and output_path:
        events = app.client.events
        page = events.list(deployment_id=deployment_id, _sort=EVENTS.order, include_logs=include_logs, **times)
        _check_deployment(app, deployment_id, page.total)
        Path(output_path).write_text("".join(_format_lines(page.items)), "utf-8")
    store = "true" if store_before and not output_path else None
    count = app.client.events.delete_of(deployment_id, store_before=store, include_logs=include_logs, **times)
    _check_deployment(app, deployment_id, count)
    app.result(f"Deleted {count} events" if count else "No events to delete", {"deleted": count})


def _check_deployment(app: App, deployment_id: str, count: int) -> None:
    """Raise NotFound for an unknown deployment, which must not look like one without events; a deleted one may have."""
    if not count:
        app.client.deployments.get(deployment_id, _include="id")


def _follow(app: App, execution_id: str | None, group_id: str | None, query: EventListOptions) -> None:
    from cfy_cli.shell.follow_execution import follow_and_report
    from cfy_cli.shell.follow_options import EventSelection, FollowOptions

    if query["_offset"] is not None or query["_size"] is not None:
        raise Usage("--tail cannot be combined with --pagination-offset or --pagination-size")
    selection = EventSelection(query["node_id"], query["operation"], query["since"])
    follow = FollowOptions(
        None,
        query["include_logs"],
        query["json_output"],
        query["with_worker_names"],
        query["compact"],
        selection=selection,
    )
    if execution_id:
        execution = app.client.executions.get(execution_id)
    else:
        execution = app.client.execution_groups.get(str(group_id))
    follow_and_report(app, execution, follow, group=execution_id is None)


def _list(app: App, owner: EventOwner, query: EventListOptions) -> None:
    from cfy_cli.shell.event_stream import EventPrinter
    from cfy_cli.shell.follow_options import FollowOptions

    times = _time_range(query)
    started_at: str | None = None
    if owner["execution_id"]:  # raises NotFound: an unknown execution must not look like one without events
        started_at = app.client.executions.get(owner["execution_id"], _include="id,started_at").get("started_at")
    if owner["execution_group_id"]:
        app.client.execution_groups.get(owner["execution_group_id"], _include="id")
    follow = FollowOptions(
        json_output=query["json_output"], with_worker_names=query["with_worker_names"], compact=query["compact"]
    )
    params: EventQuery = {
        **owner,
        **times,
        "include_logs": query["include_logs"],
        "node_id": query["node_id"],
        "operation": query["operation"],
        "_offset": query["_offset"],
        "_size": query["_size"],
        "_sort": EVENTS.order,
    }
    if app.as_lines:
        app.options.format = "jsonl"
    if (app.as_data or app.options.columns or app.options.vertical) and not follow.json_output:
        is_table = app.options.format in (PLAIN, "csv") and not app.options.query
        app.show_list(app.client.events, None if is_table else (), **params)
        return
    printer = EventPrinter(app, follow)
    count = hidden = total = 0
    for page in app.client.events.pages(limit=app.options.limit, **params):
        count, total = count + len(page), page.total
        hidden += sum(not printer.show(event, started_at) for event in page)
    printer.show_running()
    in_short = " in short (use --no-compact to show them as they are)" if printer.is_compact and count else ""
    app.note(f"\nShowing {count - hidden} of {total} events{in_short}")
    if hidden:
        app.note(f"{hidden} debug messages hidden (use -vv to show them)")


def _time_range(query: TimeOptions) -> TimeRange:
    """Combine --from, --to and --before. Raises Usage when they contradict each other."""
    since, before = query["since"], query["before"]
    if before and query["until"]:
        raise Usage("Give --to or --before, not both")
    until = before or query["until"]
    if until and since and since > until:
        raise Usage("The time range is empty: --from is later than --to or --before")
    return {"since": since, "until": until}


def _format_lines(events: list[Item]) -> Iterator[str]:
    from cfy_cli.output.events import format_event

    return (f"{format_event(event)}\n" for event in events)
