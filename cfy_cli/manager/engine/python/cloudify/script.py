"""Running a Python script as an operation."""

import os
import sys
from pathlib import Path
from types import ModuleType

from .completion import complete_operation, serialize_error
from .manager_paths import replace_paths
from .messages import ErrorInfo


def run(path: str) -> None:
    """Run the script, report its success or failure to the manager, and exit with 0 or 1."""
    pid = os.getpid()
    complete_operation(_run(path), pid)


def execute(path: str) -> None:
    """Execute a script as the module `__main__`.

    So values that it defines can be pickled, and child processes can import it. Its folder becomes the last one in
    `sys.path`, so that no file in it hides a module of Python.
    """
    main = ModuleType("__main__")
    main.__file__ = path
    sys.modules["__main__"] = main
    sys.argv = [path]
    sys.path.append(str(Path(path).parent))
    exec(compile(replace_paths(Path(path).read_bytes()), path, "exec"), main.__dict__)  # noqa: S102


def _run(path: str) -> ErrorInfo | None:
    try:
        execute(path)
    except SystemExit as stop:
        return None if stop.code in (None, 0) else serialize_error(stop)
    except BaseException as error:
        return serialize_error(error)
    return None
