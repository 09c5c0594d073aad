"""Workflows: what each runs, and its parameters."""

from collections.abc import Mapping
from typing import Any

from cfy_cli.dsl.hierarchies import Completing
from cfy_cli.dsl.scripts import RUN_SCRIPT_WORKFLOW, Targets, Unmapped, told
from cfy_cli.dsl.syntax import Workflow


def workflows_of(declared: Mapping[str, Workflow], targets: Targets, completing: Completing) -> dict[str, Any]:
    """The workflows as the plan has them."""
    plans = {}
    for name, workflow in declared.items():
        if workflow.mapping:
            try:
                plans[name] = _plan(workflow, targets, completing)
            except Unmapped as error:
                told(error, workflow.node.place_of(("mapping",)), completing.reading)
    return plans


def _plan(workflow: Workflow, targets: Targets, completing: Completing) -> dict[str, Any]:
    parameters = completing.schema(workflow.parameters, workflow.node, ("parameters",), inputs=True)
    target = targets.find(workflow.mapping)
    function = target.function
    if target.script:
        if target.script in parameters:
            completing.reading.tell(
                workflow.node.place_of(("parameters", target.script)),
                "implementation",
                f"`{target.script}` is what the mapping is already",
            )
        function = RUN_SCRIPT_WORKFLOW
        script = {"default": workflow.mapping, "description": "The script that is the workflow."}
        parameters = {**parameters, target.script: script}
    return {
        "plugin": target.plugin,
        "operation": function,
        "parameters": parameters,
        "is_cascading": workflow.is_cascading,
        "availability_rules": workflow.availability_rules,
    }
