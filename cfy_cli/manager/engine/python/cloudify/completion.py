"""Reporting the end of an operation from its Python process."""

import os
import sys
from typing import TYPE_CHECKING

from .messages import ErrorInfo
from .state import own_ctx as ctx

if TYPE_CHECKING:
    from collections.abc import Iterator
    from traceback import TracebackException

OWN_FOLDER = os.path.dirname(__file__) + os.sep
TRACEBACK_HEADER = "Traceback (most recent call last):\n"  # the manager writes a header of its own


def complete_operation(error: ErrorInfo | None, pid: int) -> None:
    """Store changed runtime properties, report `error` or success, and exit; `pid` is the process of the operation.

    A child that the script forked returns at once, because its end is not the end of the operation.
    """
    if os.getpid() != pid:
        return
    try:
        ctx._store_runtime_properties()
    except Exception as store_error:
        error = error or serialize_error(store_error)
    ctx._connection.call("end", error=error)
    sys.stdout.flush()
    sys.exit(1 if error else 0)


def serialize_error(error: BaseException) -> ErrorInfo:
    """Return an exception as the manager reads it, without the frames of this package in its traceback."""
    import traceback

    # By name: a plugin that brings cloudify-common raises the exceptions of that package.
    class_names = {base.__name__ for base in type(error).__mro__}
    requested = "OperationRetry" in class_names
    trace = traceback.TracebackException.from_exception(error)
    for part in _chain(trace):
        part.stack[:] = [frame for frame in part.stack if not frame.filename.startswith(OWN_FOLDER)]
    return {
        "kind": type(error).__name__,
        "message": _message(error),
        "traceback": "" if requested else "".join(trace.format()).removeprefix(TRACEBACK_HEADER),
        "recoverable": "NonRecoverableError" not in class_names,
        "requested": requested,
        "retry_after": getattr(error, "retry_after", None),
    }


def _message(error: BaseException) -> str:
    if isinstance(error, SystemExit) and isinstance(error.code, int):
        return f"The Python process ended with exit code {error.code}"
    return str(error) or type(error).__name__  # `assert` has no message


def _chain(trace: "TracebackException") -> "Iterator[TracebackException]":
    """Yield a traceback and those of its causes and contexts."""
    current: TracebackException | None = trace
    while current is not None:
        yield current
        current = current.__cause__ or current.__context__
