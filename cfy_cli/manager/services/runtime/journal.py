"""Journal of an execution in the store: graphs and operations, which the engine resumes from and the API shows."""

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict
from typing import TypedDict, cast

from sqlalchemy import ColumnElement, and_, case, func, select, update
from sqlalchemy.orm import Session

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.timestamps import now
from cfy_cli.manager.engine import values
from cfy_cli.manager.engine.graph import Graph, Request
from cfy_cli.manager.engine.masking import Masking
from cfy_cli.manager.engine.ports import (
    ExecutionEvent,
    JournalEntry,
    ProcessIdentity,
    StartMode,
    StoredGraph,
    TaskStateChange,
)
from cfy_cli.manager.engine.tasks import DONE, Failure, SetState, Task, TaskState
from cfy_cli.manager.engine.tasks import Operation as OperationAction
from cfy_cli.manager.services.runtime.batch import Batch, InstanceState, NewGraph, TaskRow
from cfy_cli.manager.services.runtime.db_retry import retry_until_available
from cfy_cli.manager.services.runtime.execution_context import MANAGER_NAME, ExecutionContext
from cfy_cli.manager.store.models import Operation, TasksGraph
from cfy_cli.manager.store.models.owned import inherited_columns

NO_REQUEST = {"request": None, "position": None}


class TaskParameters(TypedDict):
    """The column `parameters` of an operation."""

    containing_subgraph: str | None  # id of an operation
    task_kwargs: JsonObject


class OperationIds:
    """Ids of the tasks of one graph among all executions; each is needed many times."""

    def __init__(self, graph_id: str) -> None:
        self._namespace = uuid.UUID(graph_id)
        self._ids: dict[str, str] = {}  # by task id

    def get(self, task_id: str) -> str:
        operation_id = self._ids.get(task_id)
        if operation_id is None:
            operation_id = self._ids[task_id] = str(uuid.uuid5(self._namespace, task_id))
        return operation_id


class StoreJournal:
    """`cfy_cli.manager.engine.ports.Journal` over the store. The key of a graph is its id."""

    def __init__(
        self,
        context: ExecutionContext,
        deployment_storage_id: int,
        store_files: Callable[[], None] = lambda: None,
    ) -> None:
        """Call `store_files` before it is stored that tasks have ended, which then are not run again."""
        self._context, self._store_files = context, store_files
        self._deployment_storage_id = deployment_storage_id
        self._operation_ids: dict[str, OperationIds] = {}  # by graph
        self._stored_ahead: dict[str, Future[None]] = {}  # by graph: the end of the storing that nobody has waited for

    def stored_graphs(self) -> list[StoredGraph]:
        if self._context.start_mode is StartMode.NEW:
            return []
        with self._context.reading_own_rows() as store:
            session = store.unscoped  # rows of this execution
            graphs = session.scalars(
                select(TasksGraph)
                .where(TasksGraph.execution_id == self._context.execution.id)
                .order_by(TasksGraph.storage_id)
            ).all()
            return [
                _stored_graph(
                    graph,
                    session.scalars(
                        select(Operation)
                        .where(Operation.tasks_graph_id == graph.id, Operation.task.is_not(None))
                        .order_by(Operation.storage_id)
                    ).all(),
                )
                for graph in graphs
            ]

    def add_graph(self, graph: Graph) -> str:
        key, execution = str(uuid.uuid4()), self._context.execution
        creation: dict[str, object] = {
            **inherited_columns(execution),
            "created_by": execution.created_by,
            "created_at": now(),
        }
        graph_row: dict[str, object] = {**creation, "id": key, "name": graph.name, "execution_id": execution.id}
        request = graph.request
        graph_row |= {"request": request.description, "position": request.position} if request else NO_REQUEST
        operation_rows = [_operation_row(creation, key, self._ids_of(key), task) for task in graph.tasks.values()]
        new = NewGraph(execution.id, graph_row, operation_rows)
        self._context.event_writer.add(Batch(graphs=[new], claims={execution.id: self._context.claim}))
        return key

    def store(self, key: str, entries: Sequence[JournalEntry], *, ahead: bool = False) -> None:
        if any(isinstance(entry, TaskStateChange) and entry.state in DONE for entry in entries):
            retry_until_available(self._context.stopping, self._store_files)
        event_writer = self._context.event_writer
        event_writer.add(self._batch(key, entries))
        former = self._stored_ahead.get(key)
        if former is not None:
            if ahead and not former.done() and event_writer.has_room():
                return  # the next call stores it too
            del self._stored_ahead[key]
            former.result()
        # SQLite works in this process, so that nothing would be gained.
        if ahead and not self._context.app.database.is_sqlite:
            self._stored_ahead[key] = event_writer.run(self._flush)
        else:
            self._flush()

    def _flush(self) -> None:
        retry_until_available(self._context.stopping, self._context.event_writer.flush)

    def operation_id(self, key: str, task_id: str) -> str:
        return self._ids_of(key).get(task_id)

    def _ids_of(self, key: str) -> OperationIds:
        if key not in self._operation_ids:
            self._operation_ids[key] = OperationIds(key)
        return self._operation_ids[key]

    def add_process(self, operation_id: str, process: ProcessIdentity) -> None:
        """Record the process with the next changes; until then recovery finds it by its operation id."""
        self._context.event_writer.add(
            Batch(
                processes={
                    operation_id: {
                        "execution_id": self._context.execution.id,
                        "operation_id": operation_id,
                        "new_pid": process.pid,
                        "new_start_time": process.start_time,
                    }
                },
                claims={self._context.execution.id: self._context.claim},
            )
        )

    def _batch(self, key: str, entries: Iterable[JournalEntry]) -> Batch:
        execution_id, ids = self._context.execution.id, self._ids_of(key)
        batch = Batch(claims={execution_id: self._context.claim})
        for entry in entries:
            if isinstance(entry, ExecutionEvent):
                batch.events.append(self._context.event_row(entry))
            elif isinstance(entry, SetState):
                batch.instance_states.append(InstanceState(execution_id, self._deployment_storage_id, entry))
            else:
                operation_id = ids.get(entry.task_id)
                batch.tasks[operation_id] = _task_row(execution_id, operation_id, entry, self._context.masking)
        return batch


