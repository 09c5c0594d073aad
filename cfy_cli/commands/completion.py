"""cfy completion: TAB in a shell."""

import click

from cfy_cli.output import render
from cfy_cli.shell.command_tree import Command
from cfy_cli.shell.completion import SHELLS, completion_script


@click.command("completion", cls=Command)
@click.argument("shell", type=click.Choice(SHELLS))
def cli(shell: str) -> None:
    """Print the completion script of SHELL.

    For bash, put this into ~/.bashrc: eval "$(cfy completion bash)"; zsh and fish read it from a file of completions,
    and PowerShell from $PROFILE: cfy completion powershell | Out-String | Invoke-Expression
    """
    render.line(completion_script(shell).rstrip("\n"))
