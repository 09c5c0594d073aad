"""Endpoints of schedules of executions."""

from collections.abc import Callable
from typing import Annotated

from pydantic import Field

from cfy_cli.contract.execution_resources import EXECUTION_SCHEDULES
from cfy_cli.contract.json import JsonObject
from cfy_cli.errors import Invalid
from cfy_cli.manager.rest.api import Call
from cfy_cli.manager.rest.bodies import AnyJson, Body, Items, NotServed
from cfy_cli.manager.rest.nouns import Noun
from cfy_cli.manager.rest.query import Parameter
from cfy_cli.manager.rest.summaries import add_summary
from cfy_cli.manager.services.schedules import schedules
from cfy_cli.manager.services.schedules.rules import MAX_LISTED, RuleParts, list_next
from cfy_cli.manager.services.schedules.schedules import NewSchedule, ScheduleChange
from cfy_cli.manager.store.models import Deployment, ExecutionSchedule

DEPLOYMENT_ID = Parameter("deployment_id", "The deployment of the schedule.", required=True)
MAX_NUMBER = 2**31 - 1  # of minutes or seconds
CREATE = "execution_schedule_create"  # the permission to change and to delete schedules too
ShortText = Annotated[str, Field(max_length=256)]


class ExecutionArguments(Body):
    """Arguments of the executions. Those that cannot start at once are queued, whatever `queue` says."""

    allow_custom_parameters: bool | None = None
    force: bool | None = None
    dry_run: bool | None = None
    is_dry_run: bool | None = None
    wait_after_fail: Annotated[int, Field(ge=0, le=MAX_NUMBER)] | None = None
    queue: bool | None = None

    def as_stored(self) -> JsonObject:
        given: JsonObject = self.model_dump(exclude_none=True, exclude={"dry_run", "queue"})
        return given if self.dry_run is None else {"is_dry_run": self.dry_run, **given}


class Timing(Body):
    """The part of a schedule that can be changed."""

    since: ShortText | None = None
    until: ShortText | None = None
    recurrence: ShortText | None = None
    count: int | None = None
    weekdays: Annotated[Items[ShortText], Field(max_length=100)] | None = None
    rrule: str | None = None
    slip: Annotated[int, Field(ge=0, le=MAX_NUMBER)] | None = None
    stop_on_fail: bool | None = None
    enabled: bool | None = None

    @property
    def rule(self) -> RuleParts:
        return RuleParts(self.recurrence, self.count, self.weekdays or (), self.rrule)


class NewScheduleBody(Timing):
    workflow_id: str
    execution_arguments: ExecutionArguments | None = None
    parameters: dict[str, AnyJson] | None = None
    created_by: NotServed = None
    created_at: NotServed = None


class ScheduleChangeBody(Timing):
    workflow_id: str | None = None


def _compute(call: Call, row: ExecutionSchedule) -> dict[str, Callable[[], object]]:
    return {"all_next_occurrences": lambda: list_next(row, MAX_LISTED if call.has_time_left("schedules_time") else 1)}


noun = Noun(
    EXECUTION_SCHEDULES, ExecutionSchedule, computed=_compute, computed_types={"all_next_occurrences": list[str]}
)
routes = noun.routes
noun.add_list()
add_summary(noun, "deployment_id", "workflow_id", "tenant_name", "visibility", sub_fields=("recurrence",))


def _deployment_id(call: Call) -> str:
    deployment_id = call.query.get(DEPLOYMENT_ID.name)
    if not deployment_id:
        raise Invalid("Give `deployment_id` in the query: the deployment of the schedule")
    return deployment_id


def _add(path: str) -> None:
    """Add the endpoints of one schedule under a path."""

    @routes.get(path, noun.permission("get"), (DEPLOYMENT_ID,), noun.answer)
    def get_schedule(call: Call, key: str) -> JsonObject:
        deployment = call.store.get(Deployment, _deployment_id(call))
        return noun.show(call, schedules.find(call.store, deployment, key))

    @routes.put(path, CREATE, (DEPLOYMENT_ID,), noun.answer, 201, new=EXECUTION_SCHEDULES)
    def create_schedule(call: Call, key: str, body: NewScheduleBody) -> JsonObject:
        """Create a schedule: with `rrule`, or with `recurrence`, or once with the `count` 1."""
        new = NewSchedule(
            workflow_id=body.workflow_id,
            since=body.since,
            until=body.until,
            rule=body.rule,
            slip=body.slip or 0,
            stop_on_fail=bool(body.stop_on_fail),
            enabled=body.enabled is not False,
            parameters=body.parameters or {},
            execution_arguments=body.execution_arguments.as_stored() if body.execution_arguments else {},
        )
        return noun.show(call, schedules.create(call.store, _deployment_id(call), key, new))

    @routes.patch(path, CREATE, (DEPLOYMENT_ID,), noun.answer, 201)
    def update_schedule(call: Call, key: str, body: ScheduleChangeBody) -> JsonObject:
        """Change what is given; parts of a rule are merged with those that it has, but `rrule` replaces them."""
        if not any(value not in (None, []) for value in body.model_dump().values()):
            raise Invalid(f"Nothing to change: give at least one of {', '.join(ScheduleChangeBody.model_fields)}")
        change = ScheduleChange(
            workflow_id=body.workflow_id,
            since=body.since,
            until=body.until,
            rule=body.rule,
            slip=body.slip,
            stop_on_fail=body.stop_on_fail,
            enabled=body.enabled,
        )
        return noun.show(call, schedules.update(call.store, _deployment_id(call), key, change))

    @routes.delete(path, CREATE, (DEPLOYMENT_ID,))
    def delete_schedule(call: Call, key: str) -> None:
        schedules.delete(call.store, _deployment_id(call), key)


_add("/execution-schedules/{key}")
_add("/executions-schedules/{key}")  # as the published documentation spells it
