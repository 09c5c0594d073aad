"""How a Python process of an operation tells the manager that it has come to its end."""

import os
import sys
from typing import TYPE_CHECKING, Any

from .state import ctx

if TYPE_CHECKING:
    from collections.abc import Iterator
    from traceback import TracebackException

Json = Any
OURS = os.path.dirname(__file__) + os.sep
HEAD = "Traceback (most recent call last):\n"  # the manager has a head of its own


def end(error: dict[str, Json] | None, process: int) -> None:
    """Store what was changed, tell `error` or success, and exit. `process` is the one that began the operation."""
    if os.getpid() != process:
        return  # a child that the script forked: what becomes of it is not the operation's end
    try:
        ctx._store()
    except Exception as unstored:
        error = error or described(unstored)
    ctx._connection.ask("end", error=error)
    sys.stdout.flush()
    sys.exit(1 if error else 0)


def _message(error: BaseException) -> str:
    if isinstance(error, SystemExit) and isinstance(error.code, int):
        return f"The Python process ended with exit code {error.code}"
    return str(error) or type(error).__name__  # `assert` says nothing


def _chain(told: "TracebackException") -> "Iterator[TracebackException]":
    """It, and what it was raised for or amid."""
    here: TracebackException | None = told
    while here is not None:
        yield here
        here = here.__cause__ or here.__context__


def described(error: BaseException) -> dict[str, Json]:
    """How it ended, as the manager takes it; frames of ours are left out of the traceback."""
    import traceback

    # By name: a plugin that brings cloudify-common raises that one's errors, not ours.
    kinds = {kind.__name__ for kind in type(error).__mro__}
    requested = "OperationRetry" in kinds
    told = traceback.TracebackException.from_exception(error)
    for one in _chain(told):
        one.stack[:] = [frame for frame in one.stack if not frame.filename.startswith(OURS)]
    return {
        "kind": type(error).__name__,
        "message": _message(error),
        "traceback": "" if requested else "".join(told.format()).removeprefix(HEAD),
        "recoverable": "NonRecoverableError" not in kinds,
        "requested": requested,
        "retry_after": getattr(error, "retry_after", None),
    }
