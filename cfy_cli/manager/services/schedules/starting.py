"""Starting the executions of schedules that are due, exactly once over all workers.

The execution of an occurrence is stored in the transaction that moves its schedule on to the next one.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import and_, func, or_, select

from cfy_cli.contract.states import ENDED, ExecutionState
from cfy_cli.contract.timestamps import format_timestamp, parse_timestamp
from cfy_cli.errors import CfyError, Failed, Unavailable
from cfy_cli.manager.services import maintenance_mode
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.executions import executions
from cfy_cli.manager.services.identity.execution_user import find_scope
from cfy_cli.manager.services.identity.identities import Identities
from cfy_cli.manager.services.schedules.rules import occurrences_of
from cfy_cli.manager.services.schedules.schedules import set_next
from cfy_cli.manager.store.advisory_locks import LockKey, acquire_shared_lock
from cfy_cli.manager.store.audit import Actor
from cfy_cli.manager.store.models import ExecutionSchedule
from cfy_cli.manager.store.query import Condition
from cfy_cli.manager.store.scope import system_scope
from cfy_cli.manager.store.store import Store

log = logging.getLogger(__name__)
LOOK_INTERVAL = 5.0  # seconds between two looks at most, so that new schedules and set clocks are noticed
MIN_LOOK_INTERVAL = 0.1  # seconds
GRACE = timedelta(minutes=1)  # by which an occurrence may always be late
DUE_BATCH = 100  # schedules in one look
ACTION = "created the schedule or changed it last"
HINT = "Give the user the right back, or change or enable the schedule as another user, with whose rights it then runs"


@dataclass(frozen=True, slots=True)
class Due:
    """A schedule that is due, as it was found; what it says is read again under the lock."""

    storage_id: int
    deployment_storage_id: int
    tenant_name: str
    acts_for: str | None


def start_due(app: AppContext) -> float:
    """Start what is due, and return after how many seconds to look again. Raises Unavailable."""
    if maintenance_mode.is_on(app):
        return LOOK_INTERVAL
    for due in _find_due(app):
        try:
            _decide(app, due)
        except Unavailable:  # the database: the next look finds the schedule again
            raise
        except CfyError as error:
            _decide(app, due, error)
        except Exception:  # the other schedules must not wait for this one
            log.exception("Schedule %d was not started", due.storage_id)
            _decide(app, due, Failed("The execution could not be started: the log of the manager tells why"))
    return _seconds_until_next(app)


def _is_due(present: datetime) -> Condition:
    """Match schedules to decide about: those that are due, and those decided about before the clock was set back."""
    is_late = ExecutionSchedule.next_occurrence <= format_timestamp(present)
    is_ahead = ExecutionSchedule.decided_at > format_timestamp(present + GRACE)
    return and_(ExecutionSchedule.enabled, or_(is_late, is_ahead))


def _find_due(app: AppContext) -> list[Due]:
    columns = (
        ExecutionSchedule.storage_id,
        ExecutionSchedule.deployment_storage_id,
        ExecutionSchedule.tenant_name,
        ExecutionSchedule.acts_for,
    )
    statement = select(*columns).where(_is_due(datetime.now(UTC))).order_by(ExecutionSchedule.next_occurrence)
    with app.database.read() as session:
        return [Due(*row) for row in session.execute(statement.limit(DUE_BATCH))]


def _seconds_until_next(app: AppContext) -> float:
    statement = select(func.min(ExecutionSchedule.next_occurrence)).where(ExecutionSchedule.enabled)
    with app.database.read() as session:
        following = session.scalar(statement)
    if following is None:
        return LOOK_INTERVAL
    remaining = (parse_timestamp(following) - datetime.now(UTC)).total_seconds()
    return min(max(remaining, MIN_LOOK_INTERVAL), LOOK_INTERVAL)


def _decide(app: AppContext, due: Due, refusal: CfyError | None = None) -> None:
    """Start the execution of a schedule that is due, or note why not, and move on to the next occurrence.

    `refusal` is the error with which a former attempt to start it was rolled back.
    """
    with app.writing(system_scope(due.tenant_name), Actor(due.acts_for)) as store:
        session = store.unscoped  # schedules of all users
        acquire_shared_lock(session, LockKey.CONFIGURATION)  # the mode is not turned on before the commit
        if maintenance_mode.read(session) is not None:
            return
        store.acquire_lock(LockKey.DEPLOYMENT, due.deployment_storage_id)
        present = datetime.now(UTC)
        schedule = session.scalar(
            select(ExecutionSchedule).where(ExecutionSchedule.storage_id == due.storage_id, _is_due(present))
        )
        if schedule is None:  # another worker was faster, or it was changed
            return
        if schedule.next_occurrence and schedule.next_occurrence <= format_timestamp(present):
            reason = _start_punctual(app, store, schedule, present, refusal)
            if reason is not None:
                log.info("Schedule `%s` of `%s` starts nothing: %s", schedule.id, schedule.deployment_id, reason)
        set_next(schedule, present)


def _start_punctual(
    app: AppContext, store: Store, schedule: ExecutionSchedule, present: datetime, refusal: CfyError | None
) -> str | None:
    """Start the execution of a schedule that is due; return why not if it must not start. Raises CfyError."""
    occurrence = _find_punctual(schedule, present)
    if occurrence is None:
        return "it is too late"
    if obstacle := _find_obstacle(schedule):
        return obstacle
    if refusal is not None:
        schedule.error = refusal.message if refusal.hint is None else f"{refusal.message}. {refusal.hint}"
        schedule.enabled = not schedule.stop_on_fail
        return schedule.error
    schedule.latest_execution = _start(app, store, schedule)
    schedule.latest_occurrence, schedule.error = format_timestamp(occurrence), None
    return None


def _find_punctual(schedule: ExecutionSchedule, present: datetime) -> datetime | None:
    """Return the first occurrence that is due and not too late; None when all that are due are too late."""
    earliest = present - timedelta(minutes=schedule.slip) - GRACE
    occurrences = occurrences_of(schedule.rule, schedule.since, schedule.until)
    found = next(occurrences.from_time(max(parse_timestamp(str(schedule.next_occurrence)), earliest)), None)
    return found if found and found <= present else None


def _find_obstacle(schedule: ExecutionSchedule) -> str | None:
    """Return why the next execution must not start after the latest one; disable a schedule that stops on failures."""
    latest = schedule.latest
    if latest is None:
        return None
    if latest.status not in ENDED:
        return f"its execution {schedule.latest_execution} has not ended"
    if schedule.stop_on_fail and latest.status == ExecutionState.FAILED:
        schedule.enabled = False
        schedule.error = f"Its execution {schedule.latest_execution} has failed, and it stops on failures"
        return "it was disabled, because its latest execution has failed"
    return None


def _start(app: AppContext, store: Store, schedule: ExecutionSchedule) -> str:
    """Start the execution with the present rights of the schedule's user, and return its id. Raises CfyError."""
    identities = app.service(Identities)
    # users are in no tenant
    scope = find_scope(store.unscoped, identities, schedule, "execution_start", action=ACTION, hint=HINT)
    arguments = schedule.execution_arguments
    execution = executions.start(
        app,
        store.with_scope(scope),
        schedule.deployment_id,
        schedule.workflow_id,
        schedule.parameters,
        allow_custom_parameters=bool(arguments["allow_custom_parameters"]),
        force=bool(arguments["force"]),
        dry_run=bool(arguments["is_dry_run"]),
        wait_after_fail=int(str(arguments["wait_after_fail"])),
        queue=True,
    )
    return execution.id
