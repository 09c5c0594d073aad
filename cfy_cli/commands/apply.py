"""`cfy apply`: install a blueprint under the name of a deployment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from cfy_cli.commands.install import cli as install
from cfy_cli.contract.resources import BLUEPRINTS, DEPLOYMENTS
from cfy_cli.errors import Conflict, NotFound
from cfy_cli.shell import options, param_types
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import Command
from cfy_cli.shell.follow_options import FollowOptions, with_follow_options

if TYPE_CHECKING:
    from cfy_cli.shell.options import Decorator

DEFAULT_PATH = "blueprint.yaml"


def _update_options() -> Decorator:
    """Add the options that are about updates of deployments."""
    flags = {
        "--skip-install": "Do not install what is new.",
        "--skip-uninstall": "Do not uninstall what is gone.",
        "--dont-skip-reinstall": "Reinstall node instances whose definition has changed.",
        "--ignore-failure": "Go on when an operation of the uninstallation fails.",
        "--install-first": "Install what is new before what is gone is uninstalled.",
        "--dont-update-plugins": "Keep the plugins of the deployment.",
        "--runtime-only-evaluation": "Evaluate functions only when the deployment runs.",
        "--auto-correct-types": "Convert inputs to the declared types.",
        "--reevaluate-active-statuses": "Check first whether former updates have ended.",
    }
    return options.combine(
        click.option(
            "-r", "--reinstall-list", multiple=True, expose_value=False,
            help="In an update: reinstall this node instance; may be repeated.",
        ),
        *(
            click.option(flag, is_flag=True, expose_value=False, help=f"In an update: {text[0].lower()}{text[1:]}")
            for flag, text in flags.items()
        ),
    )  # fmt: skip


@click.command("apply", cls=Command)
@click.option(
    "--blueprint-path",
    default=DEFAULT_PATH,
    show_default=True,
    help="The blueprint's main file, an archive, the URL of an archive, or organization/repository on GitHub.",
)
@click.option(
    "-d",
    "--deployment-id",
    type=param_types.name_of(DEPLOYMENTS),
    metavar="TEXT",
    help="The deployment's id; by default that of the blueprint.",
)
@click.option(
    "-n",
    "--blueprint-filename",
    default="blueprint.yaml",
    show_default=True,
    help="The name of the blueprint's main file in an archive.",
)
@click.option(
    "-b",
    "--blueprint-id",
    type=param_types.name_of(BLUEPRINTS),
    metavar="TEXT",
    help="The blueprint's id; by default the name of its folder.",
)
@options.inputs()
@click.option("-w", "--workflow-id", default="install", help="The workflow to run; by default install.")
@_update_options()
@click.option("--preview", is_flag=True, help="Only tell what would be done.")
@click.option("-f", "--force", is_flag=True, help="Start it even if another execution of the deployment is running.")
@options.visibility()
@click.option("--validate", is_flag=True, help="Validate the blueprint before the upload.")
@click.option("--skip-plugins-validation", is_flag=True, help="Do not check that its plugins are on the manager.")
@options.parameters()
@options.labels("--blueprint-labels", of="the blueprint instead of those in its file")
@options.labels("--deployment-labels", of="the deployment")
@with_follow_options()
@pass_app
def cli(
    app: App,
    blueprint_path: str,
    deployment_id: str | None,
    blueprint_filename: str,
    blueprint_id: str | None,
    preview: bool,
    follow: FollowOptions,
    **fields: object,
) -> None:  # fmt: skip
    """Install a blueprint as a deployment that does not exist yet.

    A deployment that exists is not changed: this version cannot update deployments.
    """
    from cfy_cli.shell.blueprint_source import open_source

    path = os.path.expanduser(blueprint_path)
    if not (deployment_id or blueprint_id):
        with open_source(path, blueprint_filename) as source:
            blueprint_id = source.default_id
    key = str(deployment_id or blueprint_id)
    try:
        app.client.deployments.get(key, _include="id")
    except NotFound:
        absent = f"Deployment `{key}` does not exist yet"
        if preview:
            app.result(f"{absent}: without --preview, it is created and installed", {"id": key, "exists": False})
            return
        app.note(f"{absent}: it will be created and installed")
    else:
        raise Conflict(
            f"Deployment `{key}` exists, and this version cannot update deployments: nothing was changed",
            hint=f"Remove it first: cfy uninstall {key}; or install another one: cfy apply -d OTHER",
        )
    click.get_current_context().invoke(
        install,
        blueprint_path=path,
        deployment_id=key,
        blueprint_filename=blueprint_filename,
        blueprint_id=blueprint_id,
        **fields,
        **follow.as_options,
    )
