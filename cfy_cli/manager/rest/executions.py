"""Endpoints of executions."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import TypedDict

from pydantic import Field

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.resources import EXECUTIONS
from cfy_cli.contract.timestamps import format_timestamp
from cfy_cli.errors import Invalid
from cfy_cli.manager.rest.api import Call, Deferred
from cfy_cli.manager.rest.bodies import AnyJson, Body, NotServed
from cfy_cli.manager.rest.nouns import Noun
from cfy_cli.manager.rest.query import ALL_TENANTS, FORCE, RANGE, Parameter, parse_time
from cfy_cli.manager.rest.schemas import answer_of
from cfy_cli.manager.rest.summaries import add_summary
from cfy_cli.manager.services.execution_groups import execution_groups
from cfy_cli.manager.services.executions import deletion, executions
from cfy_cli.manager.store.models import Execution
from cfy_cli.manager.store.query import Condition
from cfy_cli.manager.store.store import Store

SYSTEM_WORKFLOWS = Parameter("_include_system_workflows", "List executions of system workflows too.", "boolean")
MAX_KEPT = 500_000  # executions, or days
GROUPS = ("_group_id", "execution_group_id")  # public clients use both names
GROUP_PARAMETERS = tuple(Parameter(name, "Only executions of this execution group.") for name in GROUPS)


class NewExecution(Body):
    deployment_id: str
    workflow_id: str
    parameters: dict[str, AnyJson] | None = None
    allow_custom_parameters: bool = False
    force: bool = False
    queue: bool = False
    dry_run: bool = False
    wait_after_fail: int = 600
    scheduled_time: str | None = None
    schedule: str | None = None
    id: NotServed = None
    created_by: NotServed = None
    created_at: NotServed = None
    started_at: NotServed = None
    ended_at: NotServed = None
    force_status: NotServed = None
    is_system_workflow: NotServed = None
    error: NotServed = None


class ActionBody(Body):
    action: str
    deployment_id: str | None = None


class StatusBody(Body):
    status: str
    error: str | None = None


class ExecutionsDeletion(Body):
    to_datetime: str | None = None
    keep_last: int | None = Field(None, strict=True)
    keep_days: int | None = Field(None, strict=True)


class DeletedCount(TypedDict):
    count: int


class DeletedExecutions(TypedDict):
    """A list whose only item has the number of deleted executions."""

    items: list[DeletedCount]
    metadata: dict[str, dict[str, int]]


def _conditions(call: Call) -> Sequence[Condition]:
    group_ids = [group_id for name in GROUPS if (group_id := call.query.get(name))]
    of_groups = [execution_groups.is_of_group(call.store, group_id) for group_id in group_ids]
    return of_groups if call.flag("_include_system_workflows") else (*of_groups, executions.IS_NOT_SYSTEM)


noun = Noun(EXECUTIONS, Execution, parameters=(SYSTEM_WORKFLOWS, *GROUP_PARAMETERS), conditions=_conditions)
routes = noun.routes
noun.add_list()
noun.add_get()
add_summary(
    noun, "status", "status_display", "blueprint_id", "deployment_id", "workflow_id", "tenant_name", "visibility"
)


@routes.post("/executions", "execution_start", (FORCE,), noun.answer, status=201)
def start_execution(call: Call, body: NewExecution) -> JsonObject:
    execution = executions.start(
        call.app,
        call.store,
        body.deployment_id,
        body.workflow_id,
        body.parameters or {},
        allow_custom_parameters=body.allow_custom_parameters,
        force=body.force or call.flag("force"),
        queue=body.queue,
        dry_run=body.dry_run,
        wait_after_fail=body.wait_after_fail,
        scheduled_time=body.scheduled_time or body.schedule,
    )
    return noun.show(call, execution)


@routes.post("/executions/{key}", "execution_cancel", (), noun.answer)
def act_on_execution(call: Call, key: str, body: ActionBody) -> JsonObject:
    """Cancel, force-cancel or kill an execution; resume or force-resume one that ended; requeue a scheduled one."""
    deployment_id = call.store.get(Execution, key).deployment_id
    if body.deployment_id not in (None, deployment_id):
        raise Invalid(f"Execution `{key}` is not one of deployment `{body.deployment_id}` but of `{deployment_id}`")
    return noun.show(call, executions.apply_action(call.app, call.store, key, body.action))


@routes.get("/executions/{key}/should-start", "execution_should_start")
def should_start_execution(call: Call, key: str) -> bool:
    """Tell whether the execution could start now: no other one runs that it would have to wait for."""
    return executions.can_start(call.store, key)


@routes.patch("/executions/{key}", "execution_status_update", (), noun.answer)
def update_execution(call: Call, key: str, body: StatusBody) -> JsonObject:
    return noun.show(call, executions.set_status(call.app, call.store, key, body.status, body.error))


@routes.delete(
    "/executions",
    "execution_delete",
    (ALL_TENANTS, RANGE, *noun.parameters),
    answer_of(DeletedExecutions),
    200,
    has_filters=True,
    filtered=noun.answer,
)
def delete_executions(call: Call, body: ExecutionsDeletion) -> Deferred:
    """Delete executions that have ended, with their events, logs and tasks graphs; answer their number.

    Give the time until which they were created, or how many of the newest or from how many days to keep. The one that
    created a deployment stays.
    """
    until, keep_last = _read_deletion(body)
    listing = call.listing(EXECUTIONS.order)
    chosen = deletion.choose(call.store, listing, noun.conditions(call), until=until, keep_last=keep_last)

    def open_store() -> AbstractContextManager[Store]:
        return call.open(write=True)

    def delete() -> DeletedExecutions:
        return {"items": [{"count": deletion.delete_all(open_store, chosen)}], "metadata": {"pagination": {}}}

    return Deferred(delete)


def _read_deletion(body: ExecutionsDeletion) -> tuple[str | None, int]:
    """Return the latest time of creation, if there is one, and how many executions to keep. Raises Invalid."""
    if len(body.model_dump(exclude_none=True)) != 1:
        raise Invalid("Give exactly one of `to_datetime`, `keep_last` and `keep_days`")
    for name, number in (("keep_last", body.keep_last), ("keep_days", body.keep_days)):
        if number is not None and not 0 < number <= MAX_KEPT:
            raise Invalid(f"`{name}` must be an integer greater than 0 and at most {MAX_KEPT}. Got {number} instead.")
    if body.keep_days is not None:
        return format_timestamp(datetime.now(UTC) - timedelta(days=body.keep_days)), 0
    until = parse_time(body.to_datetime or "")
    if until is None and body.keep_last is None:
        raise Invalid("`to_datetime` must be a time such as 2026-01-31T12:00:00Z")
    return until, body.keep_last or 0
