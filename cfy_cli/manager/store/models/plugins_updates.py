"""Updates of the plugins of blueprints: which versions their deployments moved to, and where that stands."""

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cfy_cli.contract.states import PluginsUpdateState
from cfy_cli.manager.store.models.owned import Base, Belonging, Owned
from cfy_cli.manager.store.models.types import OF_BLUEPRINT, JsonColumn, Name, text


class PluginsUpdate(Belonging, Owned, Base):
    """An update of the plugins of a blueprint, with which it is deleted."""

    __tablename__ = "plugins_updates"
    __table_args__ = (UniqueConstraint("id"), Index("ix_plugins_updates_execution", "execution_id"))
    WIRE_FIELDS = (
        "created_at",
        "id",
        "visibility",
        "state",
        "deployments_to_update",
        "deployments_per_tenant",
        "forced",
        "all_tenants",
        "blueprint_id",
        "temp_blueprint_id",
        "execution_id",
        *Owned.OWNED_FIELDS,
    )
    IS_NAMED = False

    id: Mapped[str] = mapped_column(text(36))
    state: Mapped[str] = mapped_column(text(24), default=PluginsUpdateState.UPDATING)
    blueprint_storage_id: Mapped[int] = mapped_column(
        ForeignKey("blueprints.storage_id", ondelete="CASCADE"), index=True
    )
    blueprint_id: Mapped[str] = mapped_column(Name)
    temp_blueprint_id: Mapped[str | None] = mapped_column(Name)
    temp_blueprint_storage_id: Mapped[int | None] = mapped_column(info=OF_BLUEPRINT)
    execution_id: Mapped[str | None] = mapped_column(text(36))
    deployments_to_update: Mapped[list[str] | None] = mapped_column(JsonColumn)  # of the tenant
    deployments_per_tenant: Mapped[dict[str, list[str]] | None] = mapped_column(JsonColumn)
    forced: Mapped[bool] = mapped_column(default=False)
    all_tenants: Mapped[bool] = mapped_column(default=False)
