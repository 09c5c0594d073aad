"""Journal of executions: their task graphs, and the state of each task."""

from sqlalchemy import ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, synonym

from cfy_cli.manager.store.models.owned import Base, Belonging, Owned
from cfy_cli.manager.store.models.types import JsonColumn, JsonObject, JsonValue, Name, text


class TasksGraph(Belonging, Owned, Base):
    __tablename__ = "tasks_graphs"
    __table_args__ = (UniqueConstraint("id"),)
    WIRE_FIELDS = ("created_at", "visibility", "id", "name", "execution_id", *Owned.OWNED_FIELDS)

    id: Mapped[str] = mapped_column(text(36))
    name: Mapped[str] = mapped_column(Name)
    execution_id: Mapped[str] = mapped_column(ForeignKey("executions.id", ondelete="CASCADE"), index=True)
    request: Mapped[str | None] = mapped_column(Text)  # of a workflow in Python: its description of the graph
    position: Mapped[float | None]  # of the request among those of the workflow that have an order


class Operation(Belonging, Owned, Base):
    """A task of a graph, of whatever kind; the API calls all of them operations."""

    __tablename__ = "operations"
    # The room in its pages is for changed rows, which then need no new entries in the indexes.
    __table_args__ = (UniqueConstraint("id"), {"postgresql_with": {"fillfactor": 50}})
    WIRE_FIELDS = (
        "created_at",
        "visibility",
        "id",
        "name",
        "state",
        "dependencies",
        "type",
        "parameters",
        "manager_name",
        "agent_name",
        "tasks_graph_id",
        "tasks_graph",
        *Owned.OWNED_FIELDS,
    )
    COMPUTED_FROM = {"parameters": ("parameters", "failure")}

    id: Mapped[str] = mapped_column(text(36))
    tasks_graph_id: Mapped[str] = mapped_column(ForeignKey("tasks_graphs.id", ondelete="CASCADE"), index=True)
    tenant_name: Mapped[str] = mapped_column(Name, index=True)  # that of the graph, which has the foreign key
    task: Mapped[str | None] = mapped_column(text(512))  # its name in the graph; NULL when created over the API
    name: Mapped[str] = mapped_column(text(512))
    type: Mapped[str] = mapped_column(text(64))
    state: Mapped[str] = mapped_column(text(24), default="pending")
    dependencies: Mapped[list[str]] = mapped_column(JsonColumn, default=list)  # ids of operations
    parameters: Mapped[JsonObject] = mapped_column(JsonColumn, default=dict)
    attempt: Mapped[int] = mapped_column(default=0)
    result: Mapped[JsonValue | None] = mapped_column(JsonColumn)
    failure: Mapped[JsonObject | None] = mapped_column(JsonColumn)
    pid: Mapped[int | None]  # of its last process; `birth` is the start time, since process ids are reused
    birth: Mapped[str | None] = mapped_column(text(64))
    manager_name: Mapped[str | None] = mapped_column(Name)
    agent_name: Mapped[str | None] = mapped_column(Name)
    runner: Mapped[str | None] = mapped_column(text(32))  # that runs it elsewhere, unless the first one does

    tasks_graph = synonym("tasks_graph_id")
