"""Workflows: the function or script that each runs, and its parameters."""

from collections.abc import Mapping

from cfy_cli.contract.plan import ParameterPlan, WorkflowPlan
from cfy_cli.dsl.declarations import Workflow
from cfy_cli.dsl.implementations import RUN_SCRIPT_WORKFLOW, ImplementationResolver, Unresolved, report_unresolved
from cfy_cli.dsl.schema_resolution import SchemaResolver


def build_workflows(
    declared: Mapping[str, Workflow], implementations: ImplementationResolver, schemas: SchemaResolver
) -> dict[str, WorkflowPlan]:
    plans = {}
    for name, workflow in declared.items():
        if workflow.mapping:
            try:
                plans[name] = _plan(workflow, implementations, schemas)
            except Unresolved as error:
                report_unresolved(error, workflow.node.locate(("mapping",)), schemas.compilation)
    return plans


def _plan(workflow: Workflow, implementations: ImplementationResolver, schemas: SchemaResolver) -> WorkflowPlan:
    parameters = schemas.resolve_parameters(workflow.parameters, workflow.node, ("parameters",))
    implementation = implementations.resolve(workflow.mapping)
    function = implementation.function
    script_input = implementation.script_input
    if script_input:
        if script_input in parameters:
            schemas.compilation.report(
                workflow.node.locate(("parameters", script_input)),
                "implementation",
                f"`{script_input}` cannot be a parameter: it is set from the mapping",
            )
        function = RUN_SCRIPT_WORKFLOW
        script: ParameterPlan = {"default": workflow.mapping, "description": "The script that the workflow runs."}
        parameters = {**parameters, script_input: script}
    return {
        "plugin": implementation.plugin,
        "operation": function,
        "parameters": parameters,
        "is_cascading": workflow.is_cascading,
        "availability_rules": workflow.availability_rules,
    }
