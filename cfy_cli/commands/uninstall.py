"""`cfy uninstall`."""

from dataclasses import replace

import click

from cfy_cli.errors import CfyError, ErrorCode
from cfy_cli.shell import options
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import Command
from cfy_cli.shell.follow_options import FollowOptions, with_follow_options

DEFAULT_WORKFLOW = "uninstall"


@click.command("uninstall", cls=Command)
@click.argument("deployment_id")
@click.option("-w", "--workflow-id", default=DEFAULT_WORKFLOW, show_default=True, help="The workflow to run.")
@click.option(
    "-f",
    "--force",
    is_flag=True,
    help="Uninstall even if other executions are running or other deployments depend on it.",
)
@click.option("--recursive", is_flag=True, help="Uninstall and delete the services that it contains as well.")
@options.parameters()
@with_follow_options()
@pass_app
def cli(
    app: App,
    deployment_id: str,
    workflow_id: str,
    force: bool,
    recursive: bool,
    parameters: tuple[str, ...],
    follow: FollowOptions,
    **fields: object,
) -> None:
    """Uninstall and delete the deployment DEPLOYMENT_ID, and its blueprint if no other deployment uses it."""
    from cfy_cli.shell.deployments import delete_deployment
    from cfy_cli.shell.workflows import run_workflow

    blueprint_id = app.client.deployments.get(deployment_id, _include="blueprint_id")["blueprint_id"]
    parameters = (*parameters, '{"recursive": true}') if recursive else parameters
    try:
        run_workflow(app, deployment_id, workflow_id, parameters, follow, force=force, **fields)
    except CfyError as error:
        if error.code != ErrorCode.UNAVAILABLE_WORKFLOW or workflow_id != DEFAULT_WORKFLOW:
            raise
        app.note(f"Nothing of deployment `{deployment_id}` is installed")  # else its deletion is refused
        follow = replace(follow, no_wait=False)
    if follow.no_wait:
        app.note(f"When it has ended, delete the deployment: cfy deployments delete {deployment_id}")
        return
    delete_deployment(app, deployment_id, force=force, recursive=recursive)
    app.say(f"Deployment `{deployment_id}` deleted")
    if app.client.deployments.list(blueprint_id=blueprint_id, _include="id", _size=1).total:
        app.note(f"Blueprint `{blueprint_id}` was not deleted: it has other deployments")
        return
    app.client.blueprints.delete(blueprint_id, force=force)
    app.say(f"Blueprint `{blueprint_id}` deleted")
