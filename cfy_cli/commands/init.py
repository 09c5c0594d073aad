"""`cfy init`: begin to work with the manager on this machine."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from pathlib import Path

import click

import cfy_cli
from cfy_cli.config.profiles import LOCAL
from cfy_cli.contract.resources import BLUEPRINTS
from cfy_cli.errors import CfyError, NotFound, Usage
from cfy_cli.shell import options, param_types
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import Command

EXAMPLES = Path(cfy_cli.__file__).parent / "examples"
TEMPLATES = ("hello", "minimal")  # folders of examples
PROJECT = "project"  # the folder with what every project gets
SCHEMA = Path(".vscode") / "blueprint.schema.json"


@click.command("init", cls=Command)
@click.argument("blueprint_path", required=False)
@click.option(
    "-n",
    "--blueprint-filename",
    default="blueprint.yaml",
    show_default=True,
    help="The name of the blueprint's main file in an archive or folder.",
)
@click.option(
    "-b",
    "--blueprint-id",
    type=param_types.name_of(BLUEPRINTS),
    metavar="TEXT",
    help="The id of the blueprint and of its deployment; by default the name of the folder.",
)
@click.option("-r", "--reset-context", is_flag=True, help="Use the manager on this machine instead of another one.")
@options.inputs()
@click.option(
    "--template", type=click.Choice(TEMPLATES), default=TEMPLATES[0], show_default=True, help="What to begin with."
)
@click.option(
    "--install-plugins",
    is_flag=True,
    expose_value=False,
    help="Has no effect: plugins are installed when they are first used.",
)
@click.option("--hard", is_flag=True, help="The same as --reset-context; the configuration file stays as it is.")
@click.option(
    "--enable-colors",
    is_flag=True,
    expose_value=False,
    help="Has no effect: terminals get colors unless the configuration file says otherwise.",
)
@pass_app
def cli(
    app: App, blueprint_path: str | None, blueprint_filename: str, blueprint_id: str | None, reset_context: bool,
    inputs: tuple[str, ...], template: str, hard: bool,
) -> None:  # fmt: skip
    """Use the manager on this machine, and begin a project or prepare a blueprint with it.

    With BLUEPRINT_PATH, an empty or new folder gets a blueprint to begin with, inputs, a CI job for GitHub, and a
    schema for editors. Any other blueprint is uploaded, and a deployment of it is created but not installed. Those of
    the same id are replaced unless they are installed.
    """
    if blueprint_path is None:
        _use_local(app, reset=reset_context or hard, has_more=bool(inputs or blueprint_id))
        return
    path = Path(os.path.expanduser(blueprint_path))
    if _is_new(path) or (path.is_dir() and not any(path.iterdir())):
        _begin_project(app, path, template)
        return
    source = str(path / blueprint_filename) if path.is_dir() else blueprint_path
    _prepare(app, source, blueprint_filename, blueprint_id, inputs)


def _use_local(app: App, *, reset: bool, has_more: bool) -> None:
    if has_more:
        raise Usage("--inputs and --blueprint-id are for a blueprint", hint="Give its file: cfy init BLUEPRINT_PATH")
    active = app.profiles.active()
    if active and not reset:
        raise CfyError(
            f"Profile `{active}` is in use already",
            hint="Use the manager on this machine instead: cfy init -r, or cfy profiles use local",
        )
    app.profiles.activate(app.profiles.local().name)
    app.result(
        f"Using profile `{LOCAL}`: a manager on this machine, which is started when it is first needed", {"name": LOCAL}
    )
    app.note("To begin a project: cfy init FOLDER; to see an example: cfy quickstart")


def _is_new(path: Path) -> bool:
    """Return whether a path is the name of a folder to create, not of an archive, a URL or a repository on GitHub."""
    return not path.exists() and not path.suffix and (len(path.parts) == 1 or path.is_absolute())


def _begin_project(app: App, folder: Path, template: str) -> None:
    """Copy a template into a new or empty folder. Raises CfyError."""
    from cfy_cli.dsl.json_schema import blueprint_schema
    from cfy_cli.shell.definitions import load_definitions

    try:
        for part in (template, PROJECT):
            source = EXAMPLES / part
            shutil.copytree(source, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        schema = json.dumps(blueprint_schema(load_definitions(app)), indent=1)
        (folder / SCHEMA).write_text(schema, encoding="utf-8")
    except OSError as error:
        raise CfyError(f"The project cannot be written to {folder}: {error.strerror or error}") from error
    main_file = folder / "blueprint.yaml"
    app.result(f"Created a project in {folder}", {"folder": str(folder), "blueprint": str(main_file)})
    typed, inputs = shlex.quote(str(main_file)), shlex.quote(str(folder / "inputs.yaml"))
    app.note(f"Change {main_file}, then check and install it:")
    app.note(f"  cfy blueprints lint {typed}\n  cfy install {typed} -i {inputs}")


def _prepare(app: App, path: str, file_name: str, blueprint_id: str | None, inputs: tuple[str, ...]) -> None:
    from cfy_cli.shell.blueprint_source import open_source
    from cfy_cli.shell.blueprint_upload import upload_blueprint
    from cfy_cli.shell.deployments import create_deployment
    from cfy_cli.shell.source_check import check_plan_inputs, check_source

    with open_source(path, file_name, download=True) as source:
        key = blueprint_id or source.default_id
        app.use_embedded()
        plan = check_source(app, source)
        if plan is not None:
            check_plan_inputs(plan, inputs)
        _remove_former(app, key)
        upload_blueprint(app, key, source, visibility="tenant")
    deployment = create_deployment(app, key, blueprint_id=key, inputs=inputs)
    app.result(
        f"Deployment `{key}` created from {path}; to install it: cfy executions start install -d {key}", deployment
    )


def _remove_former(app: App, key: str) -> None:
    """Delete the deployment and the blueprint of an earlier `cfy init`. Raises CfyError when they are in use."""
    from cfy_cli.shell.deployments import delete_deployment

    try:
        deployment = app.client.deployments.get(key, _include="blueprint_id")
    except NotFound:
        deployment = None
    if deployment and deployment["blueprint_id"] != key:
        raise CfyError(
            f"Deployment `{key}` belongs to the blueprint `{deployment['blueprint_id']}`", hint="Give another id: -b ID"
        )
    if deployment:
        delete_deployment(app, key)
    try:
        app.client.blueprints.delete(key)
    except NotFound:
        return
    app.note(f"Blueprint `{key}` is replaced")
