"""`cfy auditlog`: who has changed what."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from cfy_cli.contract.manager_resources import AUDIT_LOG
from cfy_cli.output.projections import project, ref_object
from cfy_cli.shell import options, param_types
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import CommandGroup

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Unpack

    from cfy_cli.client.collection import Item
    from cfy_cli.shell.option_types import ListOptions
    from cfy_cli.shell.options import Decorator

RECONNECT_INTERVAL = 1.0  # seconds
TIME_FORMS = "`2026-11-23 12:59` (UTC), `6.5h`, `2d` or `7w` ago, `@SECONDS` since 1970, `now`"


def choosing() -> Decorator:
    """Add the options for whose changes are meant."""
    return options.combine(
        click.option("-c", "--creator-name", help="Only changes that this user made."),
        click.option("-e", "--execution-id", help="Only changes that this execution made."),
    )


@click.group("auditlog", cls=CommandGroup)
def cli() -> None:
    """Manage the audit log: who has changed what, and when."""


@cli.command("list")
@choosing()
@click.option(
    "-i", "--since", type=param_types.moment, metavar="TIME", help=f"Only changes from this time on: {TIME_FORMS}."
)
@click.option("-f", "--follow", is_flag=True, help="Show further changes as they are made.")
@click.option(
    "--timeout", type=click.IntRange(1), default=300, show_default=True, help="End --follow after this many seconds."
)
@options.sorting(AUDIT_LOG.order)
@options.paging()
@pass_app
def list_records(
    app: App,
    creator_name: str | None,
    execution_id: str | None,
    since: str | None,
    follow: bool,
    timeout: int,
    **query: Unpack[ListOptions],
) -> None:
    """List the changes of resources, the oldest first, or follow them."""
    if follow:
        chosen = {"since": since, "creator_name": creator_name, "execution_id": execution_id}
        follow_records(app, chosen, timeout)
    else:
        app.show_list(
            app.client.auditlog_records, since=since, creator_name=creator_name, execution_id=execution_id, **query
        )


@cli.command("truncate")
@click.option(
    "-b",
    "--before",
    required=True,
    type=param_types.moment,
    metavar="TIME",
    help=f"Delete the records from before this time: {TIME_FORMS}.",
)
@choosing()
@pass_app
def truncate_records(app: App, **query: object) -> None:
    """Delete the records of changes before a time."""
    answer = app.client.auditlog_records.truncate(**query)
    app.result(f"{answer['deleted']} audit log records have been deleted", answer)


def follow_records(app: App, chosen: Mapping[str, object], timeout: int) -> None:
    """Print the records as they are made; ask again when the manager ends its answer, such as for a restart."""
    deadline, seen = time.monotonic() + timeout, set[object]()
    chosen = dict(chosen)
    while (remaining := deadline - time.monotonic()) > 0:
        for record in app.client.auditlog_records.stream(**chosen, timeout=max(1, int(remaining))):
            if record.get("id") not in seen:
                show_record(app, record)
            # Records of the same time may follow, so those that were shown come again.
            seen.add(record.get("id"))
            chosen["since"] = record["created_at"]
        time.sleep(min(RECONNECT_INTERVAL, max(0.0, deadline - time.monotonic())))


def show_record(app: App, record: Item) -> None:
    if app.as_data:
        from cfy_cli.output import formats

        formats.json_line(project(AUDIT_LOG, record))
        return
    by = "".join(
        f" {noun} {record[field]}"
        for noun, field in (("user", "creator_name"), ("execution", "execution_id"))
        if record.get(field)
    )
    click.echo(f"[{record['created_at']}]{by} {str(record['operation']).upper()}D {ref_object(record)}")
