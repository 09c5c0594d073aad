"""cfy quickstart: a first deployment, from nothing."""

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
    ("deployments list", "what is deployed"),
    ("node-instances list -d {key}", "what it is made of"),
    ("executions list -d {key}", "what was done to it"),
    ("deployments create mine -b {name} -i count=5", "another, with inputs of your own"),
    ("uninstall {key}", "take it away again"),
)


@click.command("quickstart", cls=Command)
@pass_app
def cli(app: App) -> None:
    """Deploy a small example with a manager on this machine, which is started if it does not run."""
    from cfy_cli.commands.deployments import present_values
    from cfy_cli.shell.deployments import create_deployment
    from cfy_cli.shell.follow_options import FollowOptions
    from cfy_cli.shell.workflows import run_workflow

    app.use_local()
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
            present_values(app, key, kind, values)
    app.note("\nWhat to type next:")
    program = _program()
    for command, meaning in NEXT:
        app.note(f"  {program} {command.format(key=key, name=NAME):<46}{meaning}")
    app.note(f"The example is in {_example().parent}: copy it and go on from there.")


def _program() -> str:
    """What to type for `cfy`: its name where a shell finds it, the path it was called by where it does not."""
    called, found = Path(sys.argv[0]), shutil.which("cfy")
    if called.name != "cfy" or (found and Path(found).samefile(called)):
        return "cfy"
    return os.path.relpath(called) if called.is_relative_to(Path.cwd()) else str(called)


def _example() -> Path:
    return Path(cfy_cli.__file__).parent.joinpath(*EXAMPLE)


def _upload(app: App) -> None:
    """The example as it came with this program; one that is there already is used as it is."""
    from cfy_cli.shell.blueprint_source import prepared
    from cfy_cli.shell.blueprint_upload import send_blueprint

    try:
        app.client.blueprints.get(NAME, _include="id")
    except NotFound:
        with prepared(str(_example()), EXAMPLE[-1]) as source:
            send_blueprint(app, NAME, source, visibility="tenant")


def _free_name(app: App) -> str:
    taken = {item["id"] for item in app.client.deployments.list(_include="id", _search=NAME)}
    names = (NAME if number == 1 else f"{NAME}-{number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)
