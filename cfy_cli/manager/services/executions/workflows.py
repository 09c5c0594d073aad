"""Workflows of a deployment: what they take and when they are available."""

from difflib import get_close_matches
from typing import Any, TypedDict

from sqlalchemy import select

from cfy_cli.contract.plan import AvailabilityRules, ParameterPlan, WorkflowPlan
from cfy_cli.dsl import InputsInvalid, coerce_parameter
from cfy_cli.errors import ErrorCode, Invalid
from cfy_cli.manager.engine.selection import join_names
from cfy_cli.manager.store.models import Deployment, NodeInstance
from cfy_cli.manager.store.store import Store

KINDS: dict[str, tuple[type, ...]] = {
    "integer": (int,),
    "float": (int, float),
    "boolean": (bool,),
    "string": (str,),
    "list": (list,),
    "dict": (dict,),
}
AMOUNTS = {"all": "all", "partial": "some", "none": "none"}  # of the instances of a deployment, in words


def find(deployment: Deployment, name: str) -> WorkflowPlan:
    workflow = deployment.workflow_definitions.get(name)
    if workflow is None:
        near = get_close_matches(name, deployment.workflow_definitions, n=1)
        meant = f"Did you mean `{near[0]}`? " if near else ""
        raise Invalid(
            f"Workflow {name} does not exist in the deployment {deployment.id}",
            code=ErrorCode.NONEXISTENT_WORKFLOW,
            hint=f"{meant}It has {', '.join(sorted(deployment.workflow_definitions)) or 'none yet'}.",
        )
    return workflow


def is_available(deployment: Deployment, workflow: WorkflowPlan) -> bool:
    """Whether the rules of the workflow hold: how many instances are active, which types there are."""
    rules: AvailabilityRules = workflow.get("availability_rules") or {}
    if rules.get("available") is False:
        return False
    active = rules.get("node_instances_active")
    if active and deployment.instances_active not in active:
        return False
    types = rules.get("node_types_required")
    return not types or not set(types).isdisjoint(deployment.node_types)


def check_available(deployment: Deployment, name: str, workflow: WorkflowPlan) -> None:
    if not is_available(deployment, workflow):
        rules: AvailabilityRules = workflow.get("availability_rules") or {}
        raise Invalid(
            f"Workflow not available: {name}",
            code=ErrorCode.UNAVAILABLE_WORKFLOW,
            hint=f"{_needs(rules, deployment.instances_active)} --force starts it all the same.",
        )


def _needs(rules: AvailabilityRules, active_now: str) -> str:
    """The rules as sentences."""
    needs = []
    if rules.get("available") is False:
        needs.append("Its blueprint says that it is not available.")
    if active := rules.get("node_instances_active"):
        wanted = _or([AMOUNTS[one] for one in active])
        needs.append(
            f"It is for deployments of whose node instances {wanted} are active; now {AMOUNTS[active_now]} are."
        )
    if types := rules.get("node_types_required"):
        needs.append(f"It is for deployments with a node of the type {_or(types)}.")
    return " ".join(needs)


def _or(names: list[str]) -> str:
    return " or ".join(names)


def complete_parameters(name: str, workflow: WorkflowPlan, given: dict[str, Any], *, custom: bool) -> dict[str, Any]:
    """What was given over the declared defaults. Raises Invalid for missing, unknown and mistyped ones."""
    declared: dict[str, ParameterPlan] = workflow.get("parameters") or {}
    unknown = [key for key in given if key not in declared]
    if unknown and not custom:
        raise _illegal(
            f'Workflow "{name}" does not have the following parameters declared: {",".join(unknown)}. '
            "Remove these parameters or use the flag for allowing custom parameters"
        )
    missing = [
        key
        for key, about in declared.items()
        if "default" not in about and key not in given and about.get("required", True)
    ]
    if missing:
        raise _illegal(
            f'Workflow "{name}" must be provided with the following parameters to execute: {",".join(missing)}'
        )
    given = {key: _meant(declared.get(key), value) for key, value in given.items()}
    wrong = [
        _wrong(key, declared[key]["type"], given[key]) for key in given if _mistyped(declared.get(key), given[key])
    ]
    if wrong:
        raise _illegal("; ".join(wrong))
    return {**{key: about["default"] for key, about in declared.items() if "default" in about}, **given}


def check_instances(store: Store, deployment: Deployment, workflow: WorkflowPlan, given: dict[str, Any]) -> None:
    """Raises Invalid where a parameter that names a node instance names one that the deployment does not have."""
    declared = workflow.get("parameters") or {}
    for key, value in given.items():
        if (declared.get(key) or {}).get("type") != "node_instance" or not value:
            continue
        theirs = list(
            store.unscoped.scalars(
                select(NodeInstance.id)
                .where(NodeInstance.deployment_storage_id == deployment.storage_id)
                .order_by(NodeInstance.storage_id)
            )
        )
        if value not in theirs:
            raise _illegal(
                f"Parameter \"{key}\" does not meet its constraints: Value '{value}' of '{key}' is not a valid value "
                "for data type 'node_instance'",
                hint=f"{deployment.id} has {join_names(theirs)}.",
            )


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


def _meant(about: ParameterPlan | None, value: Any) -> Any:
    """Clients send what was typed as text; what cannot be read as what is wanted stays as it came."""
    if about is None or not isinstance(value, str):
        return value
    try:
        return coerce_parameter(about, value)
    except InputsInvalid:
        return value


def _mistyped(about: ParameterPlan | None, value: Any) -> bool:
    kinds = KINDS.get((about or {}).get("type") or "")
    if kinds is None or value is None:
        return False
    return not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds)


def _wrong(key: str, wanted: str, value: Any) -> str:
    return f"Parameter `{key}` must be of the type {wanted}, not {type(value).__name__} ({value!r})"


def _illegal(sentence: str, hint: str | None = None) -> Invalid:
    return Invalid(sentence, hint=hint, code=ErrorCode.ILLEGAL_EXECUTION_PARAMETERS)
