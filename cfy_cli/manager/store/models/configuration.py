"""Values of the configuration that differ from their defaults, or did."""

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cfy_cli.contract.timestamps import now
from cfy_cli.manager.store.models.owned import Base
from cfy_cli.manager.store.models.types import JsonColumn, JsonValue, Name, Timestamp, text


class ConfigValue(Base):
    __tablename__ = "config_values"
    IDENTIFIED_BY = ("scope", "name")
    __table_args__ = (UniqueConstraint("scope", "name"),)

    scope: Mapped[str] = mapped_column(text(64))
    name: Mapped[str] = mapped_column(Name)
    value: Mapped[JsonValue] = mapped_column(JsonColumn, nullable=True)  # of a secret: encrypted JSON
    updated_at: Mapped[str] = mapped_column(Timestamp, default=now)
    updater_name: Mapped[str] = mapped_column(Name)
