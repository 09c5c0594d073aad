"""Which function draws which workflow: the one table of names."""

from collections.abc import Mapping
from typing import Any

from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.workflows import checks, heal, new_agents, operation, rollback, scale, setup
from cfy_cli.manager.engine.workflows.context import Workflow
from cfy_cli.manager.engine.workflows.python import Function

Json = Any

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
PACKAGE = "cloudify.plugins.workflows."  # how blueprints spell the built-in ones
NEVER = (None, "", "default_workflows")  # plugins without functions of their own


def find(plan: Mapping[str, Json], workflow_id: str) -> Workflow | Function:
    """The built-in workflow that this one is, or is mapped onto, or the function that it is. Raises Invalid."""
    definition = _definition(plan, workflow_id)
    function = definition.get("operation", PACKAGE + workflow_id)
    name = function.removeprefix(PACKAGE)
    if name in BUILT_IN:
        return BUILT_IN[name]
    if not function.startswith(PACKAGE) and definition.get("plugin") not in NEVER:
        return Function(definition["plugin"], function)
    shown = f"`{workflow_id}`" if function == PACKAGE + workflow_id else f"`{workflow_id}` ({function})"
    raise Invalid(f"There is no built-in workflow {shown}; there is {', '.join(sorted(BUILT_IN))}.")


def complete(plan: Mapping[str, Json], workflow_id: str, given: Mapping[str, Json]) -> dict[str, Json]:
    """The parameters with the defaults of those not given."""
    declared = _definition(plan, workflow_id).get("parameters") or {}
    defaults = {name: one["default"] for name, one in declared.items() if "default" in one}
    return {**defaults, **given}


def _definition(plan: Mapping[str, Json], workflow_id: str) -> Mapping[str, Json]:
    definition: Mapping[str, Json] = (plan.get("workflows") or {}).get(workflow_id) or {}
    return definition
