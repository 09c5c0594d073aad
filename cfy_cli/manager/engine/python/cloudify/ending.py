"""How a Python process of an operation tells the manager that it has come to its end."""

import os
import sys
from typing import Any

from .state import ctx

Json = Any
OURS = os.path.dirname(__file__) + os.sep
HEADING = "Traceback (most recent call last):\n"


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


def described(error: BaseException) -> dict[str, Json]:
    """How it ended, as the manager takes it; frames of ours are left out of the traceback."""
    # By name: a plugin that brings cloudify-common raises that one's errors, not ours.
    kinds = {kind.__name__ for kind in type(error).__mro__}
    requested = "OperationRetry" in kinds
    return {
        "kind": type(error).__name__,
        "message": str(error),
        "traceback": "" if requested else _story(error),
        "recoverable": "NonRecoverableError" not in kinds,
        "requested": requested,
        "retry_after": getattr(error, "retry_after", None),
    }


def _story(error: BaseException) -> str:
    """What led to it: the errors it was raised from, then itself, each with the frames of the script."""
    from traceback import StackSummary, TracebackException

    told = TracebackException.from_exception(error)
    one: TracebackException | None = told
    while one is not None:
        one.stack = StackSummary.from_list([frame for frame in one.stack if not frame.filename.startswith(OURS)])
        one = one.__cause__ or one.__context__
    return "".join(line for line in told.format() if line != HEADING)
