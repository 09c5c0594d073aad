"""Running an operation, by the plugin it belongs to."""

from cfy_cli.contract.json import Json
from cfy_cli.manager.engine.context.operation_context import OperationContext
from cfy_cli.manager.engine.context.server import ContextServer
from cfy_cli.manager.engine.health import store_check_result
from cfy_cli.manager.engine.operations.plugin import run_plugin
from cfy_cli.manager.engine.operations.script import run_script
from cfy_cli.manager.engine.process import ProcessRegistry
from cfy_cli.manager.engine.remote_hosts import check_operation
from cfy_cli.manager.engine.tasks import Failure, Operation, OperationFailed

SCRIPT_FUNCTIONS = ("script_runner.tasks.run", "script_runner.tasks.execute_ps")


def run_operation(ctx: OperationContext, server: ContextServer, processes: ProcessRegistry) -> Json:
    """Run an operation and return its result. Raises OperationFailed."""
    try:
        result = _run(ctx, server, processes)
    except OperationFailed as error:
        if not error.failure.requested:
            store_check_result(ctx.records, ctx.operation, ok=False, result=error.failure.message)
        raise
    store_check_result(ctx.records, ctx.operation, ok=True, result=result)
    if ctx.operation.repeat_until_true and not _is_true(result):
        message = f"{ctx.operation.name} returned {result!r} and is run again"
        raise OperationFailed(Failure("OperationRetry", message, requested=True, unlimited=True))
    return result


def does_nothing(operation: Operation) -> bool:
    """Return whether the operation is one of an agent: without agents, all operations run on this machine."""
    return operation.plugin == "agent"


def _is_true(result: Json) -> bool:
    return bool(result) and str(result).lower() != "false"  # shell scripts return text


def _run(ctx: OperationContext, server: ContextServer, processes: ProcessRegistry) -> Json:
    operation = ctx.operation
    check_operation(ctx.records, operation)
    if does_nothing(operation):
        ctx.log("info", f"Nothing to do for {operation.function}: operations run on this machine, without an agent.")
        return None
    if operation.plugin == "script" and operation.function in SCRIPT_FUNCTIONS:
        return run_script(ctx, server, processes)
    return run_plugin(ctx, server, processes)
