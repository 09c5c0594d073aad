"""Shared resources: a deployment that exists already, used by several others."""

from sqlalchemy import Select

from cfy_cli.errors import CfyError, Invalid
from cfy_cli.manager.services.deployments import dependencies
from cfy_cli.manager.services.extensions.starting import run
from cfy_cli.manager.services.extensions.subject import Subject
from cfy_cli.manager.services.extensions.wait import until_idle
from cfy_cli.manager.services.labels import CONSUMER, OBJECT_TYPE
from cfy_cli.manager.store.models import Deployment
from cfy_cli.manager.store.models import InterDeploymentDependency as Dependency

ON_DEMAND, STAYS = "on-demand-resource", "on-demand-uninstall-off"  # values of the label csys-obj-type


def connect(subject: Subject) -> bool:
    name = subject.part("deployment").get("id")
    if not name:
        raise Invalid("A shared resource needs the id of a deployment: resource_config.deployment.id")
    tenant = subject.ctx.job.tenant_name
    subject.say(f'Validating that "{name}" SharedResource\'s deployment exists on tenant "{tenant}"...')
    with subject.reading() as store:
        deployment = store.find(Deployment, name)
    if deployment is None:
        raise Invalid(
            f'SharedResource\'s deployment ID "{name}" does not exist on tenant "{tenant}", please verify the given ID'
        )
    subject.keep(deployment={"id": name})
    if deployment.installation_status == "inactive":
        _install(subject, deployment)
    subject.keep_capabilities()
    with subject.writing() as store:
        user = store.get(Deployment, subject.parent)
        if store.unscoped.scalar(_own(subject, user)) is None:  # unless this was begun before
            dependencies.create(store, _creator(subject), user, store.get(Deployment, name))
    return True


def disconnect(subject: Subject) -> bool:
    name = subject.deployment_id
    if name:
        subject.say(
            f'Removing inter-deployment dependency between this deployment ("{subject.parent}") and "{name}" '
            "SharedResource's deployment..."
        )
        with subject.writing() as store:
            dependencies.forget(store, store.unscoped.scalars(_own(subject, store.get(Deployment, subject.parent))))
        _uninstall_if_unused(subject, name)
    return True


def execute_workflow(subject: Subject) -> bool:
    """Run a workflow in the shared deployment, for a relationship to it."""
    workflow_id, name = subject.inputs.get("workflow_id"), str(subject.deployment_id)
    if not workflow_id:
        raise Invalid("No `workflow_id` says what is to be run in the shared deployment")
    subject.say(f'Waiting until all currently running executions on "{name}" SharedResource deployment finish.')
    until_idle(subject, name, timeout=subject.inputs.get("timeout"))
    _run(subject, workflow_id, dict(subject.inputs.get("parameters") or {}))
    subject.keep_capabilities()
    return True


def _install(subject: Subject, deployment: Deployment) -> None:
    if ON_DEMAND not in _values(deployment, OBJECT_TYPE):
        raise Invalid(
            f"SharedResource's deployment \"{deployment.id}\" is in an inactive state and isn't labeled as "
            f"`{OBJECT_TYPE}: {ON_DEMAND}`. Please install the deployment first"
        )
    _run(subject, "install", {})


def _uninstall_if_unused(subject: Subject, name: str) -> None:
    with subject.reading() as store:
        deployment = store.find(Deployment, name)
    if deployment is None or deployment.installation_status == "inactive" or _values(deployment, CONSUMER):
        return
    kinds = _values(deployment, OBJECT_TYPE)
    if ON_DEMAND in kinds and STAYS not in kinds:
        try:
            _run(subject, "uninstall", {})
        except CfyError as error:
            subject.ctx.log("warning", f'Uninstall of shared resource deployment "{name}" is blocked. Error: {error}.')


def _run(subject: Subject, workflow_id: str, parameters: dict[str, object]) -> None:
    name = subject.deployment_id
    subject.say(f'Starting execution of "{workflow_id}" workflow for "{name}" SharedResource deployment')
    run(
        subject,
        workflow_id,
        parameters,
        timeout=subject.inputs.get("timeout"),
        logs=subject.inputs.get("redirect_logs") is not False,
        creator=_creator(subject),
        allow_custom_parameters=True,
    )
    subject.say(f'Execution succeeded for "{name}" SharedResource deployment of "{workflow_id}" workflow')


def _creator(subject: Subject) -> str:
    return f"{dependencies.SHARED_RESOURCE}{subject.instance_id}"


def _own(subject: Subject, user: Deployment) -> Select[Dependency]:
    return dependencies.of_source(user).where(Dependency.dependency_creator == _creator(subject))


def _values(deployment: Deployment, key: str) -> list[str]:
    return [label.value for label in deployment.labels if label.key == key]
