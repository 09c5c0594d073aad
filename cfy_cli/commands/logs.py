"""`cfy logs`: show the events and logs of the newest execution."""

from __future__ import annotations

import click

from cfy_cli.commands.events import list_events
from cfy_cli.contract.states import SYSTEM_WORKFLOWS
from cfy_cli.errors import NotFound
from cfy_cli.shell import options
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import Command

SEARCHED = 100  # newest executions, among which one that is not of the manager itself is preferred


@click.command("logs", cls=Command)
@click.argument("deployment_id", required=False)
@click.option("-n", "--node", "node_id", help="Show only events of this node or node instance.")
@click.option("--operation", help="Show only events of this operation, such as cloudify.interfaces.lifecycle.create.")
@click.option("-f", "--follow", is_flag=True, help="Follow the execution until it ends.")
@options.with_logs()
@options.event_format()
@options.compact_events()
@options.worker_names("-w")
@pass_app
def cli(
    app: App,
    deployment_id: str | None,
    node_id: str | None,
    operation: str | None,
    follow: bool,
    include_logs: bool,
    json_output: bool,
    compact: bool | None,
    with_worker_names: bool,
) -> None:
    """Show the events and logs of the newest execution of DEPLOYMENT_ID, or of all deployments.

    With -f, the exit code is that of the execution: 5 if it fails, 6 if it is cancelled.
    """
    click.get_current_context().invoke(
        list_events,
        execution_id=_find_newest(app, deployment_id),
        tail=follow,
        node_id=node_id,
        operation=operation,
        include_logs=include_logs,
        json_output=json_output,
        compact=compact,
        with_worker_names=with_worker_names,
    )


def _find_newest(app: App, deployment_id: str | None) -> str:
    """Return the id of the newest execution of a workflow, or else of a system workflow."""
    if deployment_id:
        app.client.deployments.get(deployment_id, _include="id")
    newest = app.client.executions.list(
        deployment_id=deployment_id, _sort="-created_at", _size=SEARCHED, _include_system_workflows=True
    ).items
    if newest:
        of_users = [execution for execution in newest if execution["workflow_id"] not in SYSTEM_WORKFLOWS]
        execution = (of_users or newest)[0]
        owner = f" on deployment `{execution['deployment_id']}`" if execution.get("deployment_id") else ""
        app.note(f"Execution {execution['id']}: `{execution['workflow_id']}`{owner}")
        return str(execution["id"])
    raise NotFound("There are no executions", hint="Start one: cfy executions start install -d DEPLOYMENT")
