"""Components: a deployment made, installed and deleted as a part of another."""

from typing import Any

from cfy_cli.errors import Conflict, Invalid
from cfy_cli.manager.services import deployments, executions
from cfy_cli.manager.services.extensions import blueprint
from cfy_cli.manager.services.extensions.following import follow, until_gone
from cfy_cli.manager.services.extensions.subject import CONSUMER, PARENT, Subject
from cfy_cli.manager.services.labels import parse
from cfy_cli.manager.store.models import Deployment

MOST_SUFFIXES = 10_000


def create(subject: Subject) -> bool:
    wanted = subject.part("deployment")
    if wanted.get("external_resource"):
        subject.say("Using external deployment.")
        subject.keep(deployment={"id": wanted.get("id")})
        deployment_of(subject)
        return True
    name = subject.runtime.get("_component_create_deployment_id")  # set when this was begun before
    if name is None or not _exists(subject, name):
        name = _start(subject, wanted)
    with subject.reading() as store:
        execution_id = store.get(Deployment, name).create_execution
    if execution_id:
        follow(subject, execution_id, logs=_tells(wanted))
    subject.label(subject.parent, CONSUMER, name)
    subject.keep(deployment={"id": name})
    return True


def execute_start(subject: Subject) -> bool:
    """Run a workflow, `install` or `uninstall`, in the component's deployment."""
    wanted, name = subject.part("deployment"), str(subject.deployment_id)
    workflow_id = subject.inputs.get("workflow_id") or "install"
    if wanted.get("external_resource") or (workflow_id == "uninstall" and not _exists(subject, name)):
        subject.say(f'Nothing to do: "{name}" is not managed by this component')
    else:
        run(subject, workflow_id, {}, timeout=subject.inputs.get("timeout"), **_start_arguments(subject))
    if _exists(subject, name):
        subject.keep_capabilities()
    return True


def run(
    subject: Subject, workflow_id: str, parameters: dict[str, Any], *, timeout: float | None = None, **more: Any
) -> None:
    """Run a workflow in the subject's deployment to its end. Raises Invalid when that is not a good one."""
    name = str(subject.deployment_id)
    subject.say(f'Starting execution for "{name}" deployment')
    with subject.writing() as store:
        execution = executions.start(
            subject.manager, store, name, workflow_id, more.pop("parameters", None) or parameters, queue=True, **more
        )
    follow(subject, execution.id, timeout=timeout, logs=_tells(subject.part("deployment")))
    subject.say(f'Execution succeeded for "{name}" deployment')


def delete(subject: Subject) -> bool:
    name = subject.deployment_id
    if name and not subject.part("deployment").get("external_resource") and _exists(subject, name):
        subject.say(f'Delete component\'s "{name}" deployment')
        with subject.writing() as store:
            execution = deployments.start_delete(
                subject.manager, store, name, force=False, delete_logs=False, recursive=False
            )
        subject.say("Waiting for component's deployment delete.")
        follow(subject, execution.id, logs=False)
        until_gone(subject, name)
    if name:
        subject.unlabel(subject.parent, CONSUMER, name)
    blueprint.delete(subject)
    subject.keep("deployment", "blueprint", "_component_create_deployment_id")
    return True


def check_status(subject: Subject) -> None:
    """Raises Invalid when the deployment is not well."""
    deployment = deployment_of(subject)
    if deployment.installation_status != "active" or deployment.deployment_status == "requires_attention":
        raise Invalid(
            f'The deployment "{deployment.id}" is {deployment.installation_status} '
            f"and its status is {deployment.deployment_status}"
        )


def check_drift(subject: Subject) -> dict[str, list[str]] | None:
    wanted = subject.part("deployment").get("inputs") or {}
    present = deployment_of(subject).inputs
    return {"deployment": ["inputs"]} if any(present.get(name) != value for name, value in wanted.items()) else None


def update(subject: Subject) -> None:
    if check_drift(subject):
        raise Invalid(f'The inputs of the deployment "{subject.deployment_id}" cannot be changed by this manager yet')
    subject.keep_capabilities()


def heal(subject: Subject) -> bool:
    run(subject, "heal", {})
    return True


def refresh(subject: Subject) -> bool:
    subject.keep_capabilities()
    return True


def deployment_of(subject: Subject) -> Deployment:
    with subject.reading() as store:
        return store.get(Deployment, str(subject.deployment_id))


def _start(subject: Subject, wanted: dict[str, Any]) -> str:
    """Begin the creation of the deployment and return its name: with a suffix, the first that nobody else takes."""
    base = wanted.get("id") or f"{subject.parent}-{subject.instance_id}"
    if not wanted.get("auto_inc_suffix"):
        return _create(subject, wanted, base)
    for name in (f"{base}-{number}" for number in range(MOST_SUFFIXES)):
        if not _exists(subject, name):
            try:
                return _create(subject, wanted, name)
            except Conflict:  # another component was faster
                continue
    raise Conflict(f'The first {MOST_SUFFIXES:,} names that begin with "{base}-" are taken')


def _create(subject: Subject, wanted: dict[str, Any], name: str) -> str:
    blueprint_id = (subject.runtime.get("blueprint") or subject.part("blueprint")).get("id")
    with subject.writing() as store:
        deployments.create(
            subject.manager,
            store,
            name,
            str(blueprint_id),
            inputs=wanted.get("inputs") or {},
            given_labels=[*({key: value} for key, value in parse(wanted.get("labels"))), {PARENT: subject.parent}],
        )
    subject.say(f'Creating "{name}" component deployment')
    subject.keep(_component_create_deployment_id=name)
    return name


def _start_arguments(subject: Subject) -> dict[str, Any]:
    given = subject.config.get("executions_start_args") or {}
    return {name: given[name] for name in ("parameters", "allow_custom_parameters", "force") if name in given}


def _exists(subject: Subject, name: str) -> bool:
    with subject.reading() as store:
        return store.find(Deployment, name) is not None


def _tells(wanted: dict[str, Any]) -> bool:
    """Whether what happens in the deployment is told here too."""
    return wanted.get("logs") is not False
