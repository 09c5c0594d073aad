"""Dependencies between deployments."""

from sqlalchemy import ForeignKey, Text, UniqueConstraint, select
from sqlalchemy.orm import Mapped, column_property, mapped_column

from cfy_cli.manager.store.models.deployments import Deployment
from cfy_cli.manager.store.models.owned import Base, Belonging, Owned
from cfy_cli.manager.store.models.types import JsonColumn, JsonObject, JsonValue, text


class InterDeploymentDependency(Belonging, Owned, Base):
    """The source needs the target; the target's place is empty when it is gone or not known yet."""

    __tablename__ = "inter_deployment_dependencies"
    __table_args__ = (UniqueConstraint("id"),)
    WIRE_FIELDS = (
        "created_at",
        "visibility",
        "id",
        "dependency_creator",
        "target_deployment_func",
        "external_source",
        "external_target",
        "source_deployment_id",
        "target_deployment_id",
        *Owned.OWNED_FIELDS,
    )

    id: Mapped[str] = mapped_column(text(36))
    dependency_creator: Mapped[str] = mapped_column(Text)  # component.INSTANCE or nodes.NODE....get_capability
    target_deployment_func: Mapped[JsonValue | None] = mapped_column(
        JsonColumn
    )  # {"function", "context"}: computes the target
    external_source: Mapped[JsonObject | None] = mapped_column(JsonColumn)  # deployment of another manager
    external_target: Mapped[JsonObject | None] = mapped_column(JsonColumn)
    source_storage_id: Mapped[int | None] = mapped_column(
        ForeignKey("deployments.storage_id", ondelete="CASCADE"), index=True
    )
    target_storage_id: Mapped[int | None] = mapped_column(
        ForeignKey("deployments.storage_id", ondelete="SET NULL"), index=True
    )

    source_deployment_id: Mapped[str | None] = column_property(
        select(Deployment.id).where(Deployment.storage_id == source_storage_id).scalar_subquery()
    )
    target_deployment_id: Mapped[str | None] = column_property(
        select(Deployment.id).where(Deployment.storage_id == target_storage_id).scalar_subquery()
    )
