"""Secrets, encrypted values that blueprints refer to by key, and the providers that keep values elsewhere."""

from sqlalchemy import ColumnElement, ForeignKey, Text, UniqueConstraint, null
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from cfy_cli.contract.timestamps import now
from cfy_cli.manager.store.models.owned import Base, Owned
from cfy_cli.manager.store.models.types import ENCRYPTED, JsonColumn, JsonObject, Name, Timestamp


class SecretsProvider(Owned, Base):
    """A service that keeps values of secrets. How to reach it is encrypted, and never answered."""

    __tablename__ = "secrets_providers"
    __table_args__ = (UniqueConstraint("tenant_name", "name"),)
    WIRE_FIELDS = (
        "created_at",
        "id",
        "visibility",
        "name",
        "type",
        "connection_parameters",
        "updated_at",
        *Owned.OWNED_FIELDS,
    )
    KEY = "name"

    name: Mapped[str] = mapped_column(Name)
    type: Mapped[str] = mapped_column(Name)
    encrypted_parameters: Mapped[str] = mapped_column("sealed", Text, info=ENCRYPTED)  # JSON
    updated_at: Mapped[str | None] = mapped_column(Timestamp)

    @hybrid_property
    def id(self) -> str:
        return self.name

    @hybrid_property
    def connection_parameters(self) -> JsonObject | None:
        return None

    @connection_parameters.inplace.expression
    @classmethod
    def _connection_parameters(cls) -> ColumnElement[None]:
        return null()


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
    # JSON when there is a schema; empty if kept elsewhere, or if a snapshot without credentials was restored
    encrypted_value: Mapped[str] = mapped_column("sealed", Text, info=ENCRYPTED)
    schema: Mapped[JsonObject | None] = mapped_column(JsonColumn)  # JSON schema of the value
    is_hidden_value: Mapped[bool] = mapped_column(default=False)  # visible to its creator and to administrators only
    provider_name: Mapped[str | None] = mapped_column(Name)  # that keeps the value; None: here
    provider_storage_id: Mapped[int | None] = mapped_column(ForeignKey("secrets_providers.storage_id"), index=True)
    provider_options: Mapped[JsonObject | None] = mapped_column(JsonColumn)  # where the value is at the provider
    updated_at: Mapped[str] = mapped_column(Timestamp, default=now)
