"""Completion in shells: click's classes with scripts that complete keys and files together, and one for PowerShell."""

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

from cfy_cli.shell.completion_scripts import BASH, FISH, POWERSHELL, ZSH

PROGRAM = "cfy"
VARIABLE = "_CFY_COMPLETE"
UNFINISHED = "part"  # type of items that no space follows, such as `key=`


class Bash(BashComplete):
    """Bash passes `key=value` as three words, and replaces only the last of them."""

    source_template = BASH
    _replaced = ""  # the beginning of the incomplete word that bash keeps

    def get_completion_args(self) -> tuple[list[str], str]:
        args, incomplete = super().get_completion_args()
        words: list[str] = []
        for word in (*args, incomplete):
            is_joined = words and (word == "=" or words[-1].endswith("=")) and words[-1] != "="
            if is_joined and (word == "=" or word):
                words[-1] += word
            else:
                words.append(word)
        *args, incomplete = words
        if not incomplete.startswith("-"):
            self._replaced = incomplete[: incomplete.rfind("=") + 1]
        return args, incomplete

    def format_completion(self, item: CompletionItem) -> str:
        return f"{item.type},{item.value.removeprefix(self._replaced)}"


class Zsh(ZshComplete):
    source_template = ZSH


class Fish(FishComplete):
    source_template = FISH


class PowerShell(ShellComplete):
    """Lines of type, value and help, with tabs between them."""

    name = "powershell"
    source_template = POWERSHELL

    def get_completion_args(self) -> tuple[list[str], str]:
        return split_arg_string(os.environ["COMP_WORDS"])[1:], os.environ.get("COMP_CWORD", "")

    def format_completion(self, item: CompletionItem) -> str:
        return f"{item.type}\t{item.value}\t{(item.help or '').replace(chr(10), ' ')}"


_CLASSES: dict[str, type[ShellComplete]] = {
    "bash": Bash,
    "zsh": Zsh,
    "fish": Fish,
    "powershell": PowerShell,
}
SHELLS = tuple(_CLASSES)
_SUFFIXES = {"powershell": "ps1"}


def register_shells() -> None:
    for completion_class in _CLASSES.values():
        add_completion_class(completion_class)


def completion_script(shell: str) -> str:
    completion_class = _CLASSES[shell](click.Command(PROGRAM), {}, PROGRAM, VARIABLE)
    return ShellComplete.source(completion_class)  # BashComplete.source runs bash to check its version


def file_name(shell: str) -> str:
    """Return the name of the file of the script."""
    return f"cfy.{_SUFFIXES.get(shell, shell)}"
