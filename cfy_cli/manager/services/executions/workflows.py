"""Workflows of a deployment: their parameters, and the conditions under which they are available."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import TypedDict

from sqlalchemy import select

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.plan import AvailabilityRules, ParameterPlan, WorkflowPlan
from cfy_cli.dsl import InputsInvalid, coerce_parameter
from cfy_cli.errors import ErrorCode, Invalid
from cfy_cli.manager.engine.selection import join_names
from cfy_cli.manager.store.models import Deployment, NodeInstance
from cfy_cli.manager.store.store import Store

PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "integer": (int,),
    "float": (int, float),
    "boolean": (bool,),
    "string": (str,),
    "list": (list,),
    "dict": (dict,),
}
ACTIVE_INSTANCES = {"all": "all", "partial": "some", "none": "none"}  # of a deployment, in words


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
    if active and deployment.instances_active not in active:
        return False
    types = rules.get("node_types_required")
    return not types or not set(types).isdisjoint(deployment.node_types)


def check_available(deployment: Deployment, name: str, workflow: WorkflowPlan) -> None:
    """Raise Invalid when a workflow is not available."""
    if not is_available(deployment, workflow):
        raise Invalid(
            f"Workflow not available: {name}",
            code=ErrorCode.UNAVAILABLE_WORKFLOW,
            hint=f"{_describe_rules(workflow, deployment.instances_active)} --force starts it all the same.",
        )


def _describe_rules(workflow: WorkflowPlan, active_now: str) -> str:
    """Return the availability rules as sentences."""
    rules = _availability_rules(workflow)
    sentences = []
    if rules.get("available") is False:
        sentences.append("The blueprint declares that it is not available.")
    if active := rules.get("node_instances_active"):
        required = " or ".join(ACTIVE_INSTANCES[value] for value in active)
        sentences.append(
            f"It requires that {required} of the node instances are active; now {ACTIVE_INSTANCES[active_now]} are."
        )
    if types := rules.get("node_types_required"):
        sentences.append(f"It requires a node of the type {' or '.join(types)}.")
    return " ".join(sentences)


def _availability_rules(workflow: WorkflowPlan) -> AvailabilityRules:
    return workflow.get("availability_rules") or {}


def complete_parameters(
    name: str, workflow: WorkflowPlan, parameters: Mapping[str, Json], *, custom: bool
) -> JsonObject:
    """Return the parameters with the declared defaults. Raises Invalid for missing, unknown and mistyped ones."""
    declared = workflow.get("parameters") or {}
    unknown = [key for key in parameters if key not in declared]
    if unknown and not custom:
        raise _error(
            f'Workflow "{name}" does not have the following parameters declared: {",".join(unknown)}. '
            "Remove these parameters or use the flag for allowing custom parameters"
        )
    missing = [
        key
        for key, parameter in declared.items()
        if "default" not in parameter and key not in parameters and parameter.get("required", True)
    ]
    if missing:
        raise _error(
            f'Workflow "{name}" must be provided with the following parameters to execute: {",".join(missing)}'
        )
    values = {key: _coerce(declared.get(key), value) for key, value in parameters.items()}
    mistyped = [
        f"Parameter `{key}` must be of the type {declared[key]['type']}, not {type(value).__name__} ({value!r})"
        for key, value in values.items()
        if _is_mistyped(declared.get(key), value)
    ]
    if mistyped:
        raise _error("; ".join(mistyped))
    return {**{key: parameter["default"] for key, parameter in declared.items() if "default" in parameter}, **values}


def check_instances(
    store: Store, deployment: Deployment, workflow: WorkflowPlan, parameters: Mapping[str, Json]
) -> None:
    """Raise Invalid when a parameter of the type `node_instance` names one that the deployment does not have."""
    declared = workflow.get("parameters") or {}
    for key, value in parameters.items():
        if (declared.get(key) or {}).get("type") != "node_instance" or not value:
            continue
        instance_ids = _find_instance_ids(store, deployment)
        if value not in instance_ids:
            raise _error(
                f"Parameter \"{key}\" does not meet its constraints: Value '{value}' of '{key}' is not a valid value "
                "for data type 'node_instance'",
                hint=f"{deployment.id} has {join_names(instance_ids)}.",
            )


def _find_instance_ids(store: Store, deployment: Deployment) -> Sequence[str]:
    statement = (
        select(NodeInstance.id)
        .where(NodeInstance.deployment_storage_id == deployment.storage_id)
        .order_by(NodeInstance.storage_id)
    )
    return store.unscoped.scalars(statement).all()  # node instances are as visible as their deployment


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


def _coerce(parameter: ParameterPlan | None, value: Json) -> Json:
    """Convert text to the declared type, because clients send what users type; return other text as it is."""
    if parameter is None or not isinstance(value, str):
        return value
    try:
        return coerce_parameter(parameter, value)
    except InputsInvalid:
        return value


def _is_mistyped(parameter: ParameterPlan | None, value: Json) -> bool:
    types = PYTHON_TYPES.get((parameter or {}).get("type") or "")
    if types is None or value is None:
        return False
    return not isinstance(value, types) or (isinstance(value, bool) and bool not in types)


def _error(message: str, hint: str | None = None) -> Invalid:
    return Invalid(message, hint=hint, code=ErrorCode.ILLEGAL_EXECUTION_PARAMETERS)
