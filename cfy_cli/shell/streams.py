"""Standard streams of the process: closed ones, encodings, failed writes, and secrets read from stdin."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_WRITE_ERRORS = frozenset({errno.EBADF, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC})
_MODES = {"stdin": "r", "stdout": "w", "stderr": "w"}  # in the order of their file descriptors


def prepare_streams() -> None:
    """Replace closed streams by /dev/null, write UTF-8 to pipes, and replace what a terminal cannot show.

    Otherwise the next file or socket that is opened would get the descriptor of the closed stream.
    """
    for name, mode in _MODES.items():
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace", **({} if stream.isatty() else {"encoding": "utf-8"}))


@contextmanager
def failed_writes() -> Iterator[None]:
    """Translate failed writes to stdout: Exit when its reader went away, otherwise CfyError."""
    from click.exceptions import Exit

    from cfy_cli.contract.exit_codes import CLOSED_PIPE
    from cfy_cli.errors import CfyError

    try:
        yield
    except BrokenPipeError:
        raise Exit(CLOSED_PIPE) from None
    except OSError as error:
        if error.errno in _WRITE_ERRORS and error.filename is None:
            raise CfyError(f"Cannot write the output: {error.strerror}") from error
        raise


def finish_streams(code: int) -> int:
    """Flush the output and return the exit code: that of a failed write if nothing failed before."""
    from cfy_cli.contract.exit_codes import CLOSED_PIPE

    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError as error:
            with suppress(OSError, ValueError):  # else the interpreter complains at exit
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            if stream is sys.stdout:
                code = CLOSED_PIPE if isinstance(error, BrokenPipeError) else code or 1
    return code


def read_secret(noun: str) -> str:
    """Read a line from stdin. Raises Usage when it is empty, which is never meant."""
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        from cfy_cli.errors import Usage

        raise Usage(f"Stdin contains no {noun}", hint=f"Send a line with the {noun}, such as with `< FILE`.")
    return line
