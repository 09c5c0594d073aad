"""Runs a Python script as the operation, and reports how it ended."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from .ending import described, end
from .state import ctx


def run(path: str) -> None:
    """Exits with 1 when the script fails; the manager has then been told why."""
    process = os.getpid()
    error = _failure_of(path)
    end(error, process)


def execute(path: str) -> None:
    """As the program of this process: what it defines can be pickled, and child processes can import it.

    Its folder comes last among those that modules are looked for in, so that none beside it hides one of Python's.
    """
    main = ModuleType("__main__")
    main.__file__ = path
    sys.modules["__main__"] = main
    sys.argv = [path]
    sys.path.append(str(Path(path).parent))
    exec(compile(Path(path).read_bytes(), path, "exec"), main.__dict__)  # noqa: S102


def _failure_of(path: str) -> dict[str, Any] | None:
    os.chdir = _chdir
    try:
        execute(path)
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
