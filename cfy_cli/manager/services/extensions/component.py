"""Components: a deployment made, installed and deleted as a part of another."""

from typing import Any

from cfy_cli.errors import Conflict
from cfy_cli.manager.services.deployments import dependencies, deployments
from cfy_cli.manager.services.extensions import blueprint
from cfy_cli.manager.services.extensions.starting import run
from cfy_cli.manager.services.extensions.subject import Subject
from cfy_cli.manager.services.extensions.wait import follow, until_gone, until_idle
from cfy_cli.manager.services.labels import PARENT, parse
from cfy_cli.manager.services.system_workflows import deployment_requests
from cfy_cli.manager.store.models import Deployment
from cfy_cli.manager.store.models import InterDeploymentDependency as Dependency
from cfy_cli.manager.store.store import Store

MOST_SUFFIXES = 10_000


def create(subject: Subject) -> bool:
    wanted = subject.part("deployment")
    if wanted.get("external_resource"):
        name = str(wanted.get("id"))
        subject.say("Using external deployment.")
    else:
        name = _made_before(subject) or _start(subject, wanted)
    with subject.reading() as store:
        execution_id = store.get(Deployment, name).create_execution
    subject.keep(deployment={"id": name})
    if execution_id and not wanted.get("external_resource"):
        follow(subject, execution_id, timeout=subject.inputs.get("timeout"), logs=_tells(wanted))
    return True


def execute_start(subject: Subject) -> bool:
    """Run a workflow, `install` or `uninstall`, in the component's deployment."""
    wanted, name = subject.part("deployment"), str(subject.deployment_id)
    workflow_id = subject.inputs.get("workflow_id") or "install"
    if wanted.get("external_resource"):
        subject.say(f'Nothing to do: "{name}" is not managed by this component')
    elif _is_done(subject, workflow_id, name):
        subject.say(f'Nothing to do: `{workflow_id}` has nothing left to do in "{name}"')
    else:
        given = dict(subject.config.get("executions_start_args") or {})
        _execute(
            subject,
            workflow_id,
            given.get("parameters") or _parameters(subject, workflow_id),
            allow_custom_parameters=bool(given.get("allow_custom_parameters")),
            force=bool(given.get("force")),
        )
    if _exists(subject, name):
        subject.keep_capabilities()
    return True


def delete(subject: Subject) -> bool:
    name = subject.deployment_id
    if name and not subject.part("deployment").get("external_resource"):
        _delete(subject, name)
        with subject.writing() as store:
            dependencies.forget(store, _dependencies(subject, store))
    blueprint.delete(subject)
    subject.keep("deployment", "blueprint", "_component_create_deployment_id")
    return True


def _delete(subject: Subject, name: str) -> None:
    subject.say("Wait for component's stop deployment operation related executions.")
    until_idle(subject, name)
    if not _exists(subject, name):
        subject.ctx.log("warning", f'There is no deployment "{name}" any more')
        return
    if _is_live(subject, name):  # an install that failed half way
        with subject.reading() as store:
            present = store.get(Deployment, name)
            dependencies.check_workflow(store, present, "uninstall", {}, creator=_creator(subject))
        _execute(subject, "uninstall", {}, force=True)
    subject.say(f'Delete component\'s "{name}" deployment')
    with subject.acting("deployment_delete") as store:
        deployment_requests.start_delete(
            subject.app,
            store,
            name,
            force=False,
            delete_logs=False,
            recursive=False,
            creator=_creator(subject),
        )
    subject.say("Waiting for component's deployment delete.")
    until_gone(subject, name)


def _execute(subject: Subject, workflow_id: str, parameters: dict[str, Any], **more: Any) -> None:
    name = subject.deployment_id
    subject.say(f'Starting execution for "{name}" deployment')
    run(
        subject,
        workflow_id,
        parameters,
        timeout=subject.inputs.get("timeout"),
        logs=_tells(subject.part("deployment")),
        creator=_creator(subject),
        **more,
    )
    subject.say(f'Execution succeeded for "{name}" deployment')


def _is_done(subject: Subject, workflow_id: str, name: str) -> bool:
    """Whether all is installed already, or nothing is any more; somebody else may have seen to that."""
    if workflow_id == "uninstall":
        return not _is_live(subject, name)
    with subject.reading() as store:
        return workflow_id == "install" and store.get(Deployment, name).instances_active == "all"


def _is_live(subject: Subject, name: str) -> bool:
    with subject.reading() as store:
        deployment = store.find(Deployment, name)
        return deployment is not None and bool(deployments.live_instances(store, deployment))


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
    with subject.acting("deployment_create") as store:
        made, _ = deployment_requests.create(
            subject.app,
            store,
            name,
            str(blueprint_id),
            inputs=wanted.get("inputs") or {},
            given_labels=[*({key: value} for key, value in parse(wanted.get("labels"))), {PARENT: subject.parent}],
        )
        dependencies.create(store, _creator(subject), store.get(Deployment, subject.parent), made)
    subject.say(f'Creating "{name}" component deployment')
    subject.keep(_component_create_deployment_id=name)
    return name


def _made_before(subject: Subject) -> str | None:
    """The deployment that this was begun with when a worker died."""
    with subject.reading() as store:
        made = [each.target_deployment_id for each in _dependencies(subject, store)]
    return next((name for name in made if name), None)


def _dependencies(subject: Subject, store: Store) -> list[Dependency]:
    own = dependencies.of_source(store.get(Deployment, subject.parent))
    return list(store.unscoped.scalars(own.where(Dependency.dependency_creator == _creator(subject))))


def _creator(subject: Subject) -> str:
    return f"{dependencies.COMPONENT}{subject.instance_id}"


def _parameters(subject: Subject, workflow_id: str) -> dict[str, Any]:
    """What the same workflow of the parent was told that is meant for all that belongs to it."""
    job = subject.ctx.job
    careless = job.workflow_id == workflow_id == "uninstall" and bool(job.parameters.get("ignore_failure"))
    return {"ignore_failure": True} if careless else {}


def _exists(subject: Subject, name: str) -> bool:
    with subject.reading() as store:
        return store.find(Deployment, name) is not None


def _tells(wanted: dict[str, Any]) -> bool:
    """Whether what happens in the deployment is told here too."""
    return wanted.get("logs") is not False
