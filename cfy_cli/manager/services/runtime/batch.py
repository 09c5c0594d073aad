"""Changes that an execution has to store together: events, task states, processes and states of node instances."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypedDict, TypeVar

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.orm import Session

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.manager.engine.health import system_properties
from cfy_cli.manager.engine.tasks import ErrorCause, SetState
from cfy_cli.manager.services.runtime.claims import Claim
from cfy_cli.manager.store.advisory_locks import LockKey
from cfy_cli.manager.store.bulk import BulkStatement
from cfy_cli.manager.store.compiled_query import CompiledQuery
from cfy_cli.manager.store.list_parameters import is_among
from cfy_cli.manager.store.models import Event, Execution, NodeInstance, Operation, TasksGraph, Tenant
from cfy_cli.manager.store.query import column

R = TypeVar("R")

_operations, _instances = Operation.__table__, NodeInstance.__table__
EXECUTION_COLUMNS = (
    Execution.id, Execution.visibility, Execution.owned_by, Execution.claim, Execution.tenant_name,
)  # fmt: skip
EXECUTIONS = CompiledQuery(select(*EXECUTION_COLUMNS).where(is_among(column(Execution, "id"), "execution_ids")))
INSERT_EVENT = BulkStatement.insert(Event, lock=LockKey.EVENT_IDS)
INSERT_GRAPH, INSERT_OPERATION = BulkStatement.insert(TasksGraph), BulkStatement.insert(Operation)
UPDATE_TASK = BulkStatement(
    update(Operation)
    .where(_operations.c.id == bindparam("operation_id"))
    .values(
        state=bindparam("new_state"),
        attempt=bindparam("new_attempt"),
        result=bindparam("new_result"),
        failure=bindparam("new_failure"),
    )
)
UPDATE_PROCESS = BulkStatement(
    update(Operation)
    .where(_operations.c.id == bindparam("operation_id"))
    .values(pid=bindparam("new_pid"), birth=bindparam("new_start_time"))
)
UPDATE_INSTANCE = BulkStatement(
    update(NodeInstance)
    .where(_instances.c.storage_id == bindparam("instance_storage_id"))
    .values(
        state=bindparam("new_state"),
        system_properties=bindparam("new_properties"),
        version=_instances.c.version + bindparam("changes"),
    )
)


class EventRow(TypedDict):
    """A row of `events` with all columns but the storage id; the event writer sets `timestamp`."""

    tenant_name: str
    visibility: str
    owned_by: str
    created_by: str
    type: str
    timestamp: str
    reported_timestamp: str
    execution_id: str | None
    execution_group_id: str | None
    workflow_id: str | None
    deployment_id: str | None
    deployment_display_name: str | None
    blueprint_id: str | None
    message: str
    event_type: str | None
    level: str | None
    logger: str | None
    operation: str | None
    node_instance_id: str | None
    node_name: str | None
    source_id: str | None
    target_id: str | None
    error_causes: list[ErrorCause] | None
    manager_name: str | None
    agent_name: str | None


class TaskRow(TypedDict):
    """Parameters of UPDATE_TASK, and the execution."""

    execution_id: str
    operation_id: str
    new_state: str
    new_attempt: int
    new_result: Json
    new_failure: JsonObject | None


class ProcessRow(TypedDict):
    """Parameters of UPDATE_PROCESS, and the execution."""

    execution_id: str
    operation_id: str
    new_pid: int
    new_start_time: str


class InstanceRow(TypedDict):
    """Parameters of UPDATE_INSTANCE."""

    instance_storage_id: int
    new_state: str
    new_properties: JsonObject | None
    changes: int


class InstanceState(NamedTuple):
    """A state that an execution lets an instance of a deployment enter."""

    execution_id: str
    deployment_storage_id: int
    step: SetState


@dataclass(frozen=True, slots=True)
class NewGraph:
    """Rows of a graph and of its operations, of an execution."""

    execution_id: str
    graph: dict[str, object]
    operations: list[dict[str, object]]


@dataclass(slots=True)
class Batch:
    graphs: list[NewGraph] = field(default_factory=list)
    events: list[EventRow] = field(default_factory=list)
    tasks: dict[str, TaskRow] = field(default_factory=dict)  # by operation id: the latest state
    processes: dict[str, ProcessRow] = field(default_factory=dict)  # by operation id
    instance_states: list[InstanceState] = field(default_factory=list)
    claims: dict[str, Claim] = field(default_factory=dict)  # by execution id

    def __bool__(self) -> bool:
        return bool(self.graphs or self.events or self.tasks or self.processes or self.instance_states)

    def extend(self, later: "Batch") -> None:
        self.graphs += later.graphs
        self.events += later.events
        self.tasks |= later.tasks
        self.processes |= later.processes
        self.instance_states += later.instance_states
        self.claims |= later.claims

    def pop_single_changes(self) -> Iterator["Batch"]:
        """Yield each change as a batch; it is removed from this one when the next is requested, so after it is stored.

        Events come before what they tell of: to store an event twice does less harm than to lose it.
        """
        while self.graphs:
            yield Batch(graphs=self.graphs[:1], claims=self.claims)
            del self.graphs[0]
        while self.events:
            yield Batch(events=self.events[:1], claims=self.claims)
            del self.events[0]
        while self.instance_states:
            yield Batch(instance_states=self.instance_states[:1], claims=self.claims)
            del self.instance_states[0]
        for operation_id in list(self.processes):
            yield Batch(processes={operation_id: self.processes[operation_id]}, claims=self.claims)
            del self.processes[operation_id]
        for operation_id in list(self.tasks):
            yield Batch(tasks={operation_id: self.tasks[operation_id]}, claims=self.claims)
            del self.tasks[operation_id]

    def store(self, session: Session) -> None:
        """Store the changes and the events of all executions whose claims are not lost.

        The caller holds the lock EVENTS, together with others.
        """
        self.store_changes(session)
        INSERT_EVENT.execute(session.connection(), self.events)

    def store_changes(self, session: Session) -> None:
        """Store all but the events; those that are left in `events` are for the caller to store."""
        self._read_executions(session)
        connection = session.connection()
        self._update_new_operations()
        INSERT_GRAPH.execute(connection, [new.graph for new in self.graphs])
        INSERT_OPERATION.execute(connection, [row for new in self.graphs for row in new.operations])
        if self.instance_states:
            self._store_instance_states(session)
        UPDATE_PROCESS.execute(connection, _sorted_rows(self.processes))
        UPDATE_TASK.execute(connection, _sorted_rows(self.tasks))

    def _read_executions(self, session: Session) -> None:
        """Drop the changes of executions that other workers have by now, and give rows the present visibility.

        Graphs of executions that were deleted are dropped too.
        """
        ids = {event["execution_id"] for event in self.events} | self.claims.keys()
        connection = session.connection()
        rows = EXECUTIONS.fetch(connection, {"execution_ids": [each for each in ids if each]})  # asked in each round
        visibilities: dict[str | None, tuple[str, str]] = {}
        tenants: set[str] = set()  # that exist
        for execution_id, visibility, owned_by, number, tenant in rows:
            visibilities[execution_id] = (visibility, owned_by)
            tenants.add(tenant)
            claim = self.claims.get(execution_id)
            if claim is not None and claim.number != number:
                claim.lost.set()
                self._drop(execution_id)
        for event in self.events:
            present = visibilities.get(event["execution_id"])
            if present:
                event["visibility"], event["owned_by"] = present
        if others := {event["tenant_name"] for event in self.events} - tenants:
            self._drop_events_of_deleted_tenants(connection, others)

        self.graphs = [new for new in self.graphs if new.execution_id in visibilities]
        for new in self.graphs:
            for row in (new.graph, *new.operations):
                row["visibility"], row["owned_by"] = visibilities[new.execution_id]

    def _drop_events_of_deleted_tenants(self, connection: Connection, tenants: set[str]) -> None:
        """Drop the events of those of the tenants that were deleted, with all executions, before they are stored."""
        deleted = tenants - set(connection.scalars(select(Tenant.name).where(Tenant.name.in_(tenants))))
        self.events = [event for event in self.events if event["tenant_name"] not in deleted]

    def _update_new_operations(self) -> None:
        """Give the rows of new operations the states that they have by now, so that each is written once."""
        for new in self.graphs if self.tasks else ():
            for row in new.operations:
                task = self.tasks.pop(str(row["id"]), None)
                if task is not None:
                    row["state"], row["attempt"] = task["new_state"], task["new_attempt"]
                    row["result"], row["failure"] = task["new_result"], task["new_failure"]

    def _drop(self, execution_id: str) -> None:
        self.graphs = [new for new in self.graphs if new.execution_id != execution_id]
        self.events = [event for event in self.events if event["execution_id"] != execution_id]
        self.instance_states = [each for each in self.instance_states if each.execution_id != execution_id]
        self.tasks = {key: row for key, row in self.tasks.items() if row["execution_id"] != execution_id}
        self.processes = {key: row for key, row in self.processes.items() if row["execution_id"] != execution_id}

    def _store_instance_states(self, session: Session) -> None:
        instances = session.execute(
            select(
                NodeInstance.deployment_storage_id,
                NodeInstance.id,
                NodeInstance.storage_id,
                NodeInstance.state,
                NodeInstance.system_properties,
            )
            .where(
                NodeInstance.deployment_storage_id.in_({each.deployment_storage_id for each in self.instance_states}),
                NodeInstance.id.in_({each.step.instance_id for each in self.instance_states}),
            )
            .order_by(NodeInstance.storage_id)
            .with_for_update()
        )
        rows: dict[tuple[int, str], InstanceRow] = {
            (deployment, instance_id): {
                "instance_storage_id": storage_id,
                "new_state": state,
                "new_properties": properties,
                "changes": 0,
            }
            for deployment, instance_id, storage_id, state, properties in instances
        }
        for _, deployment, step in self.instance_states:
            row = rows.get((deployment, step.instance_id))
            if row is not None:  # a deleted instance has no state
                _enter_state(row, step)
        UPDATE_INSTANCE.execute(session.connection(), [row for row in rows.values() if row["changes"]])


def _enter_state(row: InstanceRow, step: SetState) -> None:
    properties = system_properties(step, lambda: row["new_properties"])
    if properties is not None:
        row["new_properties"] = properties
    row["new_state"] = step.state
    row["changes"] += 1


def _sorted_rows(rows: Mapping[str, R]) -> list[R]:
    """Return the rows in an order that all writers share, which avoids deadlocks between them."""
    return [rows[operation_id] for operation_id in sorted(rows)]
