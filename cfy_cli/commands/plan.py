"""`cfy plan`: show the plan of an installation or update."""

import os

import click

from cfy_cli.commands.apply import cli as apply
from cfy_cli.contract.resources import DEPLOYMENTS
from cfy_cli.errors import NotFound, Usage
from cfy_cli.shell import options, param_types
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import Command
from cfy_cli.shell.deployment_updates import Preview, exit_with_changes


@click.command("plan", cls=Command)
@click.argument("blueprint_path")
@click.option("-n", "--blueprint-filename", default="blueprint.yaml", show_default=True,
              help="The name of the blueprint's main file in an archive.")  # fmt: skip
@click.option(
    "-d",
    "--deployment-id",
    type=param_types.name_of(DEPLOYMENTS),
    metavar="TEXT",
    help="Ask the manager for this deployment: if it exists, show its update as `cfy apply` would make it.",
)
@options.inputs()
@options.plugin_yaml()
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 8 if there is anything to do.")
@click.option(
    "--graph",
    "graph_path",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="Write a picture of the node instances to this file (.svg, .dot, or Mermaid); - is stdout.",
)
@pass_app
def cli(
    app: App,
    blueprint_path: str,
    blueprint_filename: str,
    deployment_id: str | None,
    inputs: tuple[str, ...],
    plugin_yaml: tuple[str, ...],
    detailed_exitcode: bool,
    graph_path: str | None,
) -> None:
    """Show what the installation of the blueprint in BLUEPRINT_PATH would create and run; nothing is changed.

    No manager is needed: the blueprint is compiled on this machine. The types of imported plugins are read from
    --plugin-yaml, or from the manager in use. With -d, and a deployment that exists, show what an update would change.
    """
    from cfy_cli.shell.blueprint_source import open_source
    from cfy_cli.shell.installation_plan import plan_blueprint, show_plan

    path = os.path.expanduser(blueprint_path)
    if deployment_id is not None and _exists(app, deployment_id):
        if graph_path:
            raise Usage(
                f"--graph shows an installation, and deployment `{deployment_id}` exists",
                hint=f"To draw it: cfy blueprints graph -d {deployment_id}",
            )
        click.get_current_context().invoke(
            apply,
            blueprint_path=path,
            deployment_id=deployment_id,
            blueprint_filename=blueprint_filename,
            inputs=inputs,
            preview=True,
            detailed_exitcode=detailed_exitcode,
        )
        return
    with open_source(path, blueprint_filename, download=True) as source:
        planned = plan_blueprint(app, source, deployment_id, inputs, plugin_yaml)
    show_plan(app, planned, graph_path)
    if planned.instances:
        exit_with_changes(Preview(True, detailed_exitcode))


def _exists(app: App, deployment_id: str) -> bool:
    try:
        app.client.deployments.get(deployment_id, _include="id")
    except NotFound:
        return False
    return True
