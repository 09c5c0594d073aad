"""Completion in shells: click's classes for bash, zsh and fish, and one for PowerShell."""

import os

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    split_arg_string,
)

PROGRAM = "cfy"
VARIABLE = "_CFY_COMPLETE"

_POWERSHELL = """\
Register-ArgumentCompleter -Native -CommandName %(prog_name)s -ScriptBlock {
    param($word, $line, $cursor)
    $before = $line.ToString().Substring(0, [Math]::Min($cursor, $line.ToString().Length))
    $env:COMP_WORDS = $before.Substring(0, $before.Length - $word.Length)
    $env:COMP_CWORD = $word
    $env:%(complete_var)s = "powershell_complete"
    try {
        %(prog_name)s 2>$null | ForEach-Object {
            $type, $value, $help = $_ -split "`t", 3
            if ($type -eq "plain") {
                $tip = if ($help) { $help } else { $value }
                [System.Management.Automation.CompletionResult]::new($value, $value, "ParameterValue", $tip)
            }
        }
    } finally {
        Remove-Item Env:COMP_WORDS, Env:COMP_CWORD, Env:%(complete_var)s
    }
}
"""


class Bash(BashComplete):
    """Bash passes the `=` of --option=value as a word of its own."""

    def get_completion_args(self) -> tuple[list[str], str]:
        args, incomplete = super().get_completion_args()
        return [arg for arg in args if arg != "="], incomplete


class PowerShell(ShellComplete):
    """Lines of type, value and help, with tabs between them."""

    name = "powershell"
    source_template = _POWERSHELL

    def get_completion_args(self) -> tuple[list[str], str]:
        return split_arg_string(os.environ["COMP_WORDS"])[1:], os.environ.get("COMP_CWORD", "")

    def format_completion(self, item: CompletionItem) -> str:
        return f"{item.type}\t{item.value}\t{(item.help or '').replace(chr(10), ' ')}"


_CLASSES: dict[str, type[ShellComplete]] = {
    "bash": Bash,
    "zsh": ZshComplete,
    "fish": FishComplete,
    "powershell": PowerShell,
}
SHELLS = tuple(_CLASSES)
_SUFFIXES = {"powershell": "ps1"}


def register_shells() -> None:
    """Register the classes that are not click's own."""
    for completion_class in (Bash, PowerShell):
        add_completion_class(completion_class)


def completion_script(shell: str) -> str:
    completion_class = _CLASSES[shell](click.Command(PROGRAM), {}, PROGRAM, VARIABLE)
    return ShellComplete.source(completion_class)  # BashComplete.source runs bash to check its version


def file_name(shell: str) -> str:
    """Return the name of the file of the script."""
    return f"cfy.{_SUFFIXES.get(shell, shell)}"
