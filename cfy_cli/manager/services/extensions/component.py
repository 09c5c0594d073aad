"""Components: deployments that are created, installed and deleted as a part of another deployment."""

from collections.abc import Sequence

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.states import Visibility
from cfy_cli.errors import Conflict
from cfy_cli.manager.services.deployments import dependencies, deployments
from cfy_cli.manager.services.executions import workflows
from cfy_cli.manager.services.extensions import blueprint
from cfy_cli.manager.services.extensions.configuration import DeploymentConfig
from cfy_cli.manager.services.extensions.extension_context import ExtensionContext
from cfy_cli.manager.services.extensions.run_workflow import run_workflow
from cfy_cli.manager.services.extensions.wait import wait_for_execution, wait_until_deleted, wait_until_idle
from cfy_cli.manager.services.labels import PARENT, parse
from cfy_cli.manager.services.system_workflows import deployment_requests
from cfy_cli.manager.services.visibility import CREATE_GLOBAL
from cfy_cli.manager.store.models import Blueprint, Deployment
from cfy_cli.manager.store.models import InterDeploymentDependency as Dependency
from cfy_cli.manager.store.store import Store

MAX_SUFFIXES = 10_000


def create(extension: ExtensionContext) -> bool:
    """Create the deployment of the component and wait for its environment."""
    config = extension.deployment_config
    is_external = bool(config.get("external_resource"))
    if is_external:
        deployment_id = str(config.get("id"))
        extension.log("Using external deployment.")
    else:
        deployment_id = _find_created(extension) or _start_creation(extension, config)
    with extension.reading() as store:
        execution_id = store.get(Deployment, deployment_id).create_execution
    extension.set_runtime_properties(deployment={"id": deployment_id})
    if execution_id and not is_external:
        wait_for_execution(extension, execution_id, timeout=extension.timeout, repeat_events=_repeats_events(config))
    return True


def execute_start(extension: ExtensionContext) -> bool:
    """Run a workflow, `install` or `uninstall`, in the component's deployment."""
    deployment_id = str(extension.target_deployment_id)
    workflow_id = str(extension.inputs.get("workflow_id") or "install")
    if extension.deployment_config.get("external_resource"):
        extension.log(f'Nothing to do: deployment "{deployment_id}" is not managed by this component')
    elif _is_done(extension, workflow_id, deployment_id):
        extension.log(f'Nothing to do: `{workflow_id}` has nothing left to do in deployment "{deployment_id}"')
    else:
        arguments = extension.execution_config
        _execute(
            extension,
            workflow_id,
            arguments.get("parameters") or _inherited_parameters(extension, workflow_id),
            allow_custom_parameters=bool(arguments.get("allow_custom_parameters")),
            force=bool(arguments.get("force")),
        )
    if extension.exists(deployment_id):
        extension.fetch_capabilities()
    return True


def delete(extension: ExtensionContext) -> bool:
    """Delete the deployment of the component, unless it is external, and its blueprint if the node has uploaded it."""
    deployment_id = extension.target_deployment_id
    if deployment_id and not extension.deployment_config.get("external_resource"):
        _delete(extension, deployment_id)
        with extension.writing("inter_deployment_dependency_delete") as store:
            dependencies.delete_many(store, _dependencies(extension, store))
    blueprint.delete(extension)
    extension.set_runtime_properties(delete=("deployment", "blueprint", "_component_create_deployment_id"))
    return True


def _delete(extension: ExtensionContext, deployment_id: str) -> None:
    extension.log("Wait for component's stop deployment operation related executions.")
    wait_until_idle(extension, deployment_id)
    if not extension.exists(deployment_id):
        extension.log(f'Deployment "{deployment_id}" is deleted already', "warning")
        return
    if _has_live_instances(extension, deployment_id):  # of an install that failed
        with extension.reading() as store:
            deployment = store.get(Deployment, deployment_id)
            dependencies.check_workflow(store, deployment, "uninstall", {}, creator=_creator(extension))
        _execute(extension, "uninstall", {}, force=True)
    extension.log(f'Delete component\'s "{deployment_id}" deployment')
    with extension.writing("deployment_delete") as store:
        deployment_requests.start_delete(
            extension.app,
            store,
            deployment_id,
            force=False,
            delete_logs=False,
            recursive=False,
            creator=_creator(extension),
        )
    extension.log("Waiting for component's deployment delete.")
    wait_until_deleted(extension, deployment_id)


