"""Schedules of deployments: creating and changing them, and computing when they occur next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import cast

from sqlalchemy import func, select

from cfy_cli.contract.datetimes import parse_schedule_time
from cfy_cli.contract.execution_resources import EXECUTION_SCHEDULES
from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.limits import active_limits
from cfy_cli.contract.timestamps import format_timestamp, now, parse_timestamp
from cfy_cli.errors import Conflict, Invalid, NotFound, Usage
from cfy_cli.manager.services.executions import parameters as workflow_parameters
from cfy_cli.manager.services.executions import workflows
from cfy_cli.manager.services.identity.execution_user import set_user
from cfy_cli.manager.services.names import check_name
from cfy_cli.manager.services.schedules.rules import RuleParts, make_rule, occurrences_of
from cfy_cli.manager.store.advisory_locks import LockKey
from cfy_cli.manager.store.models import Deployment, ExecutionSchedule
from cfy_cli.manager.store.models.owned import inherited_columns
from cfy_cli.manager.store.query import Condition
from cfy_cli.manager.store.store import Store

FREQUENT = timedelta(minutes=1)  # between two occurrences: such schedules load the manager for ever
MAX_CLOCK_ERROR = timedelta(days=1)  # a clock that was set back by more was wrong before
ARGUMENTS: Mapping[str, Json] = {
    "allow_custom_parameters": False,
    "force": False,
    "is_dry_run": False,
    "wait_after_fail": 600,
}  # of executions, with their defaults

NO_RULE = RuleParts()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSchedule:
    """A schedule as it is requested. Without `since`, which only an `rrule` may lack, it begins now."""

    workflow_id: str
    since: str | None = None
    until: str | None = None
    rule: RuleParts = NO_RULE
    slip: int = 0
    stop_on_fail: bool = False
    enabled: bool = True
    parameters: JsonObject = field(default_factory=dict)
    execution_arguments: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleChange:
    """Changes of a schedule; None leaves a field as it is."""

    workflow_id: str | None = None
    since: str | None = None
    until: str | None = None
    rule: RuleParts = NO_RULE
    slip: int | None = None
    stop_on_fail: bool | None = None
    enabled: bool | None = None

    @property
    def only_disables(self) -> bool:
        return self == ScheduleChange(enabled=False)


def find(store: Store, deployment: Deployment, schedule_id: str) -> ExecutionSchedule:
    """Return a schedule of a deployment. Raises NotFound."""
    schedule = _find(store, deployment, schedule_id)
    if schedule is None:
        raise NotFound(
            f"Requested `ExecutionSchedule` with ID `{schedule_id}` was not found "
            f"(filters: {{'deployment_id': '{deployment.id}'}})",
            hint=f"List them: cfy deployments schedule list {deployment.id}",
        )
    return schedule


def create(store: Store, deployment_id: str, schedule_id: str, new: NewSchedule) -> ExecutionSchedule:
    """Create a schedule. Raises Invalid; Conflict for an id that another schedule of the deployment has."""
    deployment = store.get_permitted(Deployment, deployment_id)
    store.acquire_lock(LockKey.DEPLOYMENT, deployment.storage_id)
    check_name(EXECUTION_SCHEDULES, schedule_id)
    workflow = workflows.find(deployment, new.workflow_id)
    custom = bool(new.execution_arguments.get("allow_custom_parameters"))
    workflow_parameters.check_names(new.workflow_id, workflow, new.parameters, custom=custom)
    if _find(store, deployment, schedule_id) is not None:
        raise Conflict(
            f"ExecutionSchedule `{schedule_id}` already exists on deployment `{deployment.id}`",
            hint=f"Change it: cfy deployments schedule update {deployment.id} {schedule_id}, or give another name.",
        )
    return _add(store, deployment, schedule_id, new)


def update(store: Store, deployment_id: str, schedule_id: str, change: ScheduleChange) -> ExecutionSchedule:
    """Change a schedule; its executions then run with the rights of who changed it. Raises Invalid and NotFound."""
    deployment = store.get_permitted(Deployment, deployment_id)
    store.acquire_lock(LockKey.DEPLOYMENT, deployment.storage_id)
    schedule = find(store, deployment, schedule_id)
    present = datetime.now(UTC)
    if change.workflow_id is not None:
        workflows.find(deployment, change.workflow_id)
        schedule.workflow_id = change.workflow_id
    schedule.since = _read_time(change.since, present) or schedule.since
    schedule.until = _read_time(change.until, present) or schedule.until
    _check_order(schedule)
    if change.rule:
        schedule.rule = make_rule(change.rule, schedule.rule)
    schedule.slip = schedule.slip if change.slip is None else change.slip
    schedule.stop_on_fail = schedule.stop_on_fail if change.stop_on_fail is None else change.stop_on_fail
    is_enabled_again = bool(change.enabled) and not schedule.enabled
    schedule.enabled = schedule.enabled if change.enabled is None else change.enabled
    if change.rule or change.since or change.until or is_enabled_again:
        set_next(schedule, present)
    if not change.only_disables:
        set_user(store, schedule)
    if is_enabled_again:
        schedule.error = None
    store.flush()
    _check_frequent(store, schedule)
    return schedule


def delete(store: Store, deployment_id: str, schedule_id: str) -> None:
    """Delete a schedule; what it has started goes on. Raises NotFound."""
    deployment = store.get_permitted(Deployment, deployment_id)
    store.acquire_lock(LockKey.DEPLOYMENT, deployment.storage_id)
    store.delete(find(store, deployment, schedule_id))


def set_defaults(store: Store, deployment: Deployment, settings: JsonObject) -> None:
    """Create the schedules that the blueprint declares, or change them as it declares them; others stay.

    Raises Invalid. Relative times count from now.
    """
    declared = settings.get("default_schedules")
    for schedule_id, entry in declared.items() if isinstance(declared, dict) else ():
        assert isinstance(entry, dict), "the blueprint was checked"
        try:
            new = _read_default(entry)
            workflows.find(deployment, new.workflow_id)
            _add(store, deployment, schedule_id, new, _find(store, deployment, schedule_id))
        except Invalid as error:
            raise Invalid(f"The schedule `{schedule_id}` of the blueprint: {error.message}", hint=error.hint) from None


def replace_defaults(store: Store, deployment: Deployment, former: JsonObject, settings: JsonObject) -> None:
    """Delete the schedules that only the former blueprint declares, and set those that differ. Raises Invalid."""
    gone, changed = compare_defaults(former, settings)
    for schedule_id in gone:
        schedule = _find(store, deployment, schedule_id)
        if schedule is not None:
            store.delete(schedule)
    set_defaults(store, deployment, {"default_schedules": changed})


def compare_defaults(former: JsonObject, settings: JsonObject) -> tuple[list[str], JsonObject]:
    """Return the ids of schedules that only the former blueprint declares, and the new and changed declarations."""
    before, after = (each.get("default_schedules") or {} for each in (former, settings))
    assert isinstance(before, dict), "the blueprints were checked"
    assert isinstance(after, dict), "the blueprints were checked"
    gone = [schedule_id for schedule_id in before if schedule_id not in after]
    return gone, {schedule_id: entry for schedule_id, entry in after.items() if before.get(schedule_id) != entry}


def set_next(schedule: ExecutionSchedule, present: datetime) -> None:
    """Compute the next occurrence after the present, and after the latest one that was started.

    An occurrence that was started is not repeated when the clock was set back, unless it was wrong by days.
    """
    latest = parse_timestamp(schedule.latest_occurrence) if schedule.latest_occurrence else present
    after = max(present, latest) if latest <= present + MAX_CLOCK_ERROR else present
    occurrences = occurrences_of(schedule.rule, schedule.since, schedule.until)
    begin = max(after + timedelta(milliseconds=1), parse_timestamp(schedule.since))
    following = list(islice(occurrences.from_time(begin), 2))
    schedule.next_occurrence = format_timestamp(following[0]) if following else None
    schedule.is_frequent = len(following) > 1 and following[1] - following[0] < FREQUENT
    schedule.decided_at = format_timestamp(present)


def _find(store: Store, deployment: Deployment, schedule_id: str) -> ExecutionSchedule | None:
    statement = select(ExecutionSchedule).where(
        ExecutionSchedule.deployment_storage_id == deployment.storage_id, ExecutionSchedule.id == schedule_id
    )
    return store.unscoped.scalar(statement)  # schedules are as visible as their deployment


def _add(
    store: Store,
    deployment: Deployment,
    schedule_id: str,
    new: NewSchedule,
    former: ExecutionSchedule | None = None,
) -> ExecutionSchedule:
    """Store a schedule, in place of a former one if there is one."""
    present = datetime.now(UTC)
    rule = make_rule(new.rule)
    since = _read_time(new.since, present)
    if since is None and "rrule" not in rule:
        raise Invalid(
            "Give `since`, the time from which the schedule counts", hint="Only with `rrule` it may be left out."
        )
    schedule = former or ExecutionSchedule(
        id=schedule_id,
        **inherited_columns(deployment),
        deployment_storage_id=deployment.storage_id,
        deployment_id=deployment.id,
    )
    schedule.workflow_id, schedule.rule = new.workflow_id, rule
    schedule.since, schedule.until = since or now(), _read_time(new.until, present)
    _check_order(schedule)
    schedule.slip, schedule.stop_on_fail, schedule.enabled = new.slip, new.stop_on_fail, new.enabled
    schedule.parameters = new.parameters
    schedule.execution_arguments = {name: new.execution_arguments.get(name, ARGUMENTS[name]) for name in ARGUMENTS}
    set_next(schedule, present)
    set_user(store, schedule)
    if former is None:
        store.add(schedule)
        _check_numbers(store, deployment)
    _check_frequent(store, schedule)
    return schedule


def _check_numbers(store: Store, deployment: Deployment) -> None:
    """Raise Invalid when the deployment or its tenant has too many schedules, a new one among them."""
    remedy = "Delete one that is not needed: cfy deployments schedule delete DEPLOYMENT SCHEDULE."
    of_deployment = _count(store, ExecutionSchedule.deployment_storage_id == deployment.storage_id)
    what = f"The schedules of deployment `{deployment.id}`"
    active_limits().check("deployment_schedules", of_deployment, what, remedy=remedy)
    of_tenant = _count(store, ExecutionSchedule.tenant_name == deployment.tenant_name)
    what = f"The schedules of tenant `{deployment.tenant_name}`"
    active_limits().check("tenant_schedules", of_tenant, what, remedy=remedy)


def _check_frequent(store: Store, schedule: ExecutionSchedule) -> None:
    """Raise Invalid when the tenant has too many enabled schedules that occur very often, this one among them."""
    if not (schedule.is_frequent and schedule.enabled):
        return
    is_same = ExecutionSchedule.tenant_name == schedule.tenant_name
    active_limits().check(
        "frequent_schedules",
        _count(store, is_same, ExecutionSchedule.enabled.is_(True), ExecutionSchedule.is_frequent.is_(True)),
        f"The schedules of tenant `{schedule.tenant_name}` that occur again within less than a minute",
        remedy="Let it occur once a minute or less often, or disable another one: "
        "cfy deployments schedule disable DEPLOYMENT SCHEDULE.",
    )


def _count(store: Store, *conditions: Condition) -> int:
    store.flush()
    counted = select(func.count()).select_from(ExecutionSchedule).where(*conditions)
    return store.unscoped.scalar(counted) or 0  # schedules of all users


def _check_order(schedule: ExecutionSchedule) -> None:
    if schedule.until and schedule.until < schedule.since:
        raise Invalid(
            f"The schedule would never occur: its end {schedule.until} is before its beginning {schedule.since}"
        )


def _read_default(entry: JsonObject) -> NewSchedule:
    """Read an entry of `default_schedules`, whose types the blueprint's compiler has checked."""
    weekdays = cast("Sequence[str]", entry.get("weekdays") or ())
    count = cast("int | None", entry.get("count"))
    return NewSchedule(
        workflow_id=str(entry["workflow"]),
        since=cast("str | None", entry.get("since")),
        until=cast("str | None", entry.get("until")),
        rule=RuleParts(cast("str | None", entry.get("recurrence")), count, weekdays),
        slip=cast("int | None", entry.get("slip")) or 0,
        stop_on_fail=bool(entry.get("stop_after_fail")),
        enabled=entry.get("default_enabled") is not False,
        parameters=cast("JsonObject | None", entry.get("workflow_parameters")) or {},
        execution_arguments=cast("JsonObject | None", entry.get("execution_arguments")) or {},
    )


def _read_time(text: str | None, present: datetime) -> str | None:
    """Return a timestamp of whole seconds. Raises Invalid."""
    if text is None:
        return None
    try:
        return format_timestamp(parse_schedule_time(text, now=present))
    except (Usage, OverflowError) as error:
        message = error.message if isinstance(error, Usage) else f"`{text}` is not a time"
        raise Invalid(message, hint="Write a time in UTC: 2030-01-31 18:00:00") from None
