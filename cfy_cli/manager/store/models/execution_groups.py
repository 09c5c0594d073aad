"""Execution groups: executions of one workflow on the members of a deployment group."""

from sqlalchemy import ColumnElement, UniqueConstraint, case, exists, null, select
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, object_session

from cfy_cli.contract.states import ENDED, WAITING, ExecutionState
from cfy_cli.manager.store.models.executions import Execution
from cfy_cli.manager.store.models.owned import Base, Owned
from cfy_cli.manager.store.models.types import NO_ID_REUSE, OF_DEPLOYMENT_GROUP, Name, text


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
    # Deployment groups that deployments join as their executions end. Another group may get the name later.
    success_group_id: Mapped[str | None] = mapped_column(Name)
    success_group_storage_id: Mapped[int | None] = mapped_column(info=OF_DEPLOYMENT_GROUP)
    failure_group_id: Mapped[str | None] = mapped_column(Name)
    failure_group_storage_id: Mapped[int | None] = mapped_column(info=OF_DEPLOYMENT_GROUP)
    # Whether there may be queued executions: workers look only at such groups.
    is_waiting: Mapped[bool] = mapped_column(default=False, index=True)

    @hybrid_property
    def status(self) -> str | None:
        """Return the common status of all executions, whoever may see them; None when there are none."""
        session = object_session(self)
        return session.scalar(select(type(self).status).where(type(self).id == self.id)) if session else None

    @status.inplace.expression
    @classmethod
    def _status(cls) -> ColumnElement[str | None]:
        def has_any(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
            return exists().where(Execution.execution_group_id == cls.id, *conditions)

        return case(
            (~has_any(), null()),
            (
                ~has_any(Execution.status.not_in(ENDED)),
                case((has_any(Execution.status == ExecutionState.FAILED), "failed"), else_="terminated"),
            ),
            (~has_any(Execution.status != ExecutionState.PENDING), "pending"),
            (~has_any(Execution.status.not_in(WAITING)), "queued"),
            else_="started",
        )
