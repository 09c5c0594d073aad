"""Running a workflow in the deployment that a node stands for."""

import uuid

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.states import ENDED, ExecutionState
from cfy_cli.manager.services.executions import executions
from cfy_cli.manager.services.extensions.extension_context import ExtensionContext
from cfy_cli.manager.services.extensions.wait import wait_for_execution
from cfy_cli.manager.store.models import Execution


def run_workflow(
    extension: ExtensionContext,
    workflow_id: str,
    parameters: JsonObject | None = None,
    *,
    timeout: float | None = None,
    repeat_events: bool = True,
    creator: str | None = None,
    allow_custom_parameters: bool = False,
    force: bool = False,
) -> None:
    """Start an execution and wait for its end. Raises Invalid when it does not succeed.

    An execution that this operation started before a worker crashed is waited for and not started again. `creator`
    names the dependency on the deployment that requests the execution, if one does.
    """
    execution_id = begin_execution(extension)
    with extension.writing("execution_start") as store:
        if store.find(Execution, execution_id) is None:
            executions.start(
                extension.app,
                store,
                str(extension.target_deployment_id),
                workflow_id,
                parameters or {},
                queue=True,
                execution_id=execution_id,
                creator=creator,
                allow_custom_parameters=allow_custom_parameters,
                force=force,
            )
    wait_for_execution(extension, execution_id, timeout=timeout, repeat_events=repeat_events)
    extension.set_runtime_properties(delete=("_begun_execution",))


def begin_execution(extension: ExtensionContext) -> str:
    """Return the id of the execution that this operation has started, or a new one, and store it."""
    operation = f"{extension.ctx.job.execution_id}/{extension.ctx.task_id}"
    started = extension.runtime_properties.get("_begun_execution")
    execution_id = started["id"] if started and started["by"] == operation else str(uuid.uuid4())
    with extension.reading("execution_get") as store:
        execution = store.find(Execution, execution_id)
    if execution and execution.status in ENDED and execution.status != ExecutionState.TERMINATED:
        execution_id = str(uuid.uuid4())  # the operation is retried because that execution failed
    extension.set_runtime_properties(_begun_execution={"by": operation, "id": execution_id})
    return execution_id
