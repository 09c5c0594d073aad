"""Metrics: values that clients measured in an execution."""

from sqlalchemy import ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cfy_cli.manager.store.models.deployments import InDeployment
from cfy_cli.manager.store.models.owned import Base
from cfy_cli.manager.store.models.types import Name, Timestamp, text


class Metric(InDeployment, Base):
    __tablename__ = "metrics"
    __table_args__ = (UniqueConstraint("tenant_name", "id"),)
    WIRE_FIELDS = ("id", "blueprint_id", "deployment_id", "execution_id", "timestamp", "name", "value")

    id: Mapped[str] = mapped_column(Name)
    blueprint_id: Mapped[str] = mapped_column(Name)
    execution_id: Mapped[str] = mapped_column(text(36), ForeignKey("executions.id", ondelete="CASCADE"), index=True)
    timestamp: Mapped[str] = mapped_column(Timestamp)
    name: Mapped[str] = mapped_column(Name)
    value: Mapped[str] = mapped_column(Text)
