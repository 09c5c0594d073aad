"""Workflows of a deployment: their parameters, and the conditions under which they are available."""

from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import TypedDict

from sqlalchemy.orm import lazyload, load_only

from cfy_cli.contract.plan import AvailabilityRules, ParameterPlan, WorkflowPlan
from cfy_cli.contract.states import InstancesActive
from cfy_cli.errors import ErrorCode, Invalid
from cfy_cli.manager.store.listing import MAX_PAGE_SIZE, Listing
from cfy_cli.manager.store.models import Deployment
from cfy_cli.manager.store.query import Condition
from cfy_cli.manager.store.store import Store

ACTIVE_WORDS = {"all": "all", "partial": "some", "none": "none"}  # of availability rules, as messages spell them
ACTIVE_NOW = {
    InstancesActive.ALL: "all are",
    InstancesActive.PARTIAL: "some are",
    InstancesActive.IDLE: "some are installed and none is started",
    InstancesActive.NONE: "none are",
    InstancesActive.EMPTY: "there are none",
}

DESCRIBED = (
    Deployment.created_at,
    Deployment.workflow_definitions,
    Deployment.instances_active,
    Deployment.node_types,
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


def find(deployment: Deployment, name: str) -> WorkflowPlan:
    """Return a workflow of a deployment. Raises Invalid, with a suggestion."""
    workflow = deployment.workflow_definitions.get(name)
    if workflow is None:
        similar = get_close_matches(name, deployment.workflow_definitions, n=1)
        suggestion = f"Did you mean `{similar[0]}`? " if similar else ""
        raise Invalid(
            f"Workflow {name} does not exist in the deployment {deployment.id}",
            code=ErrorCode.NONEXISTENT_WORKFLOW,
            hint=suggestion + _describe_workflows(deployment),
        )
    return workflow


def _describe_workflows(deployment: Deployment) -> str:
    if deployment.workflow_definitions:
        return f"It has {', '.join(sorted(deployment.workflow_definitions))}."
    creation = deployment.create_execution
    return (
        "It has none: its environment was not created, or its blueprint has none. To see why, and to create it:\n"
        f"cfy executions get {creation}; cfy executions resume {creation}"
    )


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


def describe_all(deployments: Sequence[Deployment], *, common_only: bool) -> list[WorkflowAnswer]:
    """Return the workflows of several deployments, each name once: from the first one that has it available."""
    found: dict[str, WorkflowAnswer] = {}
    for workflow in (workflow for deployment in deployments for workflow in describe(deployment)):
        known = found.get(workflow["name"])
        if known is None or (workflow["is_available"] and not known["is_available"]):
            found[workflow["name"]] = workflow
    names = [set(deployment.workflow_definitions) for deployment in deployments]
    return [found[name] for name in found if not common_only or all(name in each for each in names)]


def find_deployments(store: Store, listing: Listing, where: Condition) -> list[Deployment]:
    """Return all deployments that a list selects, with the columns that `describe` reads."""
    found: list[Deployment] = []
    while True:
        selected = replace(listing, offset=len(found), size=MAX_PAGE_SIZE)
        page = store.list(Deployment, selected, where=where, options=(lazyload("*"), load_only(*DESCRIBED)))
        found += page.items
        if len(found) >= page.total or not page.items:
            return found
