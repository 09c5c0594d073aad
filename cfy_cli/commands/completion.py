"""`cfy completion`: print completion scripts."""

import click

from cfy_cli.output import render
from cfy_cli.shell.command_tree import Command
from cfy_cli.shell.completion import SHELLS, completion_script


@click.command("completion", cls=Command)
@click.argument("shell", type=click.Choice(SHELLS))
def cli(shell: str) -> None:
    """Print the completion script of SHELL.

    bash: add eval "$(cfy completion bash)" to ~/.bashrc. zsh: save the script as _cfy in a folder of $fpath. fish: save
    it as ~/.config/fish/completions/cfy.fish. PowerShell: add this to $PROFILE:
    cfy completion powershell | Out-String | Invoke-Expression
    """
    render.line(completion_script(shell).rstrip("\n"))
