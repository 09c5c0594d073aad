"""`cfy explain`: explain a word of the blueprint language, or a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cfy_cli.shell import options
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import Command

if TYPE_CHECKING:
    from collections.abc import Sequence


@click.command("explain", cls=Command)
@click.argument("word", nargs=-1, required=True)
@click.option("--blueprint-path", metavar="PATH", help="Know what this blueprint and its imports define.")
@click.option("--plugin", metavar="NAME", help="Know what this plugin defines.")
@options.plugin_yaml()
@pass_app
def cli(
    app: App, word: tuple[str, ...], blueprint_path: str | None, plugin: str | None, plugin_yaml: tuple[str, ...]
) -> None:
    """Explain WORD: a type, function, workflow, rule of `cfy blueprints lint`, error code, or command.

    A type may be named by the last part of its name: `cfy explain Compute`.
    """
    from cfy_cli.dsl.problems import suggest
    from cfy_cli.errors import NotFound
    from cfy_cli.output.explanations import describe
    from cfy_cli.shell.definitions import load_definitions
    from cfy_cli.shell.explanations import explain, known_words

    definitions = load_definitions(app, blueprint_path, plugin, plugin_yaml)
    text = " ".join(word)
    found = explain(text, definitions, find_command(word))
    if not found:
        raise NotFound(
            f"Nothing is named `{text}`{suggest(text, known_words(definitions))}",
            hint="For all types: cfy types list; for all commands: cfy -h",
        )
    if app.as_data:
        app.answer([each.data for each in found])
    else:
        app.say("\n\n".join("\n".join(describe(each)) for each in found))


def find_command(words: Sequence[str]) -> click.Command | None:
    """Return the command of these words, if there is one."""
    context = click.get_current_context().find_root()
    command: click.Command | None = context.command
    for word in words:
        if not isinstance(command, click.Group) or word not in command.list_commands(context):
            return None
        command = command.get_command(context, word)
    return command
