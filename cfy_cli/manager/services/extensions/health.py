"""Health of the deployment that a node stands for: status, drift from the node's configuration, repair."""

from cfy_cli.errors import Invalid
from cfy_cli.manager.services.deployments.dependencies import COMPONENT
from cfy_cli.manager.services.deployments.deployments import add_labels
from cfy_cli.manager.services.extensions import blueprint
from cfy_cli.manager.services.extensions.configuration import BlueprintConfig, DeploymentConfig
from cfy_cli.manager.services.extensions.extension_context import ExtensionContext
from cfy_cli.manager.services.extensions.run_workflow import run_workflow
from cfy_cli.manager.services.extensions.update_deployment import update_deployment
from cfy_cli.manager.services.labels import RESERVED_PREFIX, Pair, parse
from cfy_cli.manager.store.models import Blueprint, Deployment

Drift = dict[str, list[str]]  # {"capabilities": names, "deployment": [id, labels, inputs], "blueprint": [id, labels]}


def check_status(extension: ExtensionContext) -> None:
    """Run `check_status` in the deployment. Raises Invalid when the deployment or a node instance is not healthy."""
    _check_installed(extension.get_target())
    _run_if_defined(extension, "check_status")
    _check_healthy(extension.get_target())


def check_stored_status(extension: ExtensionContext) -> None:
    """Check the results of the last status and drift checks; new ones are up to the owner of the deployment."""
    deployment = extension.get_target()
    _check_installed(deployment)
    _check_healthy(deployment)
    if deployment.drifted_instances:
        raise Invalid(f"There are {deployment.drifted_instances} drifted instances in deployment '{deployment.id}'")


def check_drift(extension: ExtensionContext) -> Drift | None:
    """Run `check_drift` in the deployment and return `find_drift`."""
    _run_if_defined(extension, "check_drift")
    return find_drift(extension)


def find_drift(extension: ExtensionContext) -> Drift | None:
    """Return what differs from the configuration of the node, and capabilities that changed since they were fetched."""
    deployment = extension.get_target()
    deployment_config, blueprint_config = extension.deployment_config, extension.blueprint_config
    capabilities = extension.evaluate_capabilities(deployment)
    fetched = extension.runtime_properties.get("capabilities") or {}
    with extension.reading("blueprint_get") as store:
        present = store.find(Blueprint, deployment.blueprint_id)
    has_suffix = bool(deployment_config.get("auto_inc_suffix"))
    drift = {
        "capabilities": sorted(
            name for name in {*capabilities, *fetched} if capabilities.get(name) != fetched.get(name)
        ),
        "deployment": [
            *(["id"] if not has_suffix and _has_other_id(deployment_config, deployment.id) else []),
            *(["labels"] if _lacks_labels(deployment_config, deployment) else []),
            *(["inputs"] if _has_other_inputs(deployment_config, deployment) else []),
        ],
        "blueprint": [
            *(["id"] if _has_other_id(blueprint_config, deployment.blueprint_id) else []),
            *(["labels"] if present is not None and _lacks_labels(blueprint_config, present) else []),
        ],
    }
    return {part: names for part, names in drift.items() if names} or None


def update(extension: ExtensionContext) -> None:
    """Update the deployment to the blueprint, the inputs and the labels of the configuration. Raises CfyError."""
    drift, deployment_id = find_drift(extension) or {}, str(extension.target_deployment_id)
    of_deployment = drift.get("deployment", ())
    if "id" in of_deployment:
        raise Invalid(
            f'The id of the component "{deployment_id}" cannot be changed while it is installed',
            hint="Reinstall the node instead",
        )
    has_other_blueprint = "id" in drift.get("blueprint", ())
    if has_other_blueprint:
        blueprint.upload(extension)
    if has_other_blueprint or "inputs" in of_deployment:
        blueprint_id = extension.blueprint_config.get("id") if has_other_blueprint else None
        update_deployment(extension, blueprint_id, extension.deployment_config.get("inputs") or {})
    if "labels" in of_deployment:
        with extension.writing("deployment_update") as store:
            deployment = store.get_own(Deployment, deployment_id)
            add_labels(store, deployment, parse(extension.deployment_config.get("labels")))
    extension.fetch_capabilities()


def heal(extension: ExtensionContext) -> bool:
    """Run `heal` in the deployment. Raises Invalid when it is not healthy afterwards."""
    run_workflow(extension, "heal", creator=f"{COMPONENT}{extension.instance_id}")
    deployment = extension.get_target()
    _check_installed(deployment)
    _check_healthy(deployment)
    return True


def refresh(extension: ExtensionContext) -> bool:
    extension.fetch_capabilities()
    return True


def _run_if_defined(extension: ExtensionContext, workflow_id: str) -> None:
    if workflow_id in extension.get_target().workflow_definitions:
        run_workflow(extension, workflow_id, repeat_events=False)


def _check_installed(deployment: Deployment) -> None:
    if deployment.installation_status != "active":
        raise Invalid(
            f"Expected deployment '{deployment.id}' to be installed, but got installation status: "
            f"'{deployment.installation_status}'"
        )


def _check_healthy(deployment: Deployment) -> None:
    if deployment.deployment_status != "good":
        raise Invalid(
            f"Expected deployment '{deployment.id}' to be in a good state, but got deployment status: "
            f"'{deployment.deployment_status}'"
        )
    if deployment.unavailable_instances:
        raise Invalid(
            f"There are {deployment.unavailable_instances} unavailable instances in deployment '{deployment.id}'"
        )


def _has_other_id(config: BlueprintConfig | DeploymentConfig, current_id: str) -> bool:
    return bool(config.get("id")) and config["id"] != current_id


def _lacks_labels(config: BlueprintConfig | DeploymentConfig, row: Deployment | Blueprint) -> bool:
    present: set[Pair] = {(label.key, label.value) for label in row.labels}
    return any(pair not in present for pair in parse(config.get("labels")) if not pair[0].startswith(RESERVED_PREFIX))


def _has_other_inputs(config: DeploymentConfig, deployment: Deployment) -> bool:
    inputs = config.get("inputs") or {}
    return any(deployment.inputs.get(name) != value for name, value in inputs.items())
