"""Secrets: encrypted values that blueprints refer to by key."""

from sqlalchemy import Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cfy_cli.contract.timestamps import now
from cfy_cli.manager.store.models.owned import Base, Owned
from cfy_cli.manager.store.models.types import JsonColumn, JsonObject, Name, Timestamp


class Secret(Owned, Base):
    __tablename__ = "secrets"
    __table_args__ = (UniqueConstraint("tenant_name", "key"),)
    WIRE_FIELDS = (
        "key",
        "created_at",
        "updated_at",
        "resource_availability",
        "visibility",
        "tenant_name",
        "created_by",
        "is_hidden_value",
        "provider_name",
    )
    KEY = "key"

    key: Mapped[str] = mapped_column(Name)
    encrypted_value: Mapped[str] = mapped_column("sealed", Text)  # JSON when there is a schema
    schema: Mapped[JsonObject | None] = mapped_column(JsonColumn)  # JSON schema of the value
    is_hidden_value: Mapped[bool] = mapped_column(default=False)  # visible to its creator and to administrators only
    provider_name: Mapped[str | None] = mapped_column(Name)  # where the value is stored; None: here
    updated_at: Mapped[str] = mapped_column(Timestamp, default=now)
