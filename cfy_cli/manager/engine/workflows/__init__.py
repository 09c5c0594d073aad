"""The built-in workflows by name, and the definition of every workflow of a plan."""

from collections.abc import Mapping

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.plan import DeploymentPlan, WorkflowPlan
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.workflows import checks, heal, new_agents, operation, rollback, scale, setup
from cfy_cli.manager.engine.workflows.context import Workflow
from cfy_cli.manager.engine.workflows.python import WorkflowFunction

BUILT_IN: dict[str, Workflow] = {
    "install": setup.install,
    "uninstall": setup.uninstall,
    "reinstall": setup.reinstall,
    "rollback": rollback.rollback,
    "execute_operation": operation.execute_operation,
    "start": operation.start,
    "stop": operation.stop,
    "restart": operation.restart,
    "pull": operation.pull,
    "check_status": checks.check_status,
    "check_drift": checks.check_drift,
    "heal": heal.heal,
    "auto_heal_reinstall_node_subgraph": heal.heal,
    "scale": scale.scale,
    "scale_entity": scale.scale,
    "validate_agents": new_agents.validate_agents,
    "install_new_agents": new_agents.install_new_agents,
}
PACKAGE = "cloudify.plugins.workflows."  # prefix of the built-in workflows in blueprints
BUILT_IN_PLUGINS = (None, "", "default_workflows")  # plugins without functions of their own


def find(plan: DeploymentPlan, workflow_id: str) -> Workflow | WorkflowFunction:
    """Return the built-in workflow or the Python function that a workflow is mapped to. Raises Invalid."""
    definition = _definition(plan, workflow_id)
    function = definition["operation"] if definition else PACKAGE + workflow_id
    name = function.removeprefix(PACKAGE)
    if name in BUILT_IN:
        return BUILT_IN[name]
    plugin = definition.get("plugin") if definition else None
    if not function.startswith(PACKAGE) and plugin is not None and plugin not in BUILT_IN_PLUGINS:
        return WorkflowFunction(plugin, function)
    label = f"`{workflow_id}`" if function == PACKAGE + workflow_id else f"`{workflow_id}` ({function})"
    raise Invalid(f"There is no built-in workflow {label}; the built-in workflows are {', '.join(sorted(BUILT_IN))}.")


def complete(plan: DeploymentPlan, workflow_id: str, parameters: Mapping[str, Json]) -> JsonObject:
    """Return the parameters with the declared defaults of the missing ones."""
    definition = _definition(plan, workflow_id)
    declared = (definition.get("parameters") if definition else None) or {}
    defaults = {name: parameter["default"] for name, parameter in declared.items() if "default" in parameter}
    return {**defaults, **parameters}


def _definition(plan: DeploymentPlan, workflow_id: str) -> WorkflowPlan | None:
    return (plan.get("workflows") or {}).get(workflow_id)
