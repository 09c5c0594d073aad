"""Updating the deployment that a node stands for, as the configuration of the node says."""

from cfy_cli.contract.json import JsonObject
from cfy_cli.manager.services.deployments.dependencies import COMPONENT
from cfy_cli.manager.services.extensions.extension_context import ExtensionContext
from cfy_cli.manager.services.extensions.run_workflow import begin_execution
from cfy_cli.manager.services.extensions.wait import wait_for_execution
from cfy_cli.manager.services.system_workflows import deployment_update_requests
from cfy_cli.manager.services.system_workflows.deployment_update_requests import UpdateRequest
from cfy_cli.manager.store.models import Execution


def update_deployment(extension: ExtensionContext, blueprint_id: str | None, inputs: JsonObject) -> None:
    """Start the update and wait for its end. Raises CfyError when it does not succeed.

    An update that this operation started before a worker crashed is waited for and not started again.
    """
    execution_id = begin_execution(extension)
    request = UpdateRequest(blueprint_id=blueprint_id, inputs=inputs)
    with extension.writing("deployment_update_create") as store:
        if store.find(Execution, execution_id) is None:
            extension.log(f'Updating the deployment "{extension.target_deployment_id}"')
            deployment_update_requests.start(
                extension.app,
                store,
                str(extension.target_deployment_id),
                request,
                creator=f"{COMPONENT}{extension.instance_id}",
                execution_id=execution_id,
            )
    wait_for_execution(extension, execution_id, timeout=extension.timeout)
    extension.set_runtime_properties(delete=("_begun_execution",))
