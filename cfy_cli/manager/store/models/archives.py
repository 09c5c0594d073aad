"""Archives that executions create: snapshots of the whole manager, and log bundles."""

from sqlalchemy import Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cfy_cli.contract.states import ArchiveState
from cfy_cli.manager.store.files import LOG_BUNDLES, SNAPSHOTS
from cfy_cli.manager.store.models.owned import Base, Owned
from cfy_cli.manager.store.models.types import NO_ID_REUSE, Name, text


class Archived(Owned):
    """Columns of an archive; its only file is the archive itself."""

    WIRE_FIELDS = ("created_at", "id", "visibility", "status", "error", *Owned.OWNED_FIELDS)
    IS_IN_SNAPSHOTS = False

    id: Mapped[str] = mapped_column(Name)
    status: Mapped[str] = mapped_column(text(16), default=ArchiveState.CREATING)
    error: Mapped[str] = mapped_column(Text, default="")
    execution_id: Mapped[str | None] = mapped_column(text(36), index=True)  # that creates it, or restores it


class LogBundle(Archived, Base):
    __tablename__ = "log_bundles"
    __table_args__ = (UniqueConstraint("tenant_name", "id"), NO_ID_REUSE)
    FOLDER = LOG_BUNDLES


class Snapshot(Archived, Base):
    __tablename__ = "snapshots"
    __table_args__ = (UniqueConstraint("tenant_name", "id"), NO_ID_REUSE)
    FOLDER = SNAPSHOTS
