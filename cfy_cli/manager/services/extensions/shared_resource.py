"""Shared resources: a deployment that exists already, used by several others."""

from cfy_cli.errors import Invalid
from cfy_cli.manager.services import deployments
from cfy_cli.manager.services.extensions.component import deployment_of, run
from cfy_cli.manager.services.extensions.subject import CONSUMER, Subject
from cfy_cli.manager.store.models import Deployment


def connect(subject: Subject) -> bool:
    name = subject.part("deployment").get("id")
    if not name:
        raise Invalid("A shared resource needs the id of a deployment: resource_config.deployment.id")
    tenant = subject.scope.job.tenant_name
    subject.say(f'Validating that "{name}" SharedResource\'s deployment exists on tenant "{tenant}"...')
    with subject.reading() as store:
        if store.find(Deployment, name) is None:
            raise Invalid(
                f'SharedResource\'s deployment ID "{name}" does not exist on tenant "{tenant}", '
                "please verify the given ID"
            )
    subject.keep(deployment={"id": name})
    subject.label(name, CONSUMER, subject.parent)
    subject.keep_capabilities()
    return True


def disconnect(subject: Subject) -> bool:
    if subject.deployment_id:
        subject.unlabel(subject.deployment_id, CONSUMER, subject.parent)
    subject.keep("deployment")
    return True


def execute_workflow(subject: Subject) -> bool:
    """Run a workflow in the shared deployment, for a relationship to it."""
    workflow_id = subject.inputs.get("workflow_id")
    if not workflow_id:
        raise Invalid("No `workflow_id` says what is to be run in the shared deployment")
    parameters = dict(subject.inputs.get("parameters") or {})
    run(subject, workflow_id, parameters, timeout=subject.inputs.get("timeout"), allow_custom_parameters=True)
    subject.keep_capabilities()
    return True


def check_drift(subject: Subject) -> dict[str, list[str]] | None:
    """Whether its capabilities are others than those that were fetched."""
    deployment = deployment_of(subject)
    with subject.reading() as store:
        now = deployments.evaluated(subject.manager, store, deployment, deployment.capabilities)
    return None if now == subject.runtime.get("capabilities") else {"capabilities": sorted(now)}
