"""`cfy metrics`: values measured in executions, and how long executions take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cfy_cli.contract.manager_resources import METRICS, METRICS_OVERVIEW
from cfy_cli.shell import options
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import CommandGroup
from cfy_cli.shell.param_types import timestamp

if TYPE_CHECKING:
    from typing import Unpack

    from cfy_cli.shell.option_types import ListOptions


@click.group("metrics", cls=CommandGroup)
def cli() -> None:
    """Show metrics of executions, workflows and tasks."""


@cli.command("list")
@click.option("-e", "--execution-id", help="List only metrics of this execution.")
@options.deployment_id()
@options.listing(METRICS)
@pass_app
def list_metrics(app: App, execution_id: str | None, deployment_id: str | None, **query: Unpack[ListOptions]) -> None:
    """List the metrics that clients have stored."""
    collection = app.client.collection(METRICS)
    app.show_list(collection, execution_id=execution_id, deployment_id=deployment_id, **query)


@cli.command("overview")
@click.option(
    "--from",
    "since",
    type=timestamp,
    metavar="TIME",
    help="Only runs that ended since this time, such as `1 h ago`; by default in the last 30 days.",
)
@click.option("--to", "until", type=timestamp, metavar="TIME", help="Only runs that ended until this time.")
@click.option("-w", "--workflow-id", help="Only this workflow.")
@click.option("--task-name", help="Only this task, such as cloudify.interfaces.lifecycle.create.")
@pass_app
def show_overview(app: App, **query: str | None) -> None:
    """Show how long workflows and tasks took on average, and which share of them succeeded."""
    given = {name: value for name, value in query.items() if value}
    items = app.client.http.item("GET", METRICS_OVERVIEW.path, params=given)["items"]
    app.show_items(items, METRICS_OVERVIEW, METRICS_OVERVIEW.columns)
    if not items and not app.as_data:
        app.note("Nothing has ended: cfy executions start install -d web-1")
