"""Workflows of a deployment: their parameters, and the conditions under which they are available."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TypedDict

from cfy_cli import dsl
from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.plan import AvailabilityRules, ParameterPlan, WorkflowPlan
from cfy_cli.contract.states import InstancesActive
from cfy_cli.dsl.value_types import PRIMITIVE_TYPES
from cfy_cli.errors import ErrorCode, Invalid
from cfy_cli.manager.services.blueprints.plan_cache import PlanCache
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.deployments.existing_resources import StoreResources
from cfy_cli.manager.services.secrets.secrets import stored_secrets
from cfy_cli.manager.store.models import Deployment
from cfy_cli.manager.store.store import Store

ACTIVE_WORDS = {"all": "all", "partial": "some", "none": "none"}  # of availability rules, as messages spell them
ACTIVE_NOW = {
    InstancesActive.ALL: "all are",
    InstancesActive.PARTIAL: "some are",
    InstancesActive.IDLE: "some are installed and none is started",
    InstancesActive.NONE: "none are",
    InstancesActive.EMPTY: "there are none",
}


class WorkflowAnswer(TypedDict):
    """A workflow of a deployment, as the API answers it."""

    name: str
    plugin: str | None
    operation: str | None
    parameters: dict[str, ParameterPlan]
    is_cascading: bool
    is_available: bool
    availability_rules: AvailabilityRules | None
    created_at: str


def find(deployment: Deployment, name: str) -> WorkflowPlan:
    """Return a workflow of a deployment. Raises Invalid, with a suggestion."""
    workflow = deployment.workflow_definitions.get(name)
    if workflow is None:
        similar = get_close_matches(name, deployment.workflow_definitions, n=1)
        suggestion = f"Did you mean `{similar[0]}`? " if similar else ""
        raise Invalid(
            f"Workflow {name} does not exist in the deployment {deployment.id}",
            code=ErrorCode.NONEXISTENT_WORKFLOW,
            hint=f"{suggestion}It has {', '.join(sorted(deployment.workflow_definitions)) or 'none yet'}.",
        )
    return workflow


def is_available(deployment: Deployment, workflow: WorkflowPlan) -> bool:
    """Return whether the availability rules of a workflow match the deployment's node instances and node types."""
    rules = _availability_rules(workflow)
    if rules.get("available") is False:
        return False
    active = rules.get("node_instances_active")
    if active and instances_active(deployment).words.isdisjoint(active):
        return False
    types = rules.get("node_types_required")
    return not types or not set(types).isdisjoint(deployment.node_types)


def check_available(deployment: Deployment, name: str, workflow: WorkflowPlan) -> None:
    """Raise Invalid when a workflow is not available."""
    if not is_available(deployment, workflow):
        raise Invalid(
            f"Workflow not available: {name}",
            code=ErrorCode.UNAVAILABLE_WORKFLOW,
            hint=f"{_describe_rules(workflow, instances_active(deployment))} --force starts it all the same.",
        )


def _describe_rules(workflow: WorkflowPlan, now: InstancesActive) -> str:
    """Return the availability rules as sentences."""
    rules = _availability_rules(workflow)
    sentences = []
    if rules.get("available") is False:
        sentences.append("The blueprint declares that it is not available.")
    if active := rules.get("node_instances_active"):
        required = " or ".join(ACTIVE_WORDS[word] for word in active)
        sentences.append(f"It requires that {required} of the node instances are active; now {ACTIVE_NOW[now]}.")
    if types := rules.get("node_types_required"):
        sentences.append(f"It requires a node of the type {' or '.join(types)}.")
    return " ".join(sentences)


def instances_active(deployment: Deployment) -> InstancesActive:
    return InstancesActive(deployment.instances_active)


def _availability_rules(workflow: WorkflowPlan) -> AvailabilityRules:
    return workflow.get("availability_rules") or {}


def parameter_rule(app: AppContext, store: Store, deployment: Deployment, workflow: WorkflowPlan) -> dsl.DeclaredValues:
    """Return the rule for values of the parameters of a workflow; constraints may call functions."""
    existing = StoreResources(store, deployment, stored_secrets(app, store))
    declared = workflow.get("parameters") or {}
    has_data_types = any(each.get("type", "string") not in PRIMITIVE_TYPES for each in declared.values())
    plan = (
        app.service(PlanCache).get(store.unscoped, deployment.blueprint_storage_id)  # of the deployment
        if has_data_types
        else None
    )
    return dsl.DeclaredValues(
        plan["data_types"] if plan else {},
        existing,
        lambda value: existing.evaluate(value, deployment.inputs),
        converts_text=True,
        strict_text=True,
    )


def complete_parameters(
    name: str, workflow: WorkflowPlan, parameters: Mapping[str, Json], rule: dsl.DeclaredValues, *, custom: bool
) -> JsonObject:
    """Return the parameters with the declared defaults. Raises Invalid with every problem.

    Parameters that are not declared are a problem unless they may be `custom`.
    """
    declared = workflow.get("parameters") or {}
    problems = []
    unknown = [key for key in parameters if key not in declared]
    if unknown and not custom:
        problems.append(
            f'Workflow "{name}" does not have the following parameters declared: {",".join(unknown)}. '
            "Remove these parameters or use the flag for allowing custom parameters"
        )
    missing = [
        key
        for key, parameter in declared.items()
        if "default" not in parameter and key not in parameters and parameter.get("required", True)
    ]
    if missing:
        problems.append(
            f'Workflow "{name}" must be provided with the following parameters to execute: {",".join(missing)}'
        )
    values: JsonObject = {**{key: each["default"] for key, each in declared.items() if "default" in each}, **parameters}
    for key, parameter in declared.items():
        if values.get(key) is not None:
            values[key], found = _check_parameter(key, values[key], parameter, rule)
            problems += found
    if problems:
        raise Invalid("\n".join(problems), code=ErrorCode.ILLEGAL_EXECUTION_PARAMETERS)
    return values


def _check_parameter(
    key: str, value: Json, parameter: ParameterPlan, rule: dsl.DeclaredValues
) -> tuple[Json, list[str]]:
    value, mismatches = rule.coerce(value, parameter)
    problems = [f'Parameter "{key}"{mismatch.path}: {mismatch.message}' for mismatch in mismatches]
    violations = rule.find_violations(value, parameter)
    return value, [*problems, *(f'Parameter "{key}" does not meet its constraints: {each}' for each in violations)]


def describe(deployment: Deployment) -> list[WorkflowAnswer]:
    """Return the workflows of a deployment, as the API answers them."""
    return [
        {
            "name": name,
            "plugin": workflow.get("plugin"),
            "operation": workflow.get("operation"),
            "parameters": workflow.get("parameters") or {},
            "is_cascading": workflow.get("is_cascading", False),
            "is_available": is_available(deployment, workflow),
            "availability_rules": workflow.get("availability_rules"),
            "created_at": deployment.created_at,
        }
        for name, workflow in deployment.workflow_definitions.items()
    ]
