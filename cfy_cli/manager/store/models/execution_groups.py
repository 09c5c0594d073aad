"""Execution groups: executions of one workflow on the members of a deployment group."""

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cfy_cli.manager.store.models.owned import Base, Owned
from cfy_cli.manager.store.models.types import NO_ID_REUSE, Name, text


class ExecutionGroup(Owned, Base):
    __tablename__ = "execution_groups"
    __table_args__ = (UniqueConstraint("id"), NO_ID_REUSE)
    IS_NAMED = False
    WIRE_FIELDS = (
        "created_at",
        "id",
        "visibility",
        "workflow_id",
        "concurrency",
        "deployment_group_id",
        *Owned.OWNED_FIELDS,
        "execution_ids",
        "status",
    )
    COMPUTED_FROM = {"execution_ids": ("id",), "status": ("id",)}
    UNAUDITED = frozenset(("is_waiting",))

    id: Mapped[str] = mapped_column(text(36))
    workflow_id: Mapped[str] = mapped_column(Name)
    concurrency: Mapped[int]  # executions that may run at the same time; 0 pauses the group
    deployment_group_id: Mapped[str | None] = mapped_column(Name, index=True)
    # Deployment groups that deployments join as their executions end.
    success_group_id: Mapped[str | None] = mapped_column(Name)
    failure_group_id: Mapped[str | None] = mapped_column(Name)
    # Whether there may be queued executions: workers look only at such groups.
    is_waiting: Mapped[bool] = mapped_column(default=False, index=True)
