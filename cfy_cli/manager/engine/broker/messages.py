"""The messages of operations: plain JSON, without values of secrets and without credentials."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TypedDict, cast

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.plan import DeploymentPlan
from cfy_cli.manager.engine import values
from cfy_cli.manager.engine.operation_user import OperationUser
from cfy_cli.manager.engine.ports import ExecutionEvent, Job
from cfy_cli.manager.engine.tasks import Attempt, Failure, Operation, Outcome, Task

OPERATION = values.KINDS[Operation]
NO_PLAN: DeploymentPlan = {"nodes": [], "workflows": {}, "scaling_groups": {}}  # what an operation needs is looked up


class JobMessage(TypedDict):
    """The execution, as its operations know it. Folders are relative to the folder of the manager's files."""

    execution_id: str
    workflow_id: str
    parameters: JsonObject
    deployment_id: str
    deployment_display_name: str
    blueprint_id: str
    tenant_name: str
    created_by: str
    resources: str
    workdir: str
    environment: dict[str, str]
    resource_tags: JsonObject
    imported: dict[str, str]
    is_update: bool


class OperationMessage(TypedDict):
    """One attempt of an operation."""

    operation_id: str
    number: int
    task_id: str  # of the task in its graph
    operation: JsonObject
    job: JobMessage
    sent_at: float  # seconds since the epoch
    may_have_begun: bool  # an earlier message about this attempt may have been received


class OutcomeMessage(TypedDict):
    """The end of an attempt, with the events that were not sent before."""

    operation_id: str
    number: int
    result: Json
    failure: JsonObject | None
    events: list[JsonObject]


class Found(TypedDict):
    """An attempt as a worker knows it: it runs as long as it has no outcome."""

    number: int
    outcome: OutcomeMessage | None


def job_message(job: Job, files: Path) -> JobMessage:
    return {
        "execution_id": job.execution_id,
        "workflow_id": job.workflow_id,
        "parameters": dict(job.parameters),
        "deployment_id": job.deployment_id,
        "deployment_display_name": job.deployment_display_name,
        "blueprint_id": job.blueprint_id,
        "tenant_name": job.tenant_name,
        "created_by": job.created_by,
        "resources": str(job.resources.relative_to(files)),
        "workdir": str(job.workdir.relative_to(files)),
        "environment": dict(job.environment),
        "resource_tags": job.resource_tags,
        "imported": {namespace: str(folder.relative_to(files)) for namespace, folder in job.imported.items()},
        "is_update": job.is_update,
    }


def read_job(
    message: JobMessage,
    find: Callable[[str], Path],
    environment: Mapping[str, str],
    user: OperationUser | None = None,
) -> Job:
    """Build a job where an operation runs; `find` returns a folder of the manager's files there."""
    return Job(
        execution_id=message["execution_id"],
        workflow_id=message["workflow_id"],
        parameters=message["parameters"],
        plan=NO_PLAN,
        deployment_id=message["deployment_id"],
        deployment_display_name=message["deployment_display_name"],
        blueprint_id=message["blueprint_id"],
        tenant_name=message["tenant_name"],
        created_by=message["created_by"],
        resources=find(message["resources"]),
        workdir=find(message["workdir"]),
        environment={**message["environment"], **environment},
        resource_tags=message["resource_tags"],
        imported={namespace: find(folder) for namespace, folder in message["imported"].items()},
        user=user,
        is_update=message["is_update"],
    )


def operation_message(
    attempt: Attempt, operation_id: str, job: JobMessage, *, sent_at: float, may_have_begun: bool
) -> OperationMessage:
    return {
        "operation_id": operation_id,
        "number": attempt.number,
        "task_id": attempt.task.id,
        "operation": values.to_json(attempt.operation),
        "job": job,
        "sent_at": sent_at,
        "may_have_begun": may_have_begun,
    }


def read_attempt(message: OperationMessage) -> Attempt:
    operation = cast(Operation, values.from_json(OPERATION, message["operation"]))
    return Attempt(Task(message["task_id"], operation), operation, message["number"])


def outcome_message(outcome: Outcome, operation_id: str, events: list[ExecutionEvent]) -> OutcomeMessage:
    failure = cast(JsonObject, asdict(outcome.failure)) if outcome.failure else None
    return {
        "operation_id": operation_id,
        "number": outcome.attempt.number,
        "result": outcome.result,
        "failure": failure,
        "events": [event_message(event) for event in events],
    }


def read_outcome(message: OutcomeMessage, attempt: Attempt) -> Outcome:
    failure = message["failure"]
    return Outcome(attempt, message["result"], cast(Callable[..., Failure], Failure)(**failure) if failure else None)


def event_message(event: ExecutionEvent) -> JsonObject:
    fields = ((name, getattr(event, name)) for name in ExecutionEvent.__slots__)
    return {name: value for name, value in fields if value is not None}


def read_event(message: Mapping[str, Json]) -> ExecutionEvent:
    return cast(Callable[..., ExecutionEvent], ExecutionEvent)(**message)
