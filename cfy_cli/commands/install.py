"""cfy install: from a blueprint to something that runs."""

from typing import Any

import click

from cfy_cli.shell import options, values
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.tree import Command


@click.command("install", cls=Command)
@click.argument("blueprint_path")
@click.option(
    "-b", "--blueprint-id", type=values.name, metavar="TEXT", help="The blueprint's name; by default its folder's."
)
@click.option("-n", "--blueprint-filename", default="blueprint.yaml", show_default=True,
              help="The blueprint's file in an archive.")  # fmt: skip
@click.option("--validate", is_flag=True, help="Check the blueprint before it is sent.")
@click.option(
    "-d", "--deployment-id", type=values.name, metavar="TEXT", help="The deployment's id; by default the blueprint's."
)
@options.inputs()
@click.option("-w", "--workflow-id", default="install", show_default=True, help="The workflow to run.")
@options.parameters()
@click.option("-f", "--force", is_flag=True, help="Start it even if another execution of the deployment runs.")
@click.option("--skip-plugins-validation", is_flag=True, help="Do not ask whether its plugins are on the manager.")
@options.labels("--blueprint-labels", of="the blueprint")
@options.labels("--deployment-labels", of="the deployment")
@options.visibility()
@options.following()
@pass_app
def cli(
    app: App,
    blueprint_path: str,
    blueprint_id: str | None,
    blueprint_filename: str,
    validate: bool,
    deployment_id: str | None,
    inputs: tuple[str, ...],
    workflow_id: str,
    parameters: tuple[str, ...],
    skip_plugins_validation: bool,
    blueprint_labels: Any,
    deployment_labels: Any,
    visibility: str,
    timeout: int,
    include_logs: bool,
    json_output: bool,
    **fields: Any,
) -> None:
    """Upload the blueprint in BLUEPRINT_PATH, create a deployment of it and install that.

    BLUEPRINT_PATH is the blueprint's file, an archive (zip, tar, tar.gz, tar.bz2), the URL of an archive, or
    organization/repository[:tag or branch] on GitHub.
    """
    from cfy_cli.shell.blueprint_source import prepared
    from cfy_cli.shell.creation import create_deployment
    from cfy_cli.shell.uploads import send_blueprint
    from cfy_cli.shell.wait import Watch
    from cfy_cli.shell.workflows import run_workflow

    with prepared(blueprint_path, blueprint_filename, fetch=True) as source:
        blueprint_id = blueprint_id or source.default_id
        send_blueprint(app, blueprint_id, source, visibility=visibility, labels=blueprint_labels, validate=validate)
    deployment = create_deployment(
        app,
        deployment_id or blueprint_id,
        blueprint_id=blueprint_id,
        inputs=inputs,
        labels=deployment_labels,
        visibility=visibility,
        skip_plugins_validation=skip_plugins_validation,
    )
    app.note(f"Deployment `{deployment['id']}` created from blueprint `{blueprint_id}`")
    run_workflow(app, deployment["id"], workflow_id, parameters, Watch(timeout, include_logs, json_output), **fields)
