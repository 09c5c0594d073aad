"""Metrics: those of clients, and durations and success of workflows and tasks, computed from what is stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict
from typing import cast as cast_type

from sqlalchemy import Float, FromClause, case, cast, func, select, type_coerce
from sqlalchemy.dialects.postgresql import TIMESTAMP

from cfy_cli.contract.states import ENDED, ExecutionState
from cfy_cli.errors import Invalid
from cfy_cli.manager.store.models import Deployment, Event, Execution, Metric
from cfy_cli.manager.store.models.owned import inherited_columns
from cfy_cli.manager.store.models.types import Attribute, Sql
from cfy_cli.manager.store.query import Condition, column
from cfy_cli.manager.store.store import Store

TASK_ENDS = ("task_succeeded", "task_failed")


class MetricSummary(TypedDict):
    event_type: Literal["workflow", "task"]
    event_id: str
    average_duration: float
    success_rate: float


Run = tuple[str, float | None, int, int]  # name, average duration, number of successes, number of ends


@dataclass(frozen=True, slots=True)
class Period:
    """When what is summarized ended; None is an open end."""

    since: str | None
    until: str | None

    def conditions(self, ended_at: Attribute) -> list[Condition]:
        conditions: list[Condition] = [ended_at >= self.since] if self.since else []
        return [*conditions, ended_at <= self.until] if self.until else conditions


def add(
    store: Store, metric_id: str, *, blueprint_id: str, deployment_id: str, execution_id: str, timestamp: str,
    name: str, value: str,
) -> Metric:  # fmt: skip
    """Store a metric of an execution. Raises NotFound, Conflict, and Invalid for things that do not belong together."""
    deployment = store.get_own(Deployment, deployment_id)
    execution = store.get(Execution, execution_id)
    if deployment.blueprint_id != blueprint_id:
        other = deployment.blueprint_id
        raise Invalid(f"Deployment `{deployment_id}` is one of blueprint `{other}`, not of `{blueprint_id}`")
    if execution.deployment_storage_id != deployment.storage_id:
        other = execution.deployment_id or ""
        raise Invalid(f"Execution `{execution_id}` is one of deployment `{other}`, not of `{deployment_id}`")
    return store.add(
        Metric(
            id=metric_id,
            blueprint_id=blueprint_id,
            deployment_storage_id=deployment.storage_id,
            deployment_id=deployment_id,
            execution_id=execution_id,
            timestamp=timestamp,
            name=name,
            value=value,
            **inherited_columns(deployment),
        )
    )


def summarize(store: Store, period: Period, *, workflow_id: str | None, task_name: str | None) -> list[MetricSummary]:
    """Return average duration and success of workflows and of tasks; naming one of a kind leaves out the other."""
    found: list[MetricSummary] = []
    if not task_name:
        found += _rows(store, "workflow", _workflows(store, period, workflow_id))
    if task_name or not workflow_id:
        found += _rows(store, "task", _tasks(store, period, task_name))
    return found


def _rows(store: Store, kind: Literal["workflow", "task"], runs: FromClause) -> list[MetricSummary]:
    columns = (runs.c.name, func.avg(runs.c.duration), func.sum(runs.c.succeeded), func.count())
    statement = select(*columns).group_by(runs.c.name).order_by(runs.c.name)
    # of executions and events that are visible
    rows = cast_type("Sequence[Run]", store.unscoped.execute(statement).all())
    return [
        {
            "event_type": kind,
            "event_id": name,
            "average_duration": round(float(duration or 0), 6),
            "success_rate": succeeded / ended,
        }
        for name, duration, succeeded, ended in rows
    ]


def _workflows(store: Store, period: Period, workflow_id: str | None) -> FromClause:
    visible = store.visible(Execution).where(Execution.status.in_(ENDED), Execution.tenant_name == store.scope.tenant)
    if workflow_id:
        visible = visible.where(Execution.workflow_id == workflow_id)
    duration = _seconds(store, column(Execution, "ended_at")) - _seconds(store, column(Execution, "started_at"))
    return (
        visible.where(*period.conditions(column(Execution, "ended_at")))
        .with_only_columns(
            Execution.workflow_id.label("name"),
            duration.label("duration"),
            case((Execution.status == ExecutionState.TERMINATED, 1), else_=0).label("succeeded"),
        )
        .subquery()
    )


def _tasks(store: Store, period: Period, task_name: str | None) -> FromClause:
    """Select operations from their events: one run has all attempts of an operation of an instance."""
    is_of_task = Event.event_type.in_(("task_started", *TASK_ENDS))
    events = store.visible(Event).where(
        is_of_task, Event.operation.is_not(None), Event.tenant_name == store.scope.tenant
    )
    if task_name:
        events = events.where(Event.operation == task_name)
    time, is_end = column(Event, "reported_timestamp"), Event.event_type.in_(TASK_ENDS)
    started = func.min(case((Event.event_type == "task_started", time)))
    ended = func.max(case((is_end, time)))
    return (
        events.where(*period.conditions(time))
        .with_only_columns(
            Event.operation.label("name"),
            (_seconds(store, ended) - _seconds(store, started)).label("duration"),
            func.max(case((Event.event_type == "task_succeeded", 1), else_=0)).label("succeeded"),
        )
        .group_by(Event.operation, Event.execution_id, Event.node_instance_id, Event.source_id, Event.target_id)
        .having(func.max(case((is_end, 1), else_=0)) == 1)
        .subquery()
    )


def _seconds(store: Store, time: Sql | Attribute) -> Sql:
    """Return a time of the store as seconds since a fixed one."""
    # only the dialect is asked for, no rows
    if store.unscoped.get_bind().dialect.name == "postgresql":
        return type_coerce(func.extract("epoch", cast(time, TIMESTAMP(timezone=True))), Float)
    return func.julianday(time) * 86400.0
