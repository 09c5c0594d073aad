"""How the deployment that a node stands for is: whether it is well and as the node says, and making it so."""

from collections.abc import Mapping
from typing import Any

from cfy_cli.errors import Invalid
from cfy_cli.manager.services.deployments.dependencies import COMPONENT
from cfy_cli.manager.services.deployments.labels import set_labels
from cfy_cli.manager.services.extensions.starting import run
from cfy_cli.manager.services.extensions.subject import Subject
from cfy_cli.manager.services.labels import RESERVED_PREFIX, Pair, parse
from cfy_cli.manager.store.models import Blueprint, Deployment

Drift = dict[str, list[str]]


def check_status(subject: Subject) -> None:
    """Raises Invalid when the deployment, or anything in it, is not well."""
    _check_installed(_deployment(subject))
    _run_if_there_is(subject, "check_status")
    _check_well(_deployment(subject), drifted=False)


def check_status_as_known(subject: Subject) -> None:
    """Like check_status, without asking its nodes again: it belongs to somebody else."""
    deployment = _deployment(subject)
    _check_installed(deployment)
    _check_well(deployment, drifted=True)


def check_drift(subject: Subject) -> Drift | None:
    """What differs from what the node says, or has changed since its capabilities were fetched."""
    _run_if_there_is(subject, "check_drift")
    return drift(subject)


def drift(subject: Subject) -> Drift | None:
    deployment, wanted, blueprint = _deployment(subject), subject.part("deployment"), subject.part("blueprint")
    capabilities = subject.capabilities(deployment)
    with subject.reading() as store:
        used = store.find(Blueprint, deployment.blueprint_id)
    fetched = subject.runtime.get("capabilities") or {}
    found = {
        "capabilities": sorted(
            name for name in {*capabilities, *fetched} if capabilities.get(name) != fetched.get(name)
        ),
        "deployment": [
            *(["id"] if not wanted.get("auto_inc_suffix") and _differs(wanted, deployment.id) else []),
            *(["labels"] if _missing_labels(wanted, deployment) else []),
            *(["inputs"] if _other_inputs(wanted, deployment) else []),
        ],
        "blueprint": [
            *(["id"] if _differs(blueprint, deployment.blueprint_id) else []),
            *(["labels"] if used is not None and _missing_labels(blueprint, used) else []),
        ],
    }
    return {part: names for part, names in found.items() if names} or None


def update(subject: Subject) -> None:
    """Make labels as the node says. Raises Invalid for what only an update of the deployment could change."""
    found, name = drift(subject) or {}, str(subject.deployment_id)
    for part, what in (("deployment", "id"), ("deployment", "inputs"), ("blueprint", "id")):
        if what in found.get(part, ()):
            raise Invalid(
                f'The {part} {what} of the component "{name}" cannot be changed while it is installed: this manager '
                "updates no deployments yet. Reinstall the node instead",
            )
    if "labels" in found.get("deployment", ()):
        with subject.acting("deployment_update") as store:
            deployment = store.get_own(Deployment, name)
            present = [(label.key, label.value) for label in deployment.labels]
            set_labels(store, deployment, [*present, *parse(subject.part("deployment").get("labels"))])
    subject.keep_capabilities()


def heal(subject: Subject) -> bool:
    run(subject, "heal", creator=f"{COMPONENT}{subject.instance_id}")
    _check_installed(_deployment(subject))
    _check_well(_deployment(subject), drifted=False)
    return True


def refresh(subject: Subject) -> bool:
    subject.keep_capabilities()
    return True


def _deployment(subject: Subject) -> Deployment:
    with subject.reading() as store:
        return store.get(Deployment, str(subject.deployment_id))


def _run_if_there_is(subject: Subject, workflow_id: str) -> None:
    if workflow_id in _deployment(subject).workflow_definitions:
        run(subject, workflow_id, logs=False)


def _check_installed(deployment: Deployment) -> None:
    if deployment.installation_status != "active":
        raise Invalid(
            f"Expected deployment '{deployment.id}' to be installed, but got installation status: "
            f"'{deployment.installation_status}'"
        )


def _check_well(deployment: Deployment, *, drifted: bool) -> None:
    if deployment.deployment_status != "good":
        raise Invalid(
            f"Expected deployment '{deployment.id}' to be in a good state, but got deployment status: "
            f"'{deployment.deployment_status}'"
        )
    if deployment.unavailable_instances:
        raise Invalid(
            f"There are {deployment.unavailable_instances} unavailable instances in deployment '{deployment.id}'"
        )
    if drifted and deployment.drifted_instances:
        raise Invalid(f"There are {deployment.drifted_instances} drifted instances in deployment '{deployment.id}'")


def _differs(wanted: Mapping[str, Any], name: str) -> bool:
    return bool(wanted.get("id")) and wanted["id"] != name


def _missing_labels(wanted: Mapping[str, Any], labelled: Deployment | Blueprint) -> list[Pair]:
    present = {(label.key, label.value) for label in labelled.labels}
    given = [pair for pair in parse(wanted.get("labels")) if not pair[0].startswith(RESERVED_PREFIX)]
    return [pair for pair in given if pair not in present]


def _other_inputs(wanted: Mapping[str, Any], deployment: Deployment) -> list[str]:
    given: Mapping[str, Any] = wanted.get("inputs") or {}
    return [name for name, value in given.items() if deployment.inputs.get(name) != value]
