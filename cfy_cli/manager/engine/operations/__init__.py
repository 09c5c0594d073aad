"""Running an operation, by the plugin it belongs to."""

from cfy_cli.contract.json import Json
from cfy_cli.manager.engine.agents import AGENT_PLUGIN, AgentHost, describe_nothing, does_nothing, has_agents
from cfy_cli.manager.engine.context.operation_context import OperationContext
from cfy_cli.manager.engine.context.server import ContextServer
from cfy_cli.manager.engine.health import store_check_result
from cfy_cli.manager.engine.operations.plugin import run_plugin
from cfy_cli.manager.engine.operations.script import run_script
from cfy_cli.manager.engine.process import ProcessRegistry
from cfy_cli.manager.engine.remote_hosts import check_operation, is_for_agent
from cfy_cli.manager.engine.tasks import Failure, OperationFailed

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


def _is_true(result: Json) -> bool:
    return bool(result) and str(result).lower() != "false"  # shell scripts return text


def _run(ctx: OperationContext, server: ContextServer, processes: ProcessRegistry) -> Json:
    operation = ctx.operation
    if operation.plugin == AGENT_PLUGIN and isinstance(ctx.records, AgentHost) and ctx.records.has_agents():
        return ctx.records.run_agent_operation(ctx)
    if is_for_agent(operation) and not has_agents(ctx.records):  # else it was sent to its host
        check_operation(ctx.records, operation)
    if does_nothing(ctx.records, operation):
        ctx.log("info", describe_nothing(operation))
        return None
    if operation.plugin == "script" and operation.function in SCRIPT_FUNCTIONS:
        return run_script(ctx, server, processes)
    return run_plugin(ctx, server, processes)
