"""Runs a Python script as the operation, and reports how it ended."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .state import ctx


def run(path: str) -> None:
    """Exits with 1 when the script fails; the manager has then been told why."""
    process = os.getpid()
    error = _failure_of(path)
    if os.getpid() != process:
        return  # a child that the script forked: what becomes of it is not the operation's end
    try:
        ctx._store()
    except Exception as unstored:
        error = error or _described(unstored, path)
    ctx._connection.ask("end", error=error)
    sys.stdout.flush()
    sys.exit(1 if error else 0)


def _failure_of(path: str) -> dict[str, Any] | None:
    sys.argv = [path]
    os.chdir = _chdir
    sys.path.insert(0, str(Path(path).parent))
    try:
        source = Path(path).read_bytes()
        exec(compile(source, path, "exec"), {"__name__": "__main__", "__file__": path, "__builtins__": __builtins__})  # noqa: S102
    except SystemExit as end:
        return None if end.code in (None, 0) else _described(end, path)
    except BaseException as error:
        return _described(error, path)
    return None


def _chdir(path: Any, _chdir: Callable[[Any], None] = os.chdir) -> None:
    """Scripts written for a manager's own machine know the folder of their blueprint there: give them ours."""
    place = f"/opt/manager/resources/blueprints/{ctx.tenant_name}/{ctx.blueprint.id}" if _elsewhere(path) else ""
    if place and os.fspath(path).startswith(place):
        path = ctx._static["resources"] + os.fspath(path)[len(place) :]
    _chdir(path)


def _elsewhere(path: Any) -> bool:
    return str(path).startswith("/opt/manager/resources/") and not Path(path).exists()


def _described(error: BaseException, path: str) -> dict[str, Any]:
    """How it ended, as the manager takes it."""
    import traceback

    from .exceptions import NonRecoverableError, OperationRetry

    requested = isinstance(error, OperationRetry)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    lines = [*traceback.format_list(frames), *traceback.format_exception_only(error)]
    return {
        "kind": type(error).__name__,
        "message": str(error),
        "traceback": "" if requested else "".join(lines),
        "recoverable": not isinstance(error, NonRecoverableError),
        "requested": requested,
        "retry_after": getattr(error, "retry_after", None),
    }
