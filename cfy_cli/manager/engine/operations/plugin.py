"""Operations that are Python functions of plugins; each runs in a process of the plugin's virtual environment."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, runtime_checkable

from cfy_cli.contract.json import Json
from cfy_cli.contract.plan import PluginPlan
from cfy_cli.errors import CfyError
from cfy_cli.manager.engine.context.operation_context import OperationContext
from cfy_cli.manager.engine.context.server import ContextServer
from cfy_cli.manager.engine.operation_user import MODULES
from cfy_cli.manager.engine.operations.script import check_timeout
from cfy_cli.manager.engine.ports import Job
from cfy_cli.manager.engine.process import NotStarted, ProcessRegistry, run_process
from cfy_cli.manager.engine.tasks import non_recoverable

RUN_OPERATION = MODULES / "run_operation.py"
EXTENSIONS = "cloudify_types."


@runtime_checkable
class PluginHost(Protocol):
    """Records whose manager has plugins."""

    def ensure_installed(self, plugin: PluginPlan, log: Callable[[str, str], None]) -> Path:
        """Return the virtual environment of a plugin, installed if it is not; `log` gets a level and a message.

        Raises CfyError when the plugin cannot be installed.
        """


@runtime_checkable
class ExtensionHost(Protocol):
    """Records whose manager runs the operations of components, shared resources and other types of cloudify_types."""

    def run_extension(self, ctx: OperationContext, name: str) -> Json:
        """Run the operation and return its result. Raises OperationFailed."""


def run_plugin(ctx: OperationContext, server: ContextServer, processes: ProcessRegistry) -> Json:
    """Run the function and return its result. Raises OperationFailed."""
    operation = ctx.operation
    if operation.function.startswith(EXTENSIONS) and isinstance(ctx.records, ExtensionHost):
        return ctx.records.run_extension(ctx, operation.function.removeprefix(EXTENSIONS))
    venv = _ensure_installed(ctx)
    ctx.prefix = str(venv)
    token = server.register(ctx)
    try:
        process = run_process(
            [python_of(venv), "-u", str(RUN_OPERATION), operation.function],
            env=plugin_environment(ctx.job, venv, server, token),
            cwd=ctx.job.workdir,
            processes=processes,
            stdout=lambda line: ctx.log("info", f"<out> {line}"),
            stderr=lambda line: ctx.log("info", f"<err> {line}"),
            timeout=operation.timeout,
            user=ctx.job.user,
        )
    except NotStarted as error:
        raise non_recoverable(f"The Python of the plugin {operation.plugin} cannot be started: {error}.") from error
    finally:
        server.unregister(token)
    check_timeout(ctx, process)
    return ctx.result.resolve(process, None)


def _ensure_installed(ctx: OperationContext) -> Path:
    operation = ctx.operation
    if not isinstance(ctx.records, PluginHost):
        raise non_recoverable(
            f"The operation {operation.name} needs the plugin {operation.plugin} ({operation.function}), "
            "and only a manager has plugins."
        )
    try:
        return ctx.records.ensure_installed(ctx.plugin(), ctx.log)
    except CfyError as error:
        hint = (error.hint or "").rstrip(".")
        text = f"{error.message}. {hint[:1].upper()}{hint[1:]}." if hint else error.message
        raise non_recoverable(text) from error


def python_of(venv: Path) -> str:
    """Return the path of the Python of an environment, which may be the one of this process."""
    return sys.executable if venv == Path(sys.prefix) else str(venv / "bin" / "python")


def plugin_environment(job: Job, venv: Path, server: ContextServer, token: str) -> dict[str, str]:
    """Return the environment variables of a function of a plugin; its inputs are arguments and no variables."""
    programs = (venv / "bin", server.programs)
    inherited = {**os.environ, **job.environment}
    if venv != Path(sys.prefix):
        inherited.pop("PYTHONPATH", None)
    return inherited | {
        "CTX_SOCKET_URL": server.url(token),
        "PATH": os.pathsep.join([*map(str, programs), inherited.get("PATH", os.defpath)]),
        "VIRTUAL_ENV": str(venv),
        # The client of cloudify-common needs a certificate file, although this manager has no certificate.
        "REST_PROTOCOL": "http",
        "LOCAL_REST_CERT_FILE": str(venv / "pyvenv.cfg"),
    }