def reset_running_operations(session: Session, execution_ids: Collection[str]) -> None:
    """Make the operations of these executions that may have started pending again."""
    session.connection().execute(update(Operation).where(_may_run(execution_ids)).values(state=TaskState.PENDING))


def find_running_operations(
    session: Session, execution_ids: Collection[str]
) -> tuple[list[ProcessIdentity], list[str]]:
    """Return the processes and the ids of operations of these executions that may be running."""
    rows = session.execute(select(Operation.id, Operation.pid, Operation.birth).where(_may_run(execution_ids))).all()
    processes = [ProcessIdentity(pid, start_time) for _, pid, start_time in rows if pid and start_time]
    return processes, [operation_id for operation_id, _, _ in rows]


def measure_progress(session: Session, execution_id: str) -> int:
    """Return a number that changes whenever an operation of the execution ends or is attempted."""
    graphs = select(TasksGraph.id).where(TasksGraph.execution_id == execution_id)
    done = func.sum(case((Operation.state.in_(DONE), 1), else_=0))
    attempts = func.sum(Operation.attempt)
    row = session.execute(select(done, attempts).where(Operation.tasks_graph_id.in_(graphs))).one()
    return sum(int(count or 0) for count in row)


def _may_run(execution_ids: Collection[str]) -> ColumnElement[bool]:
    graphs = select(TasksGraph.id).where(TasksGraph.execution_id.in_(execution_ids))
    return and_(
        Operation.tasks_graph_id.in_(graphs),
        Operation.state.in_((TaskState.SENDING, TaskState.STARTED)),
        Operation.type == values.KINDS[OperationAction],
    )


def _operation_row(creation: Mapping[str, object], key: str, ids: OperationIds, task: Task) -> dict[str, object]:
    action = task.action
    subgraph = ids.get(task.subgraph_id) if task.subgraph_id is not None else None
    dependencies = sorted([ids.get(task_id) for task_id in task.depends_on])
    parameters: JsonObject = {"containing_subgraph": subgraph, "task_kwargs": values.to_json(action)}
    if isinstance(action, OperationAction):
        parameters |= {"total_retries": action.max_retries, "retry_interval": action.retry_interval}
    return {
        **creation,
        "id": ids.get(task.id),
        "tasks_graph_id": key,
        "task": task.id,
        "name": values.name_of(action),
        "type": values.KINDS[type(action)],
        "state": TaskState.PENDING.value,
        "attempt": 0,
        "dependencies": [subgraph, *dependencies] if subgraph else dependencies,
        "parameters": parameters,
        "result": None,
        "failure": None,
        "pid": None,
        "birth": None,
        "manager_name": MANAGER_NAME,
        "agent_name": None,
        "runner": None,
    }


def _task_row(execution_id: str, operation_id: str, change: TaskStateChange, masking: Masking) -> TaskRow:
    return {
        "execution_id": execution_id,
        "operation_id": operation_id,
        "new_state": change.state.value,
        "new_attempt": change.attempt,
        "new_result": change.result,
        "new_failure": masking.mask(asdict(change.failure)) if change.failure else None,
    }


def _stored_graph(graph: TasksGraph, rows: Sequence[Operation]) -> StoredGraph:
    task_ids = {row.id: row.task or "" for row in rows}
    tasks, states, processes = {}, {}, {}
    for row in rows:
        parameters = cast(TaskParameters, row.parameters)
        task_id, subgraph = task_ids[row.id], parameters["containing_subgraph"]
        tasks[task_id] = Task(
            task_id,
            values.from_json(row.type, parameters["task_kwargs"]),
            frozenset(task_ids[dependency] for dependency in row.dependencies if dependency != subgraph),
            task_ids[subgraph] if subgraph else None,
        )
        states[task_id] = TaskStateChange(task_id, _state(row.state), row.attempt, row.result, _failure(row.failure))
        if row.pid is not None and row.birth:
            processes[task_id] = ProcessIdentity(row.pid, row.birth)
    request = Request(graph.request, graph.position) if graph.request else None
    return StoredGraph(graph.id, Graph(graph.name, tasks, request), states, processes)


def _state(stored: str) -> TaskState:
    """Return the state of a task; a client may have set one that only other managers have."""
    return TaskState(stored) if stored in list(TaskState) else TaskState.STARTED


def _failure(stored: Mapping[str, Json] | None) -> Failure | None:
    return cast(Callable[..., Failure], Failure)(**stored) if stored else None
