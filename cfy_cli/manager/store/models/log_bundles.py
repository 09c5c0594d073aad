"""Log bundles: archives of logs, settings and state of the manager."""

from sqlalchemy import Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cfy_cli.contract.states import ArchiveState
from cfy_cli.manager.store.files import LOG_BUNDLES
from cfy_cli.manager.store.models.owned import Base, Owned
from cfy_cli.manager.store.models.types import NO_ID_REUSE, Name, text


class LogBundle(Owned, Base):
    __tablename__ = "log_bundles"
    __table_args__ = (UniqueConstraint("tenant_name", "id"), NO_ID_REUSE)
    WIRE_FIELDS = ("created_at", "id", "visibility", "status", "error", *Owned.OWNED_FIELDS)
    FOLDER = LOG_BUNDLES

    id: Mapped[str] = mapped_column(Name)
    status: Mapped[str] = mapped_column(text(16), default=ArchiveState.CREATING)
    error: Mapped[str] = mapped_column(Text, default="")
    execution_id: Mapped[str | None] = mapped_column(text(36), index=True)  # that creates it
