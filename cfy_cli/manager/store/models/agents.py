"""Agents, which run operations on the hosts of deployments."""

from sqlalchemy import ColumnElement, ForeignKey, UniqueConstraint, and_, case, func
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from cfy_cli.contract.agents import AGENT_TIMEOUT, SILENT_STATES, AgentState
from cfy_cli.contract.timestamps import seconds_ago
from cfy_cli.manager.store.models.deployments import InDeployment
from cfy_cli.manager.store.models.owned import Base, Owned
from cfy_cli.manager.store.models.types import Name, Timestamp, text


class Agent(InDeployment, Base):
    """An agent that a host has or gets. It is deleted with the node instance of the host, and so is its token."""

    __tablename__ = "agents"
    __table_args__ = (UniqueConstraint("tenant_name", "name"), UniqueConstraint("queue"))
    WIRE_FIELDS = (
        "created_at",
        "id",
        "visibility",
        "name",
        "host_id",
        "ip",
        "install_method",
        "system",
        "version",
        "state",
        "rabbitmq_exchange",
        "last_seen",
        "updated_at",
        "node",
        "node_instance_id",
        "deployment",
        "deployment_id",
        *Owned.OWNED_FIELDS,
    )
    KEY = "name"
    UNAUDITED = frozenset(("last_seen", "updated_at", "ip", "system", "version"))

    name: Mapped[str] = mapped_column(Name)
    node_instance_storage_id: Mapped[int] = mapped_column(
        ForeignKey("node_instances.storage_id", ondelete="CASCADE"), index=True
    )
    node_instance_id: Mapped[str] = mapped_column(Name)
    node: Mapped[str] = mapped_column(Name)  # its id
    install_method: Mapped[str] = mapped_column(text(32))
    ip: Mapped[str | None] = mapped_column(Name)
    system: Mapped[str | None] = mapped_column(Name)
    version: Mapped[str | None] = mapped_column(Name)
    reported_state: Mapped[str] = mapped_column(text(16))  # by the agent, or by what is done with it
    updated_at: Mapped[str | None] = mapped_column(Timestamp)
    last_seen: Mapped[str | None] = mapped_column(Timestamp)
    queue: Mapped[str] = mapped_column(text(300))  # of its operations at the broker
    token_id: Mapped[str] = mapped_column(text(16), unique=True)
    token: Mapped[str] = mapped_column(text(64))  # SHA-256 of its secret part

    @hybrid_property
    def id(self) -> str:
        return self.name

    @hybrid_property
    def host_id(self) -> str:
        return self.node_instance_id

    @hybrid_property
    def deployment(self) -> str:
        return self.deployment_id

    @hybrid_property
    def rabbitmq_exchange(self) -> str:
        return self.queue

    @property
    def is_gone(self) -> bool:
        """Return whether it should be there and has not reported for a while."""
        return self.reported_state not in SILENT_STATES and (self.last_seen or "") < seconds_ago(AGENT_TIMEOUT)

    @hybrid_property
    def state(self) -> str:
        return AgentState.NONRESPONSIVE if self.is_gone else self.reported_state

    @state.inplace.expression
    @classmethod
    def _state(cls) -> ColumnElement[str]:
        is_gone = and_(
            cls.reported_state.not_in(SILENT_STATES), func.coalesce(cls.last_seen, "") < seconds_ago(AGENT_TIMEOUT)
        )
        return case((is_gone, AgentState.NONRESPONSIVE.value), else_=cls.reported_state)
