"""Running a function of a plugin as an operation."""

import importlib
import os
from collections.abc import Callable

from .completion import complete_operation, serialize_error
from .exceptions import NonRecoverableError
from .state import own_ctx as ctx


def run(name: str) -> None:
    """Run MODULE.FUNCTION, report its result or failure to the manager, and exit with 0 or 1."""
    pid = os.getpid()
    error = None
    try:
        result = _call(name)
        if result is not None and os.getpid() == pid and not ctx.operation._retry_requested:
            ctx._connection.call("returns", value=result)
    except BaseException as failure:
        error = serialize_error(failure)
    complete_operation(error, pid)


def _call(name: str) -> object:
    inputs = ctx._static["inputs"]
    if __package__ != "cloudify":  # the plugin brought cloudify-common: give that package this ctx
        importlib.import_module("cloudify.state").current_ctx.set(ctx, dict(inputs))
    from . import common_sdk, manager_paths  # workflows do not need them

    manager_paths.install_import_hook(name.partition(".")[0])
    common_sdk.install_import_hook()
    return find_function(name)(**inputs, ctx=ctx)


def find_function(task_name: str) -> Callable[..., object]:
    """Import MODULE.FUNCTION. Raises NonRecoverableError when there is no such module or function."""
    module_name, _, function_name = task_name.rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise NonRecoverableError(f"No module named {module_name} ({error})") from error
    function: Callable[..., object] | None = getattr(module, function_name, None)
    if not callable(function):
        raise NonRecoverableError(f"{module_name} has no function named '{function_name}'")
    return function
