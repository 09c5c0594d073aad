"""Stored filters of blueprints and deployments: two namespaces of the same shape."""

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cfy_cli.contract.timestamps import now
from cfy_cli.manager.store.models.owned import Base, Owned
from cfy_cli.manager.store.models.types import JsonColumn, JsonObject, Name, Timestamp


class Filter(Owned, Base):
    """Columns of a filter; its rules are stored as they were validated."""

    __abstract__ = True
    WIRE_FIELDS = (
        "created_at",
        "id",
        "visibility",
        "value",
        "updated_at",
        "is_system_filter",
        *Owned.OWNED_FIELDS,
        "labels_filter_rules",
        "attrs_filter_rules",
    )
    COMPUTED_FROM = {"labels_filter_rules": ("value",), "attrs_filter_rules": ("value",)}

    id: Mapped[str] = mapped_column(Name)
    value: Mapped[list[JsonObject]] = mapped_column(JsonColumn)
    updated_at: Mapped[str] = mapped_column(Timestamp, default=now)
    is_system_filter: Mapped[bool] = mapped_column(default=False)

    @property
    def labels_filter_rules(self) -> list[JsonObject]:
        return [rule for rule in self.value if rule["type"] == "label"]

    @property
    def attrs_filter_rules(self) -> list[JsonObject]:
        return [rule for rule in self.value if rule["type"] == "attribute"]


class BlueprintsFilter(Filter):
    __tablename__ = "blueprints_filters"
    __table_args__ = (UniqueConstraint("tenant_name", "id"),)


class DeploymentsFilter(Filter):
    __tablename__ = "deployments_filters"
    __table_args__ = (UniqueConstraint("tenant_name", "id"),)
