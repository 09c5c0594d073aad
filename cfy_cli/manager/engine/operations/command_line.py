"""Command lines that run script files, by their first line and their suffix."""

import ast
import contextlib
import os
import shlex
import stat
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from cfy_cli.contract.json import Json
from cfy_cli.manager.engine.operations.environment import to_text

POWERSHELL = "powershell"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
SHELLS = ("sh", "bash", "dash", "ksh", "zsh")


def build(script: Path, prefix: str | None, args: Sequence[Json]) -> list[str]:
    """Return the command; a prefix or arguments go through a shell, so that they can hold words and variables."""
    if args or _prefix(script, prefix):
        return ["/bin/sh", "-c", shell_command(script, prefix, args)]
    return [*_interpreter(script), str(script)]


def shell_command(script: Path, prefix: str | None, args: Sequence[Json]) -> str:
    """Return the command as a line for a shell."""
    words = _prefix(script, prefix)
    if not words and args:
        words = shlex.join(_interpreter(script))
    return " ".join(filter(None, (words, shlex.quote(str(script)), *map(_argument, args))))


def make_executable(script: Path) -> None:
    """Let a prefix such as `sudo` or `timeout 60` execute the script itself."""
    with contextlib.suppress(OSError):  # the error of the prefix says why it could not
        script.chmod(script.stat().st_mode | stat.S_IXUSR)


def is_python_source(text: str) -> bool:
    """Return whether a script without a file name is Python: by its first line, or because it parses as Python.

    Text of bare words parses as Python too, but is a shell command.
    """
    if text.startswith("#!"):
        return "python" in text.partition("\n")[0]
    try:
        statements = ast.parse(text).body
    except (SyntaxError, ValueError):
        return False
    return not all(
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Name) for statement in statements
    )


def has_windows_line_ends(script: Path) -> bool:
    """Return whether a script for a shell has CRLF line ends, with which shells go on but do something else."""
    programs = {PurePosixPath(word).name for words in _interpreter(script) for word in words.split()}
    return b"\r\n" in _read_start(script).partition(b"\n")[2] and not programs.isdisjoint(SHELLS)


def _argument(arg: Json) -> str:
    """Return an argument for a shell: text can hold several words, a map or a list is one word."""
    return shlex.quote(to_text(arg)) if isinstance(arg, dict | list) else to_text(arg)


def _prefix(script: Path, prefix: str | None) -> str:
    return prefix or (POWERSHELL if script.suffix.lower() == ".ps1" else "")


def _interpreter(script: Path) -> list[str]:
    """Return the interpreter in the first line of the script, so that the file itself need not be executable."""
    first = _read_start(script).partition(b"\n")[0]
    if first.startswith(b"#!"):
        return os.fsdecode(first[2:]).strip().split(None, 1) or ["/bin/sh"]
    return [] if first.startswith(b"\x7fELF") and os.access(script, os.X_OK) else ["/bin/sh"]


def _read_start(script: Path) -> bytes:
    with script.open("rb") as file:
        return file.read(4096).removeprefix(BYTE_ORDER_MARK)
