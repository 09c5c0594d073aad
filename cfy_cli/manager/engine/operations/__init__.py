"""Who runs an operation, by the plugin it belongs to."""

from typing import Any

from cfy_cli.manager.engine.context.operation_context import OperationContext
from cfy_cli.manager.engine.context.server import ContextServer
from cfy_cli.manager.engine.health import store_check_result
from cfy_cli.manager.engine.operations.plugin import run_plugin
from cfy_cli.manager.engine.operations.script import run_script
from cfy_cli.manager.engine.process import Processes
from cfy_cli.manager.engine.tasks import Failure, Operation, OperationFailed

Json = Any

SCRIPT_FUNCTIONS = ("script_runner.tasks.run", "script_runner.tasks.execute_ps")


def run_operation(scope: OperationContext, server: ContextServer, processes: Processes) -> Json:
    """What the operation returned. Raises OperationFailed."""
    try:
        result = _run(scope, server, processes)
    except OperationFailed as error:
        if not error.failure.requested:
            store_check_result(scope.records, scope.operation, ok=False, result=error.failure.message)
        raise
    store_check_result(scope.records, scope.operation, ok=True, result=result)
    if scope.operation.repeat_until_true and not _is_yes(result):
        message = f"{scope.operation.name} answers {result!r}, it is asked again"
        raise OperationFailed(Failure("OperationRetry", message, requested=True, unlimited=True))
    return result


def does_nothing(operation: Operation) -> bool:
    """Agents are installed and removed elsewhere; here all operations run on this machine."""
    return operation.plugin == "agent"


def _is_yes(result: Json) -> bool:
    return bool(result) and str(result).lower() != "false"  # what a shell script returns is text


def _run(scope: OperationContext, server: ContextServer, processes: Processes) -> Json:
    operation = scope.operation
    if does_nothing(operation):
        scope.log("info", f"Nothing to do for {operation.function}: operations run on this machine, without an agent.")
        return None
    if operation.plugin == "script" and operation.function in SCRIPT_FUNCTIONS:
        return run_script(scope, server, processes)
    return run_plugin(scope, server, processes)
