"""`cfy quickstart`: deploy an example on this machine."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import click

import cfy_cli
from cfy_cli.errors import NotFound
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import Command

NAME = "hello"
EXAMPLE = ("examples", "hello", "blueprint.yaml")
NEXT = (
    ("deployments list", "list deployments"),
    ("node-instances list -d {key}", "list its node instances"),
    ("executions list -d {key}", "list its executions"),
    ("deployments create mine -b {name} -i count=5", "create a deployment with other inputs"),
    ("uninstall {key}", "uninstall and delete it"),
)


@click.command("quickstart", cls=Command)
@pass_app
def cli(app: App) -> None:
    """Deploy a small example with the manager on this machine, which is started if needed."""
    from cfy_cli.commands.deployments import show_values
    from cfy_cli.shell.deployments import create_deployment
    from cfy_cli.shell.follow_options import FollowOptions
    from cfy_cli.shell.workflows import run_workflow

    app.use_embedded()
    _upload(app)
    key = _free_name(app)
    create_deployment(app, key, blueprint_id=NAME)
    app.note(f"Deployment `{key}` created from blueprint `{NAME}`")
    run_workflow(app, key, "install", (), FollowOptions())
    if not app.as_data:
        for kind, values in (
            ("outputs", app.client.deployments.outputs(key)),
            ("capabilities", app.client.deployments.capabilities(key)),
        ):
            app.say(f"\n{kind.capitalize()}:")
            show_values(app, key, kind, values)
    app.note("\nNext steps:")
    program = _program()
    for command, meaning in NEXT:
        app.note(f"  {program} {command.format(key=key, name=NAME):<46}{meaning}")
    app.note(f"The blueprint is in {_example().parent}; copy it as a start for your own.")


def _program() -> str:
    """Return how to call this program: `cfy` if the shell finds it, else its path."""
    called, on_path = Path(sys.argv[0]), shutil.which("cfy")
    if called.name != "cfy" or (on_path and Path(on_path).samefile(called)):
        return "cfy"
    return os.path.relpath(called) if called.is_relative_to(Path.cwd()) else str(called)


def _example() -> Path:
    return Path(cfy_cli.__file__).parent.joinpath(*EXAMPLE)


def _upload(app: App) -> None:
    """Upload the example unless the blueprint exists already."""
    from cfy_cli.shell.blueprint_source import open_source
    from cfy_cli.shell.blueprint_upload import upload_blueprint

    try:
        app.client.blueprints.get(NAME, _include="id")
    except NotFound:
        with open_source(str(_example()), EXAMPLE[-1]) as source:
            upload_blueprint(app, NAME, source, visibility="tenant")


def _free_name(app: App) -> str:
    taken = {item["id"] for item in app.client.deployments.list(_include="id", _search=NAME)}
    names = (NAME if number == 1 else f"{NAME}-{number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)
