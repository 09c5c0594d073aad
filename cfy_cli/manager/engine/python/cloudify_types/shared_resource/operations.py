"""Operations of relationships to shared resources."""

from typing import TYPE_CHECKING

from .constants import WORKFLOW_EXECUTION_TIMEOUT
from .execute_shared_resource_workflow import execute_shared_resource_workflow

if TYPE_CHECKING:
    from cfy_cli.manager.engine.python.cloudify.messages import JsonObject


def execute_workflow(
    workflow_id: str,
    parameters: "JsonObject | None",
    timeout: float = WORKFLOW_EXECUTION_TIMEOUT,
    redirect_logs: bool = True,
    **_: object,
) -> object:
    return execute_shared_resource_workflow(workflow_id, parameters, timeout, redirect_logs)
