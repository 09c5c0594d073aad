"""A sample command line for every command, with its arguments and required options."""

from collections.abc import Iterator
from pathlib import Path

import click

from cfy_cli.main import main
from cfy_cli.pages import walk

WORDS = {
    "method": "GET", "path": "sites", "shell": "bash", "key": "dep", "labels": "team:core", "labels_to_delete": "team",
    "visibility": "global", "role": "user", "password": "canary-password", "execution_ids": "e1",
    "target_field": "visibility", "concurrency": "5", "tags": "team:core", "properties": "port=1",
    "since": "2030-01-01",
}  # fmt: skip
REQUIRED = {  # options that are required in ways that click does not know
    "api": "",
    "auditlog truncate": "--before 7w",
    "config update": "port=1",
    "apply": "--blueprint-path {folder}/blueprint.yaml",
    "deployments update": "-b x2",
    "deployments schedule create": "-c 1",
    "deployments schedule update": "-r 1d",
    "deployments set-site": "-s tlv",
    "events list": "",
    "executions delete": "--keep-last 1",
    "executions operations list": "e1",
    "sites update": "--location 1,2",
    "blueprints filters update": "-l global",
    "deployments filters update": "-l global",
    "events delete": "--before '1 day'",
    "plugins update": "x1",
    "profiles set": "-t blue",
    "profiles unset": "-s",
    "profiles set-cluster": "-s ann",
    "secrets create": "-s canary-secret",
    "secrets providers create": "-y local",
    "secrets providers update": "-y local",
    "secrets providers test": "-y local",
    "secrets update": "-s canary-secret",
    "secrets export": "-p canary-passphrase",
    "secrets import": "-p canary-passphrase -i {folder}/secrets.json",
    "users create": "--password canary-password",
    "users set-password": "--password canary-password",
}
LOCAL = frozenset({"init", "manager", "quickstart", "completion", "docs", "doctor"})  # not about a manager of a profile
OF_HOSTS = frozenset({"agents start", "agents status"})  # about the agent of this machine


def is_local(name: str) -> bool:
    """Return whether a command sends nothing to the manager of a profile."""
    return name.split(" ")[0] in LOCAL or name in OF_HOSTS


def commands() -> Iterator[tuple[str, click.Command]]:
    for context in walk(main, "cfy"):
        if not isinstance(context.command, click.Group):
            yield context.command_path.removeprefix("cfy "), context.command


def line(name: str, command: click.Command, blueprint: Path) -> str:
    """Return the command line; other files are created beside the blueprint's main file."""
    (blueprint.parent / "secrets.json").write_text('[{"key": "db", "value": "canary-value"}]')
    parts = [name]
    for param in command.params:
        value = str(blueprint) if "_path" in str(param.name) else WORDS.get(str(param.name), "x1")
        if isinstance(param, click.Argument) and (param.required or name == "events list"):
            parts.append(value)
        elif isinstance(param, click.Option) and param.required:
            parts += [param.opts[-1], value]
    return " ".join([*parts, REQUIRED.get(name, "").format(folder=blueprint.parent)]).strip()
