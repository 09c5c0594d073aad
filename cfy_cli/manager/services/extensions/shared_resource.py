"""Shared resources: existing deployments that other deployments use."""

from typing import cast

from sqlalchemy import Select

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.labels import OBJECT_TYPE
from cfy_cli.errors import CfyError, Invalid
from cfy_cli.manager.services.deployments import dependencies
from cfy_cli.manager.services.extensions.extension_context import ExtensionContext
from cfy_cli.manager.services.extensions.run_workflow import run_workflow
from cfy_cli.manager.services.extensions.wait import wait_until_idle
from cfy_cli.manager.services.labels import CONSUMER
from cfy_cli.manager.store.models import Deployment
from cfy_cli.manager.store.models import InterDeploymentDependency as Dependency

# Values of the label csys-obj-type: installed by the first user, and uninstalled after the last one unless the other is
# set too.
ON_DEMAND, NO_UNINSTALL = "on-demand-resource", "on-demand-uninstall-off"


def connect(extension: ExtensionContext) -> bool:
    """Store the dependency on the shared deployment, and install the deployment if it is to be on demand."""
    deployment_id = extension.deployment_config.get("id")
    if not deployment_id:
        raise Invalid("A shared resource needs the id of a deployment: resource_config.deployment.id")
    tenant = extension.ctx.job.tenant_name
    extension.log(f'Validating that "{deployment_id}" SharedResource\'s deployment exists on tenant "{tenant}"...')
    with extension.reading() as store:
        deployment = store.find(Deployment, deployment_id)
    if deployment is None:
        raise Invalid(
            f'SharedResource\'s deployment ID "{deployment_id}" does not exist on tenant "{tenant}", please verify the '
            "given ID"
        )
    extension.set_runtime_properties(deployment={"id": deployment_id})
    if deployment.installation_status == "inactive":
        _install(extension, deployment)
    extension.fetch_capabilities()
    with extension.writing("inter_deployment_dependency_create") as store:
        own = store.get(Deployment, extension.own_deployment_id)
        # a dependency of the own deployment, which exists if a worker crashed after this
        if store.unscoped.scalar(_own_dependency(extension, own)) is None:
            dependencies.create(store, _creator(extension), own, store.get(Deployment, deployment_id))
    return True


def disconnect(extension: ExtensionContext) -> bool:
    """Delete the dependency, and uninstall an on-demand deployment that has no other user."""
    deployment_id = extension.target_deployment_id
    if deployment_id:
        extension.log(
            f'Removing inter-deployment dependency between this deployment ("{extension.own_deployment_id}") and '
            f'"{deployment_id}" SharedResource\'s deployment...'
        )
        with extension.writing("inter_deployment_dependency_delete") as store:
            own = store.get(Deployment, extension.own_deployment_id)
            session = store.unscoped  # dependencies of the own deployment
            dependencies.delete_many(store, session.scalars(_own_dependency(extension, own)))
        _uninstall_if_unused(extension, deployment_id)
    return True


def execute_workflow(extension: ExtensionContext) -> bool:
    """Run a workflow in the shared deployment, for a relationship to it."""
    workflow_id, deployment_id = extension.inputs.get("workflow_id"), str(extension.target_deployment_id)
    if not workflow_id:
        raise Invalid("The operation needs the input `workflow_id`, the workflow to run in the shared deployment")
    extension.log(
        f'Waiting until all currently running executions on "{deployment_id}" SharedResource deployment finish.'
    )
    wait_until_idle(extension, deployment_id, timeout=extension.timeout)
    _run(extension, str(workflow_id), cast(JsonObject, extension.inputs.get("parameters") or {}))
    extension.fetch_capabilities()
    return True


def _install(extension: ExtensionContext, deployment: Deployment) -> None:
    if ON_DEMAND not in _label_values(deployment, OBJECT_TYPE):
        raise Invalid(
            f"SharedResource's deployment \"{deployment.id}\" is in an inactive state and isn't labeled as "
            f"`{OBJECT_TYPE}: {ON_DEMAND}`. Please install the deployment first"
        )
    _run(extension, "install", {})


def _uninstall_if_unused(extension: ExtensionContext, deployment_id: str) -> None:
    with extension.reading() as store:
        deployment = store.find(Deployment, deployment_id)
    if deployment is None or deployment.installation_status == "inactive" or _label_values(deployment, CONSUMER):
        return
    kinds = _label_values(deployment, OBJECT_TYPE)
    if ON_DEMAND in kinds and NO_UNINSTALL not in kinds:
        try:
            _run(extension, "uninstall", {})
        except CfyError as error:
            extension.log(
                f'Uninstall of shared resource deployment "{deployment_id}" is blocked. Error: {error}.', "warning"
            )


def _run(extension: ExtensionContext, workflow_id: str, parameters: JsonObject) -> None:
    deployment_id = extension.target_deployment_id
    extension.log(f'Starting execution of "{workflow_id}" workflow for "{deployment_id}" SharedResource deployment')
    run_workflow(
        extension,
        workflow_id,
        parameters,
        timeout=extension.timeout,
        repeat_events=extension.inputs.get("redirect_logs") is not False,
        creator=_creator(extension),
        allow_custom_parameters=True,
    )
    extension.log(f'Execution succeeded for "{deployment_id}" SharedResource deployment of "{workflow_id}" workflow')


def _creator(extension: ExtensionContext) -> str:
    return f"{dependencies.SHARED_RESOURCE}{extension.instance_id}"


def _own_dependency(extension: ExtensionContext, own: Deployment) -> Select[Dependency]:
    return dependencies.select_of_source(own).where(Dependency.dependency_creator == _creator(extension))


def _label_values(deployment: Deployment, key: str) -> list[str]:
    return [label.value for label in deployment.labels if label.key == key]
