"""cfy completion: TAB in a shell."""

import click
from click.shell_completion import get_completion_class

from cfy_cli.errors import Usage
from cfy_cli.output import render
from cfy_cli.shell.tree import Command

SHELLS = ("bash", "zsh", "fish")


@click.command("completion", cls=Command)
@click.argument("shell", type=click.Choice(SHELLS))
def cli(shell: str) -> None:
    """Print the completion script of SHELL.

    For bash, put this into ~/.bashrc: eval "$(cfy completion bash)"
    """
    render.line(script(shell))


def script(shell: str) -> str:
    kind = get_completion_class(shell)
    if kind is None:
        raise Usage(f"There is no completion for {shell}", hint=f"Shells: {', '.join(SHELLS)}")
    return kind(click.Group(), {}, "cfy", "_CFY_COMPLETE").source()
