"""`cfy install`: upload a blueprint, create a deployment and install it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cfy_cli.contract.resources import BLUEPRINTS, DEPLOYMENTS
from cfy_cli.errors import CfyError, Usage
from cfy_cli.shell import options, param_types
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import Command
from cfy_cli.shell.follow_options import FollowOptions, with_follow_options

if TYPE_CHECKING:
    from cfy_cli.contract.labels import Label


@click.command("install", cls=Command)
@click.argument("blueprint_path")
@click.option(
    "-b",
    "--blueprint-id",
    type=param_types.name_of(BLUEPRINTS),
    metavar="TEXT",
    help="The blueprint's id; by default the name of its folder.",
)
@click.option("-n", "--blueprint-filename", default="blueprint.yaml", show_default=True,
              help="The name of the blueprint's main file in an archive.")  # fmt: skip
@click.option("--validate", is_flag=True, help="Validate the blueprint before the upload.")
@click.option(
    "-d",
    "--deployment-id",
    type=param_types.name_of(DEPLOYMENTS),
    metavar="TEXT",
    help="The deployment's id; by default that of the blueprint.",
)
@click.option("-g", "--deployment-group-id", help="Create this deployment group instead; requires --count.")
@click.option("--count", type=click.IntRange(1), help="The number of deployments in the group.")
@options.inputs()
@click.option("-w", "--workflow-id", default="install", show_default=True, help="The workflow to run.")
@options.parameters()
@click.option("-f", "--force", is_flag=True, help="Start it even if another execution of the deployment is running.")
@click.option("--skip-plugins-validation", is_flag=True, help="Do not check that its plugins are on the manager.")
@options.labels("--blueprint-labels", of="the blueprint instead of those in its file")
@options.labels("--deployment-labels", of="the deployment")
@options.visibility()
@with_follow_options()
@pass_app
def cli(
    app: App,
    blueprint_path: str,
    blueprint_id: str | None,
    blueprint_filename: str,
    validate: bool,
    deployment_id: str | None,
    deployment_group_id: str | None,
    count: int | None,
    inputs: tuple[str, ...],
    workflow_id: str,
    parameters: tuple[str, ...],
    skip_plugins_validation: bool,
    force: bool,
    allow_custom_parameters: bool,
    blueprint_labels: list[Label] | None,
    deployment_labels: list[Label] | None,
    visibility: str,
    follow: FollowOptions,
) -> None:
    """Upload the blueprint in BLUEPRINT_PATH, create a deployment and install it.

    The blueprint and the inputs are checked before anything is sent. After a failure, repeat the command: it uses the
    blueprint and the deployment that are there when they are the same.

    BLUEPRINT_PATH is the blueprint's main file, an archive (zip, tar, tar.gz, tar.bz2), the URL of an archive, or
    organization/repository[:tag or branch] on GitHub.
    """
    from cfy_cli.shell import earlier_attempt
    from cfy_cli.shell.blueprint_source import open_source
    from cfy_cli.shell.blueprint_upload import upload_blueprint
    from cfy_cli.shell.deployment_groups import install_group
    from cfy_cli.shell.deployments import create_deployment
    from cfy_cli.shell.source_check import check_plan_inputs, check_source
    from cfy_cli.shell.workflows import run_workflow

    if (deployment_group_id and not count) or (deployment_id and count):
        raise Usage("--deployment-group-id requires --count, and --deployment-id excludes it")
    with open_source(blueprint_path, blueprint_filename, download=True) as source:
        blueprint_id = blueprint_id or source.default_id
        deployment_id = deployment_id or blueprint_id
        plan = check_source(app, source)
        if plan is not None:
            check_plan_inputs(plan, inputs)
        deployment = None if count else earlier_attempt.find_same_deployment(app, deployment_id, blueprint_id)
        if earlier_attempt.find_same_blueprint(
            app, blueprint_id, source, labels=blueprint_labels, visibility=visibility
        ):
            app.note(f"Blueprint `{blueprint_id}` is on the manager already, from the same files")
        else:
            upload_blueprint(
                app,
                blueprint_id,
                source,
                visibility=visibility,
                labels=blueprint_labels,
                validate=validate,
                follow=follow,
            )
    if count:
        install_group(
            app,
            deployment_group_id or blueprint_id,
            count,
            blueprint_id,
            workflow_id,
            follow,
            inputs=inputs,
            parameters=parameters,
            labels=deployment_labels,
            visibility=visibility,
            force=force,
        )
        return
    if deployment:
        stored = check_plan_inputs(app.client.blueprints.plan(blueprint_id), inputs)
        earlier_attempt.check_same_values(deployment, inputs=stored, labels=deployment_labels, visibility=visibility)
        app.note(f"Deployment `{deployment_id}` exists already with the same inputs; the installation continues")
    else:
        try:
            create_deployment(
                app,
                deployment_id,
                blueprint_id=blueprint_id,
                skip_plugins_validation=skip_plugins_validation,
                inputs=inputs,
                labels=deployment_labels,
                visibility=visibility,
            )
        except CfyError as error:
            error.hint = error.hint or "Correct this and repeat the command, which then uses the uploaded blueprint."
            raise
        app.note(f"Deployment `{deployment_id}` created from blueprint `{blueprint_id}`")
    run_workflow(
        app,
        deployment_id,
        workflow_id,
        parameters,
        follow,
        force=force,
        allow_custom_parameters=allow_custom_parameters,
    )
