"""How a Python process of an operation tells the manager that it has come to its end."""

import os
import sys
from typing import Any

from .state import ctx

Json = Any
OURS = os.path.dirname(__file__) + os.sep


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
    import traceback

    # By name: a plugin that brings cloudify-common raises that one's errors, not ours.
    kinds = {kind.__name__ for kind in type(error).__mro__}
    requested = "OperationRetry" in kinds
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(OURS)]
    lines = [*traceback.format_list(frames), *traceback.format_exception_only(error)]
    return {
        "kind": type(error).__name__,
        "message": str(error),
        "traceback": "" if requested else "".join(lines),
        "recoverable": "NonRecoverableError" not in kinds,
        "requested": requested,
        "retry_after": getattr(error, "retry_after", None),
    }
