"""Blueprints and their labels."""

from sqlalchemy import ColumnElement, ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cfy_cli.contract.plan import Plan
from cfy_cli.contract.states import FAILED_UPLOAD_STATES
from cfy_cli.contract.timestamps import now
from cfy_cli.manager.store.files import BLUEPRINTS, ICONS
from cfy_cli.manager.store.models.executions import Execution
from cfy_cli.manager.store.models.labels import Label
from cfy_cli.manager.store.models.owned import Base, Owned
from cfy_cli.manager.store.models.types import NO_ID_REUSE, JsonColumn, JsonValue, Name, Timestamp, text


class Blueprint(Owned, Base):
    __tablename__ = "blueprints"
    __table_args__ = (UniqueConstraint("tenant_name", "id"), NO_ID_REUSE)
    WIRE_FIELDS = (
        "created_at",
        "id",
        "visibility",
        "main_file_name",
        "plan",
        "requirements",
        "updated_at",
        "description",
        "is_hidden",
        "state",
        "error",
        "error_traceback",
        *Owned.OWNED_FIELDS,
        "labels",
        "upload_execution",
    )

    COMPUTED_FROM = {"upload_execution": ("upload",)}
    FOLDER = BLUEPRINTS

    id: Mapped[str] = mapped_column(Name)
    main_file_name: Mapped[str | None] = mapped_column(Name)
    description: Mapped[str | None] = mapped_column(Text)
    plan: Mapped[Plan | None] = mapped_column(JsonColumn, deferred=True)
    requirements: Mapped[dict[str, list[JsonValue]] | None] = mapped_column(JsonColumn)
    updated_at: Mapped[str] = mapped_column(Timestamp, default=now)
    is_hidden: Mapped[bool] = mapped_column(default=False)
    state: Mapped[str] = mapped_column(text(32))
    error: Mapped[str | None] = mapped_column(Text)
    error_traceback: Mapped[str | None] = mapped_column(Text)
    upload_execution_id: Mapped[str | None] = mapped_column(text(36))
    upload: Mapped[Execution | None] = relationship(
        primaryjoin="foreign(Blueprint.upload_execution_id) == Execution.id", viewonly=True
    )
    labels: Mapped[list["BlueprintLabel"]] = relationship(
        cascade="all, delete-orphan", order_by="BlueprintLabel.storage_id", lazy="selectin"
    )

    @classmethod
    def has_files(cls) -> ColumnElement[bool]:
        return cls.state.not_in(FAILED_UPLOAD_STATES)


class BlueprintLabel(Label, Base):
    __tablename__ = "blueprint_labels"
    IS_AUDITED = False
    __table_args__ = (UniqueConstraint("blueprint_storage_id", "key", "value"),)

    blueprint_storage_id: Mapped[int] = mapped_column(ForeignKey("blueprints.storage_id", ondelete="CASCADE"))


class BlueprintIcon(Base):
    """The icon of a blueprint; its image is a file. A new image has a new row, so that both change together."""

    __tablename__ = "blueprint_icons"
    IS_AUDITED = False
    __table_args__ = (NO_ID_REUSE,)
    FOLDER = ICONS

    blueprint_storage_id: Mapped[int] = mapped_column(
        ForeignKey("blueprints.storage_id", ondelete="CASCADE"), unique=True
    )


class BlueprintImport(Base):
    """Another blueprint that a blueprint imports under a namespace, by its name."""

    __tablename__ = "blueprint_imports"
    IS_AUDITED = False
    __table_args__ = (UniqueConstraint("blueprint_storage_id", "namespace"),)

    blueprint_storage_id: Mapped[int] = mapped_column(ForeignKey("blueprints.storage_id", ondelete="CASCADE"))
    namespace: Mapped[str] = mapped_column(Name)
    imported_id: Mapped[str] = mapped_column(Name, index=True)
