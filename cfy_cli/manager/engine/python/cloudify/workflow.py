"""Runs a workflow's function or script, and tells the manager how it ended."""

import importlib
import inspect
import os
import sys
from typing import Any

from .ending import described
from .plugin import _function
from .script import execute
from .workflows import api, ctx, parameters
from .workflows.workflow_context import Failed

Json = Any


def run(kind: str, target: str) -> None:
    """Ends the process: threads that the workflow left behind keep nobody waiting."""
    ended: dict[str, Json] = {"error": None, "cancelled": False}
    try:
        result = _script(target) if kind == "script" else _called(target)
        ctx.internal.wait_for_all()
        ended["cancelled"] = result == api.EXECUTION_CANCELLED_RESULT
    except api.ExecutionCancelled:
        ended["cancelled"] = True
    except BaseException as error:
        ended["error"] = {**described(error), "of_operations": isinstance(error, Failed)}
    ctx.internal.connection.ask("end", **ended)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1 if ended["error"] else 0)


def _called(name: str) -> Json:
    given = parameters.copy()
    if __package__ != "cloudify":  # the plugin brought cloudify-common: our ctx becomes its own
        importlib.import_module("cloudify.state").current_workflow_ctx.set(ctx, given)
    function = _function(name)
    return function(**given, **({"ctx": ctx} if _takes_ctx(function) else {}))


def _takes_ctx(function: Any) -> bool:
    wanted = inspect.signature(function).parameters
    return "ctx" in wanted or any(one.kind is inspect.Parameter.VAR_KEYWORD for one in wanted.values())


def _script(path: str) -> Json:
    try:
        execute(path)
    except SystemExit as stop:
        if stop.code not in (None, 0):
            raise
