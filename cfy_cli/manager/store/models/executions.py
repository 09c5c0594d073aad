"""Executions and their events."""

from sqlalchemy import ColumnElement, ForeignKey, Index, Text, UniqueConstraint, case
from sqlalchemy import text as sql_text
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, synonym

from cfy_cli.contract.states import DISPLAYED_AS, ExecutionState
from cfy_cli.contract.timestamps import now
from cfy_cli.manager.store.models.owned import Base, Belonging, Owned
from cfy_cli.manager.store.models.types import NO_ID_REUSE, OF_USER, JsonColumn, JsonObject, Name, Timestamp, text

IN_GROUP = sql_text("execution_group_id IS NOT NULL")  # condition of indexes: most rows are in no group


class Execution(Belonging, Owned, Base):
    __tablename__ = "executions"
    __table_args__ = (
        UniqueConstraint("id"),
        Index("ix_executions_status_created", "status", "created_at"),
        Index("ix_executions_deployment_status", "deployment_storage_id", "status"),
        Index(
            "ix_executions_exclusive",
            "status",
            sqlite_where=sql_text("is_system_workflow = 1"),
            postgresql_where=sql_text("is_system_workflow"),
        ),
        Index(
            "ix_executions_group",
            "execution_group_id",
            "status",
            "storage_id",
            sqlite_where=IN_GROUP,
            postgresql_where=IN_GROUP,
        ),
        NO_ID_REUSE,
    )
    IS_NAMED = False
    WIRE_FIELDS = (
        "created_at",
        "visibility",
        "id",
        "ended_at",
        "error",
        "is_system_workflow",
        "parameters",
        "status",
        "workflow_id",
        "started_at",
        "scheduled_for",
        "is_dry_run",
        "resume",
        "total_operations",
        "finished_operations",
        "allow_custom_parameters",
        "blueprint_id",
        "deployment_display_name",
        "deployment_id",
        "status_display",
        *Owned.OWNED_FIELDS,
    )

    UNAUDITED = frozenset(
        ("total_operations", "finished_operations", "claim", "crashes", "progress_at_crash", "decisions")
    )

    id: Mapped[str] = mapped_column(text(36))
    workflow_id: Mapped[str] = mapped_column(Name)
    status: Mapped[str] = mapped_column(text(24), default=ExecutionState.PENDING)
    error: Mapped[str | None] = mapped_column(Text)
    parameters: Mapped[JsonObject] = mapped_column(JsonColumn, default=dict)
    is_system_workflow: Mapped[bool] = mapped_column(default=False)
    is_dry_run: Mapped[bool] = mapped_column(default=False)
    resume: Mapped[bool] = mapped_column(default=False)
    force: Mapped[bool] = mapped_column(default=False)
    allow_custom_parameters: Mapped[bool] = mapped_column(default=False)
    wait_after_fail: Mapped[int] = mapped_column(
        default=600
    )  # seconds that running operations get to finish after a failure
    total_operations: Mapped[int] = mapped_column(default=0)
    finished_operations: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[str | None] = mapped_column(Timestamp)
    ended_at: Mapped[str | None] = mapped_column(Timestamp)
    scheduled_for: Mapped[str | None] = mapped_column(Timestamp)
    deployment_storage_id: Mapped[int | None] = mapped_column(ForeignKey("deployments.storage_id", ondelete="CASCADE"))
    deployment_id: Mapped[str | None] = mapped_column(Name)
    deployment_display_name: Mapped[str | None] = mapped_column(Name)
    blueprint_id: Mapped[str | None] = mapped_column(Name)
    execution_group_id: Mapped[str | None] = mapped_column(text(36))
    worker: Mapped[str | None] = mapped_column(Name)  # name of the worker that runs it
    # Counts its claims, and their ends by recovery: a worker with another number than this one has lost it.
    claim: Mapped[int] = mapped_column(default=0, server_default="0")
    # The user with whose rights it runs: who started it, or resumed it last. The storage id is never used again.
    acts_for: Mapped[str | None] = mapped_column(Name)
    acts_for_storage_id: Mapped[int | None] = mapped_column(info=OF_USER)
    crashes: Mapped[int] = mapped_column(default=0, server_default="0")  # consecutive worker crashes without progress
    progress_at_crash: Mapped[int] = mapped_column(default=0, server_default="0")  # operations done by then
    decisions: Mapped[JsonObject] = mapped_column(JsonColumn, default=dict)  # made by its workflow, needed to resume it

    @hybrid_property
    def status_display(self) -> str:
        return DISPLAYED_AS.get(ExecutionState(self.status), self.status)

    @status_display.inplace.expression
    @classmethod
    def _status_display(cls) -> ColumnElement[str]:
        return case(
            {str(status): displayed for status, displayed in DISPLAYED_AS.items()}, value=cls.status, else_=cls.status
        )


