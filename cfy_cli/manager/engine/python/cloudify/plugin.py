"""Runs a function of a plugin as the operation, and reports what it returned or how it failed."""

import importlib
import os
from collections.abc import Callable
from typing import Any

from .ending import described, end
from .exceptions import NonRecoverableError
from .kit import watch
from .state import ctx

Json = Any


def run(name: str) -> None:
    """Exits with 1 when the function fails; the manager has then been told why."""
    process = os.getpid()
    error = None
    try:
        result = _called(name)
        if result is not None and os.getpid() == process and not ctx.operation._again:
            ctx._connection.ask("returns", value=result)
    except BaseException as failure:
        error = described(failure)
    end(error, process)


def _called(name: str) -> Json:
    inputs = ctx._static["inputs"]
    if __package__ != "cloudify":  # the plugin brought cloudify-common: our ctx becomes its own
        importlib.import_module("cloudify.state").current_ctx.set(ctx, dict(inputs))
    watch()
    return _function(name)(**inputs, ctx=ctx)


def _function(name: str) -> Callable[..., Json]:
    module_name, _, function_name = name.rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise NonRecoverableError(f"No module named {module_name} ({error})") from error
    found = getattr(module, function_name, None)
    if not callable(found):
        raise NonRecoverableError(f"{module_name} has no function named '{function_name}'")
    function: Callable[..., Json] = found
    return function
