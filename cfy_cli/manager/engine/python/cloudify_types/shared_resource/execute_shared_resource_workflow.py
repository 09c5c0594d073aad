"""Workflows of shared resources that operations of relationships run."""

from typing import TYPE_CHECKING, Any, cast

from ..component.polling import is_all_executions_finished, poll_with_timeout, verify_execution_state
from ..component.utils import populate_runtime_with_wf_results
from .constants import SHARED_RESOURCE_TYPE

if TYPE_CHECKING:
    from cfy_cli.manager.engine.python.cloudify import ctx, manager
    from cfy_cli.manager.engine.python.cloudify.exceptions import NonRecoverableError
    from cfy_cli.manager.engine.python.cloudify.instance import NodeInstanceContext
    from cfy_cli.manager.engine.python.cloudify.messages import JsonObject
    from cfy_cli.manager.engine.python.cloudify_rest_client.client import CloudifyClient
else:
    from cloudify import ctx, manager
    from cloudify.exceptions import NonRecoverableError
    from cloudify_rest_client.client import CloudifyClient


def _get_target_shared_resource_client() -> "JsonObject":
    """Return the property `client` of the target: how to reach its manager, empty for this manager."""
    return cast("JsonObject", ctx.target.node.properties.get("client") or {})


def execute_shared_resource_workflow(
    workflow_id: str, parameters: "JsonObject | None", wf_timeout: float, redirect_logs: bool
) -> object:
    """Run a workflow of the deployment of the target, once its other executions have ended."""
    if SHARED_RESOURCE_TYPE not in ctx.target.node.type_hierarchy:
        raise NonRecoverableError(f"{ctx.target.node.id} is not a {SHARED_RESOURCE_TYPE}")
    settings = _get_target_shared_resource_client()
    client = CloudifyClient(**cast("dict[str, Any]", settings)) if settings else manager.get_rest_client()
    resource = cast("dict[str, dict[str, str]]", ctx.target.node.properties["resource_config"])
    deployment_id = resource["deployment"]["id"]
    if not poll_with_timeout(lambda: is_all_executions_finished(client, deployment_id), wf_timeout):
        ctx.operation.retry(f"Another execution of {deployment_id} is running")
        return None
    execute_workflow_base(client, workflow_id, deployment_id, parameters, redirect_logs, ctx.target.instance)
    return True


def execute_workflow_base(
    client: "CloudifyClient",
    workflow_id: str,
    deployment_id: str,
    parameters: "JsonObject | None" = None,
    redirect_logs: bool = True,
    instance_ctx: "NodeInstanceContext | None" = None,
    queue: bool = False,
) -> None:
    """Run a workflow to its end, and store the capabilities of its deployment. Raises NonRecoverableError."""
    execution = client.executions.start(
        deployment_id=deployment_id,
        workflow_id=workflow_id,
        parameters=parameters,
        allow_custom_parameters=True,
        queue=queue,
    )
    verify_execution_state(client, execution.id, deployment_id, redirect_logs, "terminated", instance_ctx=instance_ctx)
    populate_runtime_with_wf_results(client, deployment_id, instance_ctx)
