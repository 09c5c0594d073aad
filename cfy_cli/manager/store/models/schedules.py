"""Schedules of executions of deployments."""

from sqlalchemy import ColumnElement, Index, Text, UniqueConstraint, case, false, func, select
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, class_mapper, column_property, mapped_column, relationship

from cfy_cli.manager.store.models.deployments import Deployment, InDeployment
from cfy_cli.manager.store.models.executions import Execution, LatestExecution
from cfy_cli.manager.store.models.owned import Base, Owned
from cfy_cli.manager.store.models.types import OF_USER, JsonColumn, JsonObject, Name, Timestamp, text

SINGLE, RECURRING = "single", "recurring"


class ExecutionSchedule(InDeployment, Base):
    __tablename__ = "execution_schedules"
    __table_args__ = (
        UniqueConstraint("deployment_storage_id", "id"),
        Index("ix_execution_schedules_next_occurrence", "next_occurrence"),
        Index("ix_execution_schedules_decided_at", "decided_at"),
    )
    WIRE_FIELDS = (
        "created_at",
        "id",
        "visibility",
        "next_occurrence",
        "since",
        "until",
        "rule",
        "slip",
        "workflow_id",
        "parameters",
        "execution_arguments",
        "stop_on_fail",
        "enabled",
        "deployment_id",
        "latest_execution_status",
        *Owned.OWNED_FIELDS,
        "all_next_occurrences",
        "error",
    )
    IS_NAMED = False  # unique in its deployment
    IDENTIFIED_BY = ("id", "deployment_id", "tenant_name")
    UNAUDITED = frozenset(("next_occurrence", "is_frequent", "decided_at", "latest_occurrence", "latest_execution"))

    id: Mapped[str] = mapped_column(Name)
    workflow_id: Mapped[str] = mapped_column(Name)
    parameters: Mapped[JsonObject] = mapped_column(JsonColumn, default=dict)
    execution_arguments: Mapped[JsonObject] = mapped_column(JsonColumn, default=dict)
    since: Mapped[str] = mapped_column(Timestamp)
    until: Mapped[str | None] = mapped_column(Timestamp)
    rule: Mapped[JsonObject] = mapped_column(JsonColumn)  # recurrence, count and weekdays, or rrule
    slip: Mapped[int] = mapped_column(default=0)  # minutes that an occurrence may be late
    stop_on_fail: Mapped[bool] = mapped_column(default=False)
    enabled: Mapped[bool] = mapped_column(default=True)
    error: Mapped[str | None] = mapped_column(Text)  # why the latest occurrence was not started, or it was disabled
    next_occurrence: Mapped[str | None] = mapped_column(Timestamp)
    is_frequent: Mapped[bool] = mapped_column(
        default=False, server_default=false()
    )  # its next two occurrences are within a minute
    decided_at: Mapped[str] = mapped_column(Timestamp)  # when the next occurrence was computed
    latest_occurrence: Mapped[str | None] = mapped_column(Timestamp)  # that was started
    latest_execution: Mapped[str | None] = mapped_column(text(36))
    # The user with whose rights its executions run: who created it, or changed it last.
    acts_for: Mapped[str | None] = mapped_column(Name)
    acts_for_storage_id: Mapped[int | None] = mapped_column(info=OF_USER)

    latest: Mapped[LatestExecution | None] = relationship(
        primaryjoin="foreign(ExecutionSchedule.latest_execution) == LatestExecution.id", viewonly=True, lazy="joined"
    )

    @hybrid_property
    def recurrence(self) -> str:
        """Return whether it occurs once or again and again; a rule is taken for the latter."""
        return RECURRING if self.rule.get("recurrence") or self.rule.get("rrule") else SINGLE

    @recurrence.inplace.expression
    @classmethod
    def _recurrence(cls) -> ColumnElement[str]:
        parts = (cls.rule[name].as_string() for name in ("recurrence", "rrule"))
        return case((func.coalesce(*parts).is_not(None), RECURRING), else_=SINGLE)

    @hybrid_property
    def latest_execution_status(self) -> str | None:
        return self.latest.status if self.latest else None

    @latest_execution_status.inplace.expression
    @classmethod
    def _latest_execution_status(cls) -> ColumnElement[str | None]:
        return select(Execution.status).where(Execution.id == cls.latest_execution).scalar_subquery()


# A field of deployments that filter rules look at: null without schedules.
class_mapper(Deployment).add_property(
    "schedules",
    column_property(
        select(ExecutionSchedule.id)
        .where(ExecutionSchedule.deployment_storage_id == Deployment.storage_id)
        .limit(1)
        .correlate_except(ExecutionSchedule)
        .scalar_subquery(),
        deferred=True,
    ),
)
