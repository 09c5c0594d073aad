"""Failures that nobody foresaw: what users are told of them, and what the log says."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cfy_cli.errors import Busy, CfyError
from cfy_cli.manager.store.files import DISK_FULL

CODE = Path(__file__).parents[1]  # our own packages
MAX_REASON = 200  # characters of an exception in the log


def is_disk_full(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno in DISK_FULL


def disk_full() -> Busy:
    return Busy("The disk of the manager is full", hint="Make room and try again.")


@contextmanager
def telling_full_disk() -> Iterator[None]:
    """Raise Busy where the block fails because the disk is full."""
    try:
        yield
    except OSError as error:
        if is_disk_full(error):
            raise disk_full() from error
        raise


def explain(error: Exception) -> CfyError:
    """Return the error for the user, in a sentence."""
    if is_disk_full(error):
        return disk_full()
    if isinstance(error, MemoryError):
        return Busy("The manager has too little memory for this")
    return CfyError(f"Unexpected error: {type(error).__name__}: {error}")


def describe(error: BaseException) -> str:
    """Return one line: the type and text of an exception, and the lines of our own code that led to it."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [
        f"{Path(frame.filename).relative_to(CODE)}:{frame.lineno}"
        for frame in frames
        if Path(frame.filename).is_relative_to(CODE)
    ]
    reason = " ".join(str(error).split())[:MAX_REASON]
    return f"{type(error).__name__}: {reason} at {' > '.join(places) or 'no line of ours'}"
