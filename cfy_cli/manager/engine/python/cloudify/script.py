"""Running a Python script as an operation."""

import os
import sys
from pathlib import Path
from types import ModuleType

from .completion import complete_operation, serialize_error
from .messages import ErrorInfo
from .state import own_ctx as ctx

MANAGER_RESOURCES = "/opt/manager/resources/"
_original_chdir = os.chdir


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
    exec(compile(Path(path).read_bytes(), path, "exec"), main.__dict__)  # noqa: S102


def _run(path: str) -> ErrorInfo | None:
    os.chdir = _chdir
    try:
        execute(path)
    except SystemExit as stop:
        return None if stop.code in (None, 0) else serialize_error(stop)
    except BaseException as error:
        return serialize_error(error)
    return None


def _chdir(path: "int | str | bytes | os.PathLike[str] | os.PathLike[bytes]") -> None:
    """Change the working directory; map the folder that public managers keep the blueprint in to its folder here."""
    text = str(path)
    if text.startswith(MANAGER_RESOURCES) and not Path(text).exists():
        blueprint = f"{MANAGER_RESOURCES}blueprints/{ctx.tenant_name}/{ctx.blueprint.id}"
        if text.startswith(blueprint):
            path = ctx._static["resources"] + text[len(blueprint) :]
    _original_chdir(path)
