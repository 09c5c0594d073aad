"""`cfy apply`: install a blueprint under the name of a deployment."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from cfy_cli.commands.install import cli as install
from cfy_cli.contract.labels import labels_in
from cfy_cli.contract.resources import BLUEPRINTS, DEPLOYMENTS
from cfy_cli.errors import NotFound, Usage
from cfy_cli.shell import options, param_types
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import Command
from cfy_cli.shell.deployment_updates import Preview, exit_with_changes, flags, update_deployment
from cfy_cli.shell.follow_options import FollowOptions, with_follow_options

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cfy_cli.client.collection import Item
    from cfy_cli.contract.labels import Label
    from cfy_cli.shell.blueprint_source import BlueprintSource
    from cfy_cli.shell.temporary_blueprint import TemporaryBlueprint

OF_INSTALL = (
    "inputs", "visibility", "validate", "skip_plugins_validation", "parameters", "allow_custom_parameters",
    "blueprint_labels", "deployment_labels", "force",
)  # fmt: skip
DEFAULT_PATH = "blueprint.yaml"


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
@click.option(
    "-w",
    "--workflow-id",
    help="The workflow to run: by default install, or in an update the built-in steps.",
)
@flags(reinstalls_by_default=False)
@click.option(
    "-f",
    "--force",
    is_flag=True,
    help="Start it even if another execution of the deployment is running or other deployments depend on it.",
)
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
    workflow_id: str | None,
    preview: bool,
    detailed_exitcode: bool,
    follow: FollowOptions,
    **fields: Any,
) -> None:
    """Install a blueprint as a deployment, or update the deployment to it if it exists.

    An update uploads the blueprint under the id of the deployment and the present time, unless -b names another id or
    the deployment has the same files already. What has changed is not reinstalled, unless --dont-skip-reinstall says
    so.

    On a terminal, it shows what would be created or changed and asks whether to go on; --yes goes on without asking.
    """
    from cfy_cli.shell.blueprint_source import open_source
    from cfy_cli.shell.installation_plan import plan_blueprint, show_plan

    if detailed_exitcode and not preview:
        raise Usage("--detailed-exitcode requires --preview")
    path, given_id = os.path.expanduser(blueprint_path), blueprint_id
    if not (deployment_id or blueprint_id):
        with open_source(path, blueprint_filename) as source:
            blueprint_id = source.default_id
            key = blueprint_id
    else:
        key = str(deployment_id or blueprint_id)
    try:
        deployment = app.client.deployments.get(key, _include="id,blueprint_id")
    except NotFound:
        with open_source(path, blueprint_filename, download=True) as source:
            if preview:
                show_plan(app, plan_blueprint(app, source, key, fields["inputs"]))
                exit_with_changes(Preview(True, detailed_exitcode))
                return
            app.note(f"Deployment `{key}` does not exist yet: it will be created and installed")
            _confirm_installation(app, source, key, fields["inputs"])
        click.get_current_context().invoke(
            install,
            blueprint_path=path,
            deployment_id=key,
            blueprint_filename=blueprint_filename,
            blueprint_id=blueprint_id,
            workflow_id=workflow_id or "install",
            **{name: value for name, value in fields.items() if name in OF_INSTALL},
            **follow.as_options,
        )
        return
    if not preview:
        app.note(f"Deployment `{key}` exists: it will be updated")
    fields["skip_reinstall"] = not fields.pop("dont_skip_reinstall")
    options_of_update = {name: value for name, value in fields.items() if name not in OF_INSTALL} | {
        name: fields[name] for name in ("inputs", "force")
    }
    asks = _asks(app) and not preview
    with _uploaded(app, deployment, path, blueprint_filename, given_id, follow, fields, asks or preview) as used:
        options_of_update |= {"blueprint_id": used.id, "workflow_id": workflow_id}
        if preview or asks:
            shown = Preview(True, detailed_exitcode and preview, path if used.is_temporary else "")
            has_changes = update_deployment(app, key, follow, shown, **options_of_update)
        if asks and has_changes:
            app.confirm(f"Update deployment `{key}`?")
        if not preview:
            used.keep()
            update_deployment(app, key, follow, Preview(False, detailed_exitcode), **options_of_update)
    if fields["deployment_labels"] and not preview:
        _add_labels(app, key, fields["deployment_labels"])


@dataclass
class _UsedBlueprint:
    """The blueprint of an update; a temporary one is deleted in the end, unless it is kept."""

    id: str
    temporary: TemporaryBlueprint | None = None

    @property
    def is_temporary(self) -> bool:
        return self.temporary is not None

    def keep(self) -> None:
        if self.temporary:
            self.temporary.is_kept = True


@contextmanager
def _uploaded(
    app: App,
    deployment: Item,
    path: str,
    blueprint_filename: str,
    blueprint_id: str | None,
    follow: FollowOptions,
    fields: Mapping[str, Any],
    is_temporary: bool,
) -> Iterator[_UsedBlueprint]:
    """Upload the blueprint unless the deployment is of the same files; yield it."""
    from cfy_cli.shell import earlier_attempt
    from cfy_cli.shell.blueprint_source import open_source
    from cfy_cli.shell.blueprint_upload import upload_blueprint, validate_source
    from cfy_cli.shell.source_check import check_source
    from cfy_cli.shell.temporary_blueprint import temporary_blueprint

    labels, visibility = fields["blueprint_labels"], fields["visibility"]
    with open_source(path, blueprint_filename, download=True) as source:
        check_source(app, source)
        present = str(deployment["blueprint_id"])
        if blueprint_id in (None, present) and earlier_attempt.has_same_files(app, present, source):
            app.note(f"Blueprint `{present}` of the deployment is from the same files")
            yield _UsedBlueprint(present)
            return
        used = blueprint_id or f"{deployment['id']}-{datetime.now():%d-%m-%Y-%H-%M-%S}"
        if earlier_attempt.find_same_blueprint(app, used, source, labels=labels, visibility=visibility):
            app.note(f"Blueprint `{used}` is on the manager already, from the same files")
            yield _UsedBlueprint(used)
            return
        if is_temporary:
            if fields["validate"]:
                validate_source(app, used, source, visibility)
            with temporary_blueprint(app, used, source, visibility=visibility, labels=labels) as temporary:
                yield _UsedBlueprint(used, temporary)
            return
        upload_blueprint(
            app, used, source, visibility=visibility, labels=labels, validate=fields["validate"], follow=follow
        )
    yield _UsedBlueprint(used)


def _asks(app: App) -> bool:
    return app.interactive and not app.options.assume_yes and not app.as_data


def _confirm_installation(app: App, source: BlueprintSource, key: str, inputs: Sequence[str]) -> None:
    """Show the plan and ask, on a terminal. What only the manager can compile is not shown."""
    from cfy_cli.dsl import BlueprintInvalid
    from cfy_cli.shell.installation_plan import plan_blueprint, show_plan

    if not _asks(app):
        return
    with suppress(BlueprintInvalid):  # the checks before the upload tell its problems
        show_plan(app, plan_blueprint(app, source, key, inputs))
    app.confirm(f"Install deployment `{key}`?")


def _add_labels(app: App, deployment_id: str, labels: Sequence[Label]) -> None:
    deployments = app.client.deployments
    present = labels_in(deployments.labels_of(deployment_id))
    deployments.patch(deployment_id, labels=[{key: value} for key, value in dict.fromkeys([*present, *labels])])