class LatestExecution(Base):
    """The few columns of an execution that its deployment shows."""

    __table__ = Execution.__table__
    __mapper_args__ = Base.__mapper_args__ | {
        "include_properties": ("storage_id", "id", "status", "workflow_id", "total_operations", "finished_operations")
    }

    status: Mapped[str]
    workflow_id: Mapped[str]
    total_operations: Mapped[int]
    finished_operations: Mapped[int]

    @property
    def status_display(self) -> str:
        return DISPLAYED_AS.get(ExecutionState(self.status), self.status)


class Event(Belonging, Base):
    """An event of an execution: `cloudify_event` from the engine, `cloudify_log` from an operation."""

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_execution", "execution_id", "storage_id"),
        Index("ix_events_tenant_reported", "tenant_name", "reported_timestamp"),
        Index("ix_events_group", "execution_group_id", "storage_id", sqlite_where=IN_GROUP, postgresql_where=IN_GROUP),
        NO_ID_REUSE,
    )
    IS_AUDITED = False
    WIRE_FIELDS = (
        "_storage_id",
        "timestamp",
        "reported_timestamp",
        "blueprint_id",
        "deployment_id",
        "deployment_display_name",
        "execution_id",
        "execution_group_id",
        "workflow_id",
        "message",
        "error_causes",
        "event_type",
        "operation",
        "source_id",
        "target_id",
        "manager_name",
        "agent_name",
        "node_instance_id",
        "node_name",
        "type",
        "level",
        "logger",
    )

    _storage_id = synonym("storage_id")
    tenant_name: Mapped[str] = mapped_column(Name)  # no foreign key: PostgreSQL would look for it for each event
    created_by: Mapped[str] = mapped_column(Name)
    type: Mapped[str] = mapped_column(text(16))
    timestamp: Mapped[str] = mapped_column(Timestamp, default=now)
    reported_timestamp: Mapped[str] = mapped_column(Timestamp, default=now)
    execution_id: Mapped[str | None] = mapped_column(text(36))  # no foreign key: events may arrive after its deletion
    execution_group_id: Mapped[str | None] = mapped_column(text(36))  # of events that tell of the group's executions
    workflow_id: Mapped[str | None] = mapped_column(Name)
    deployment_id: Mapped[str | None] = mapped_column(Name, index=True)
    deployment_display_name: Mapped[str | None] = mapped_column(Name)
    blueprint_id: Mapped[str | None] = mapped_column(Name)
    message: Mapped[str] = mapped_column(Text)
    event_type: Mapped[str | None] = mapped_column(text(64))
    level: Mapped[str | None] = mapped_column(text(16))
    logger: Mapped[str | None] = mapped_column(Name)
    operation: Mapped[str | None] = mapped_column(Name)
    node_instance_id: Mapped[str | None] = mapped_column(Name)
    node_name: Mapped[str | None] = mapped_column(Name)
    source_id: Mapped[str | None] = mapped_column(Name)
    target_id: Mapped[str | None] = mapped_column(Name)
    error_causes: Mapped[list[JsonObject] | None] = mapped_column(JsonColumn)
    manager_name: Mapped[str | None] = mapped_column(Name)
    agent_name: Mapped[str | None] = mapped_column(Name)
