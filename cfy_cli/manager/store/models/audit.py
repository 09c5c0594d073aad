"""The audit log: one row for each change of another row."""

from sqlalchemy.orm import Mapped, mapped_column, synonym

from cfy_cli.contract.timestamps import now
from cfy_cli.manager.store.models.owned import Base
from cfy_cli.manager.store.models.types import NO_ID_REUSE, JsonColumn, Name, Timestamp, text


class AuditRecord(Base):
    __tablename__ = "audit_log"
    __table_args__ = (NO_ID_REUSE,)
    IS_AUDITED = False
    WIRE_FIELDS = (
        "id",
        "ref_table",
        "ref_id",
        "ref_identifier",
        "operation",
        "creator_name",
        "execution_id",
        "created_at",
    )

    id = synonym("storage_id")
    ref_table: Mapped[str] = mapped_column(Name)
    ref_id: Mapped[int | None]  # storage id of the row; NULL where many rows were inserted at once
    ref_identifier: Mapped[dict[str, str]] = mapped_column(JsonColumn)  # what users call the row
    operation: Mapped[str] = mapped_column(text(8))  # create, update or delete
    creator_name: Mapped[str | None] = mapped_column(Name, index=True)  # NULL: the manager itself
    execution_id: Mapped[str | None] = mapped_column(text(36), index=True)
    created_at: Mapped[str] = mapped_column(Timestamp, default=now, index=True)
