"""Modifications of the numbers of node instances of deployments."""

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cfy_cli.manager.store.models.deployments import InDeployment
from cfy_cli.manager.store.models.owned import Base, Owned
from cfy_cli.manager.store.models.types import JsonColumn, JsonObject, Timestamp, text


class DeploymentModification(InDeployment, Base):
    __tablename__ = "deployment_modifications"
    __table_args__ = (UniqueConstraint("id"),)
    WIRE_FIELDS = (
        "created_at",
        "id",
        "visibility",
        "context",
        "deployment_id",
        "ended_at",
        "modified_nodes",
        "node_instances",
        "status",
        *Owned.OWNED_FIELDS,
    )
    IS_NAMED = False

    id: Mapped[str] = mapped_column(text(36))
    status: Mapped[str] = mapped_column(text(16))
    ended_at: Mapped[str | None] = mapped_column(Timestamp)
    context: Mapped[JsonObject | None] = mapped_column(JsonColumn)  # what its creator attached to it
    modified_nodes: Mapped[JsonObject] = mapped_column(JsonColumn)  # as they were requested
    node_instances: Mapped[JsonObject] = mapped_column(JsonColumn)
    counts_before: Mapped[JsonObject] = mapped_column(JsonColumn)  # by node or scaling group, for a rollback
    execution_id: Mapped[str | None] = mapped_column(text(36))  # that has started it, and that may end it