def _execute(
    extension: ExtensionContext,
    workflow_id: str,
    parameters: JsonObject,
    *,
    allow_custom_parameters: bool = False,
    force: bool = False,
) -> None:
    deployment_id = extension.target_deployment_id
    extension.log(f'Starting execution for "{deployment_id}" deployment')
    run_workflow(
        extension,
        workflow_id,
        parameters,
        timeout=extension.timeout,
        repeat_events=_repeats_events(extension.deployment_config),
        creator=_creator(extension),
        allow_custom_parameters=allow_custom_parameters,
        force=force,
    )
    extension.log(f'Execution succeeded for "{deployment_id}" deployment')


def _is_done(extension: ExtensionContext, workflow_id: str, deployment_id: str) -> bool:
    """Return whether all node instances are installed or uninstalled already, perhaps by another user."""
    if workflow_id == "uninstall":
        return not _has_live_instances(extension, deployment_id)
    with extension.reading() as store:
        active = workflows.instances_active(store.get(Deployment, deployment_id))
        return workflow_id == "install" and "all" in active.words


def _has_live_instances(extension: ExtensionContext, deployment_id: str) -> bool:
    with extension.reading() as store:
        deployment = store.find(Deployment, deployment_id)
        return deployment is not None and bool(deployments.find_live_instances(store, [deployment.storage_id]))


def _start_creation(extension: ExtensionContext, config: DeploymentConfig) -> str:
    """Start the creation of the deployment and return its id."""
    prefix = config.get("id") or extension.default_id
    if not config.get("auto_inc_suffix"):
        return _create(extension, config, prefix)
    for deployment_id in (f"{prefix}-{suffix}" for suffix in range(MAX_SUFFIXES)):
        if not extension.exists(deployment_id):
            try:
                return _create(extension, config, deployment_id)
            except Conflict:  # another component has taken the id meanwhile
                continue
    raise Conflict(f'The first {MAX_SUFFIXES:,} deployment ids that begin with "{prefix}-" are taken')


def _create(extension: ExtensionContext, config: DeploymentConfig, deployment_id: str) -> str:
    uploaded = extension.runtime_properties.get("blueprint")
    blueprint_id = uploaded["id"] if uploaded else extension.blueprint_config.get("id")
    with extension.writing("deployment_create") as store:
        own = store.get(Deployment, extension.own_deployment_id)
        deployment, _ = deployment_requests.create(
            extension.app,
            store,
            deployment_id,
            str(blueprint_id),
            inputs=config.get("inputs") or {},
            visibility=_visibility(store, own, str(blueprint_id)),
            owner=own.created_by if own.visibility == Visibility.PRIVATE else None,
            requested_labels=[
                *({key: value} for key, value in parse(config.get("labels"))),
                {PARENT: extension.own_deployment_id},
            ],
        )
        dependencies.create(store, _creator(extension), own, deployment)
    extension.log(f'Creating "{deployment_id}" component deployment')
    extension.set_runtime_properties(_component_create_deployment_id=deployment_id)
    return deployment_id


def _visibility(store: Store, own: Deployment, blueprint_id: str) -> str:
    """Return the visibility of the own deployment; the tenant's if it is global, but the component cannot be."""
    blueprint = store.find(Blueprint, blueprint_id)
    is_global = blueprint is not None and blueprint.visibility == Visibility.GLOBAL
    can_be_global = is_global and store.scope.has_permission(CREATE_GLOBAL)
    return own.visibility if own.visibility != Visibility.GLOBAL or can_be_global else Visibility.TENANT


def _find_created(extension: ExtensionContext) -> str | None:
    """Return the deployment that this operation started to create before a worker crashed."""
    with extension.reading() as store:
        targets = [dependency.target_deployment_id for dependency in _dependencies(extension, store)]
    return next((deployment_id for deployment_id in targets if deployment_id), None)


def _dependencies(extension: ExtensionContext, store: Store) -> Sequence[Dependency]:
    own = dependencies.select_of_source(store.get(Deployment, extension.own_deployment_id))
    created_here = own.where(Dependency.dependency_creator == _creator(extension))
    return store.unscoped.scalars(created_here).all()  # dependencies of the own deployment


def _creator(extension: ExtensionContext) -> str:
    return f"{dependencies.COMPONENT}{extension.instance_id}"


def _inherited_parameters(extension: ExtensionContext, workflow_id: str) -> JsonObject:
    """Return the parameters of the own execution that apply to the same workflow of the component."""
    job = extension.ctx.job
    is_uninstall = job.workflow_id == workflow_id == "uninstall"
    return {"ignore_failure": True} if is_uninstall and job.parameters.get("ignore_failure") else {}


def _repeats_events(config: DeploymentConfig) -> bool:
    return config.get("logs") is not False
