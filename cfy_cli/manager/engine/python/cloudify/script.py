"""Runs a Python script as the operation, and reports how it ended."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .ending import described, end
from .state import ctx


def run(path: str) -> None:
    """Exits with 1 when the script fails; the manager has then been told why."""
    process = os.getpid()
    error = _failure_of(path)
    end(error, process)


def _failure_of(path: str) -> dict[str, Any] | None:
    sys.argv = [path]
    os.chdir = _chdir
    sys.path.insert(0, str(Path(path).parent))
    try:
        source = Path(path).read_bytes()
        exec(compile(source, path, "exec"), {"__name__": "__main__", "__file__": path, "__builtins__": __builtins__})  # noqa: S102
    except SystemExit as stop:
        return None if stop.code in (None, 0) else described(stop)
    except BaseException as error:
        return described(error)
    return None


def _chdir(path: Any, _chdir: Callable[[Any], None] = os.chdir) -> None:
    """Scripts written for a manager's own machine know the folder of their blueprint there: give them ours."""
    place = f"/opt/manager/resources/blueprints/{ctx.tenant_name}/{ctx.blueprint.id}" if _elsewhere(path) else ""
    if place and os.fspath(path).startswith(place):
        path = ctx._static["resources"] + os.fspath(path)[len(place) :]
    _chdir(path)


def _elsewhere(path: Any) -> bool:
    return str(path).startswith("/opt/manager/resources/") and not Path(path).exists()
