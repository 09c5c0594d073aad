"""Operations that are Python functions of plugins: each runs in a process of the plugin's own environment."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from cfy_cli.errors import CfyError
from cfy_cli.manager.engine.context.operation_context import OperationContext
from cfy_cli.manager.engine.context.server import ContextServer
from cfy_cli.manager.engine.operations.script import MODULES, check_time
from cfy_cli.manager.engine.ports import Job
from cfy_cli.manager.engine.process import NotStarted, Processes, run
from cfy_cli.manager.engine.tasks import non_recoverable

Json = Any

RUN_OPERATION = MODULES / "run_operation.py"
EXTENSIONS = "cloudify_types."


@runtime_checkable
class PluginHost(Protocol):
    """Records whose manager keeps plugins."""

    def ensure_installed(self, plugin: Mapping[str, Json], log: Callable[[str, str], None]) -> Path:
        """The environment of the plugin that an entry of the plan means; `log` takes log lines when it is made now.

        Raises CfyError with the reason that it cannot be had.
        """


@runtime_checkable
class ExtensionHost(Protocol):
    """Records whose manager runs the operations of components, shared deployments and the like itself."""

    def run_extension(self, ctx: OperationContext, name: str) -> Json:
        """What the operation returned. Raises OperationFailed."""


def run_plugin(scope: OperationContext, server: ContextServer, processes: Processes) -> Json:
    """What the function returned. Raises OperationFailed."""
    operation = scope.operation
    if operation.function.startswith(EXTENSIONS) and isinstance(scope.records, ExtensionHost):
        return scope.records.run_extension(scope, operation.function.removeprefix(EXTENSIONS))
    environment = _installed(scope)
    scope.prefix = str(environment)
    token = server.register(scope)
    try:
        finished = run(
            [str(environment / "bin" / "python"), "-u", str(RUN_OPERATION), operation.function],
            env=variables(scope.job, environment, server, token),
            cwd=scope.job.workdir,
            processes=processes,
            stdout=lambda line: scope.log("info", f"<out> {line}"),
            stderr=lambda line: scope.log("info", f"<err> {line}"),
            timeout=operation.timeout,
        )
    except NotStarted as error:
        raise non_recoverable(f"The Python of the plugin {operation.plugin} cannot be started: {error}.") from error
    finally:
        server.forget(token)
    check_time(scope, finished)
    return scope.verdict.result(finished, None)


def _installed(scope: OperationContext) -> Path:
    operation = scope.operation
    if not isinstance(scope.records, PluginHost):
        raise non_recoverable(
            f"The operation {operation.name} needs the plugin {operation.plugin} ({operation.function}), "
            "and there is no manager here that keeps plugins."
        )
    try:
        return scope.records.ensure_installed(scope.plugin(), scope.log)
    except CfyError as error:
        hint = (error.hint or "").rstrip(".")
        raise non_recoverable(f"{error.message}. {hint[:1].upper()}{hint[1:]}." if hint else error.message) from error


def variables(job: Job, environment: Path, server: ContextServer, token: str) -> dict[str, str]:
    """For functions of a plugin: inputs are their arguments, and no variables."""
    programs = (environment / "bin", server.programs)
    given = {**os.environ, **job.environment}
    given.pop("PYTHONPATH", None)
    return given | {
        "CTX_SOCKET_URL": server.url(token),
        "PATH": os.pathsep.join([*map(str, programs), given.get("PATH", os.defpath)]),
        "VIRTUAL_ENV": str(environment),
        # What cloudify-common needs for a client of this manager: there is no certificate, but it wants a file.
        "REST_PROTOCOL": "http",
        "LOCAL_REST_CERT_FILE": str(environment / "pyvenv.cfg"),
    }
