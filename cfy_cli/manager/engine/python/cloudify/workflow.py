"""Running a function or a script as a workflow."""

import importlib
import os
import sys
from collections.abc import Callable

from .completion import serialize_error
from .messages import JsonObject
from .plugin import find_function
from .script import execute
from .state import Process
from .workflows import api, ctx, parameters
from .workflows.workflow_context import OperationsFailed


def run(kind: str, target: str) -> None:
    """Run the workflow, report its end to the manager and exit, without waiting for threads that are left."""
    Process.is_workflow = True
    error, cancelled = None, False
    try:
        result = None
        if kind == "script":
            _run_script(target)
        else:
            result = _call(target)
        ctx.internal.wait_for_started_tasks()
        cancelled = result == api.EXECUTION_CANCELLED_RESULT
    except api.ExecutionCancelled:
        cancelled = True
    except BaseException as failure:
        error = {**serialize_error(failure), "is_operation_failure": isinstance(failure, OperationsFailed)}
    ctx.internal.connection.call("end", error=error, cancelled=cancelled)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1 if error else 0)


def _call(name: str) -> object:
    arguments: JsonObject = parameters.copy()
    if __package__ != "cloudify":  # the plugin brought cloudify-common: give that package this ctx
        importlib.import_module("cloudify.state").current_workflow_ctx.set(ctx, arguments)
    function = find_function(name)
    return function(**arguments, **({"ctx": ctx} if _takes_ctx(function) else {}))


def _takes_ctx(function: Callable[..., object]) -> bool:
    import inspect  # scripts do not need it

    accepted = inspect.signature(function).parameters
    return "ctx" in accepted or any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in accepted.values())


def _run_script(path: str) -> None:
    try:
        execute(path)
    except SystemExit as stop:
        if stop.code not in (None, 0):
            raise
