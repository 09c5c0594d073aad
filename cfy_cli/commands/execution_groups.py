"""`cfy executions groups`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cfy_cli.contract.resources import EXECUTION_GROUPS
from cfy_cli.shell import options
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import CommandGroup
from cfy_cli.shell.follow_options import FollowOptions, with_follow_options

if TYPE_CHECKING:
    from typing import Unpack

    from cfy_cli.client.collection import Item
    from cfy_cli.contract.json import JsonObject
    from cfy_cli.shell.option_types import ListOptions

LAST_EVENTS = 5  # that `details` shows
DETAILS = ("workflow_id", "deployment_group_id", "#executions", "created_at", "status")


@click.group("groups", cls=CommandGroup)
def cli() -> None:
    """Manage execution groups: one workflow on all deployments of a group."""


@cli.command("start")
@click.argument("workflow_id")
@click.option("-g", "--deployment-group", "deployment_group_id", required=True, help="The deployment group.")
@click.option("--concurrency", type=click.IntRange(0), default=5, show_default=True,
              help="How many executions may run at the same time.")  # fmt: skip
@options.parameters(custom=False)
@click.option("-f", "--force", is_flag=True, help="Start them even if other executions of the deployments are running.")
@with_follow_options("-w")
@pass_app
def start_group(
    app: App,
    workflow_id: str,
    deployment_group_id: str,
    concurrency: int,
    parameters: tuple[str, ...],
    force: bool,
    follow: FollowOptions,
) -> None:
    """Start the workflow WORKFLOW_ID on every deployment of a group and follow them until they end."""
    from cfy_cli.shell.execution_groups import declared_parameters
    from cfy_cli.shell.execution_groups import start_group as start
    from cfy_cli.shell.follow_execution import follow_and_report
    from cfy_cli.shell.inputs import read_parameters

    def read_defaults() -> JsonObject:
        return read_parameters(parameters, lambda: declared_parameters(app, deployment_group_id, workflow_id))

    group = start(app, deployment_group_id, workflow_id, read_defaults, force=force, concurrency=concurrency)
    app.note(
        f"Execution group {group['id']} started: running {workflow_id} on deployment group {deployment_group_id} "
        f"[concurrency={group['concurrency']}]"
    )
    follow_and_report(app, group, follow, group=True)


@cli.command("list")
@click.option("-g", "--deployment-group", "deployment_group_id", help="List only those of this deployment group.")
@options.listing(EXECUTION_GROUPS)
@pass_app
def list_groups(app: App, deployment_group_id: str | None, **query: Unpack[ListOptions]) -> None:
    """List execution groups."""
    app.show_list(app.client.execution_groups, deployment_group_id=deployment_group_id, **query)


@cli.command("get")
@click.argument("execution_group_id")
@pass_app
def get_group(app: App, execution_group_id: str) -> None:
    """Show the execution group EXECUTION_GROUP_ID."""
    app.show(EXECUTION_GROUPS, app.client.execution_groups.get(execution_group_id))


@cli.command("details")
@click.argument("execution_group_id")
@pass_app
def show_details(app: App, execution_group_id: str) -> None:
    """Show the execution group EXECUTION_GROUP_ID with its last events and the states of its executions."""
    from dataclasses import replace

    from cfy_cli.output.events import format_event
    from cfy_cli.shell.execution_groups import count_states

    group = app.client.execution_groups.get(execution_group_id)
    counts = count_states(app.client, execution_group_id)
    query = {"execution_group_id": execution_group_id, "include_logs": True, "_sort": "reported_timestamp"}
    events = app.client.events.list(**query, descending=True, _size=LAST_EVENTS).items[::-1]
    shown: Item = {**group, "#executions": len(group.get("execution_ids") or ())}
    if app.as_data:
        app.answer({**shown, "events": events, "states": counts})
        return
    app.show(replace(EXECUTION_GROUPS, narrow=(), sources={}), shown, DETAILS)
    app.say("\n".join([f"Last {len(events)} events:", *map(format_event, events), ""]) if events else "No events yet\n")
    app.say("\n".join(["Executions by status:", *(f"  {state}: {count}" for state, count in counts.items())]))


@cli.command("cancel")
@click.argument("execution_group_id")
@click.option("-f", "--force", is_flag=True, help="Do not wait for running operations.")
@click.option("-k", "--kill", is_flag=True, help="Kill the processes of running operations.")
@pass_app
def cancel_group(app: App, execution_group_id: str, force: bool, kill: bool) -> None:
    """Cancel the executions of the group EXECUTION_GROUP_ID that have not ended."""
    group = app.client.execution_groups.cancel(execution_group_id, force=force, kill=kill)
    app.result(f"A cancel request for group {execution_group_id} has been sent", group, EXECUTION_GROUPS)
    app.note(f"Show its status: cfy executions groups details {execution_group_id}")


@cli.command("resume")
@click.argument("execution_group_id")
@click.option("--reset-operations", is_flag=True, help="Also repeat operations that were started and did not fail.")
@pass_app
def resume_group(app: App, execution_group_id: str, reset_operations: bool) -> None:
    """Resume the failed and cancelled executions of the group EXECUTION_GROUP_ID where they stopped."""
    group = app.client.execution_groups.resume(execution_group_id, reset_operations=reset_operations)
    app.result(f"A resume request for group {execution_group_id} has been sent", group, EXECUTION_GROUPS)
    app.note(f"Follow it: cfy events list --tail -g {execution_group_id}")


@cli.command("set-concurrency")
@click.argument("execution_group_id")
@click.argument("concurrency", type=click.IntRange(0))
@pass_app
def set_concurrency(app: App, execution_group_id: str, concurrency: int) -> None:
    """Set how many executions of the group EXECUTION_GROUP_ID may run at the same time; 0 pauses the group."""
    group = app.client.execution_groups.patch(execution_group_id, concurrency=concurrency)
    sentence = f"Concurrency of execution group {execution_group_id} set to {concurrency}"
    app.result(sentence, group, EXECUTION_GROUPS)
    if not concurrency:
        app.note(f"Nothing more starts; to go on: cfy executions groups set-concurrency {execution_group_id} 5")


@cli.command("set-success-group")
@click.argument("execution_group_id")
@click.argument("deployment_group_id", metavar="SUCCESS_GROUP_ID")
@pass_app
def set_success_group(app: App, execution_group_id: str, deployment_group_id: str) -> None:
    """Add deployments whose executions succeed to the deployment group SUCCESS_GROUP_ID, as they end."""
    group = app.client.execution_groups.patch(execution_group_id, success_group_id=deployment_group_id)
    sentence = f"Success group of execution group {execution_group_id} set to {deployment_group_id}"
    app.result(sentence, group, EXECUTION_GROUPS)


@cli.command("set-failure-group")
@click.argument("execution_group_id")
@click.argument("deployment_group_id", metavar="FAILURE_GROUP_ID")
@pass_app
def set_failure_group(app: App, execution_group_id: str, deployment_group_id: str) -> None:
    """Add deployments whose executions fail to the deployment group FAILURE_GROUP_ID, as they end."""
    group = app.client.execution_groups.patch(execution_group_id, failure_group_id=deployment_group_id)
    sentence = f"Failure group of execution group {execution_group_id} set to {deployment_group_id}"
    app.result(sentence, group, EXECUTION_GROUPS)
