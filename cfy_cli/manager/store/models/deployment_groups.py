"""Groups of deployments: their members and labels."""

from sqlalchemy import ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cfy_cli.manager.store.models.labels import Label
from cfy_cli.manager.store.models.owned import Base, Owned
from cfy_cli.manager.store.models.types import NO_ID_REUSE, JsonColumn, JsonObject, Name


class DeploymentGroup(Owned, Base):
    """A set of deployments, with what new ones in it are made from."""

    __tablename__ = "deployment_groups"
    __table_args__ = (UniqueConstraint("tenant_name", "id"), NO_ID_REUSE)
    WIRE_FIELDS = (
        "created_at",
        "id",
        "visibility",
        "description",
        "default_inputs",
        "creation_counter",
        "default_blueprint_id",
        *Owned.OWNED_FIELDS,
        "deployment_ids",
        "labels",
    )
    COMPUTED_FROM = {"deployment_ids": ()}

    id: Mapped[str] = mapped_column(Name)
    description: Mapped[str | None] = mapped_column(Text)
    default_blueprint_id: Mapped[str | None] = mapped_column(Name)
    default_inputs: Mapped[JsonObject | None] = mapped_column(JsonColumn)
    creation_counter: Mapped[int] = mapped_column(default=0)  # deployments that were made in it, ever
    labels: Mapped[list["DeploymentGroupLabel"]] = relationship(
        cascade="all, delete-orphan", order_by="DeploymentGroupLabel.storage_id", lazy="selectin"
    )


class GroupName(Base):
    """The few columns of a deployment group that decide whether its deployments show it."""

    __table__ = DeploymentGroup.__table__
    __mapper_args__ = Base.__mapper_args__ | {"include_properties": ("storage_id", "id", "visibility", "created_by")}

    id: Mapped[str]
    visibility: Mapped[str]
    created_by: Mapped[str]


class DeploymentGroupMember(Base):
    """Membership of a deployment in a group."""

    __tablename__ = "deployment_group_members"
    IS_AUDITED = False  # the group is changed, and may be by thousands of members
    __table_args__ = (UniqueConstraint("group_storage_id", "deployment_storage_id"),)

    group_storage_id: Mapped[int] = mapped_column(ForeignKey("deployment_groups.storage_id", ondelete="CASCADE"))
    deployment_storage_id: Mapped[int] = mapped_column(
        ForeignKey("deployments.storage_id", ondelete="CASCADE"), index=True
    )


class DeploymentGroupLabel(Label, Base):
    __tablename__ = "deployment_group_labels"
    IS_AUDITED = False
    __table_args__ = (UniqueConstraint("group_storage_id", "key", "value"),)

    group_storage_id: Mapped[int] = mapped_column(ForeignKey("deployment_groups.storage_id", ondelete="CASCADE"))
