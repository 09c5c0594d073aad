"""The journal of one execution in the store: graphs and operations, as the engine left them and the API shows them."""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from typing import Any, cast

from sqlalchemy import case, func, select, update
from sqlalchemy.orm import Session

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.timestamps import now
from cfy_cli.manager.engine import values
from cfy_cli.manager.engine.graph import Graph
from cfy_cli.manager.engine.ports import ExecutionEvent, JournalEntry, ProcessIdentity, StoredGraph, TaskStateChange
from cfy_cli.manager.engine.tasks import DONE, Failure, SetState, Task, TaskState
from cfy_cli.manager.engine.tasks import Operation as OperationWork
from cfy_cli.manager.services.runtime.batch import Batch
from cfy_cli.manager.services.runtime.db_retry import retry_until_available
from cfy_cli.manager.services.runtime.execution_context import MANAGER_NAME, ExecutionContext
from cfy_cli.manager.services.runtime.masking import Masking
from cfy_cli.manager.store.bulk import BulkStatement
from cfy_cli.manager.store.models import Operation, TasksGraph

KEEP_GRAPH, KEEP = BulkStatement.insert(TasksGraph), BulkStatement.insert(Operation)


class Marks(dict[str, str]):
    """Of the tasks of a graph: each is asked for many times."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self._key = uuid.UUID(key)

    def __missing__(self, task_id: str) -> str:
        self[task_id] = mark = str(uuid.uuid5(self._key, task_id))
        return mark


class StoreJournal:
    """`cfy_cli.manager.engine.ports.Journal` over the store; a graph's key is its id, a task's mark that of its row."""

    def __init__(self, context: ExecutionContext, deployment_storage_id: int) -> None:
        self._work = context
        self._deployment = deployment_storage_id
        self._marks: dict[str, Marks] = {}  # by graph

    def stored_graphs(self) -> list[StoredGraph]:
        execution = self._work.execution
        with self._work.reading() as store:
            session = store.unscoped
            graphs = session.scalars(
                select(TasksGraph).where(TasksGraph.execution_id == execution.id).order_by(TasksGraph.storage_id)
            ).all()
            return [
                _kept(
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
        key, execution = str(uuid.uuid4()), self._work.execution
        owner = {
            "tenant_name": execution.tenant_name,
            "visibility": execution.visibility,
            "created_by": execution.created_by,
            "created_at": now(),
        }
        rows = [_row(owner, key, self._marks_of(key), task) for task in graph.tasks.values()]

        def store() -> None:
            with self._work.app.database.write() as session:
                one = {**owner, "id": key, "name": graph.name, "execution_id": execution.id}
                KEEP_GRAPH.execute(session.connection(), [one])
                KEEP.execute(session.connection(), rows)

        retry_until_available(self._work.stopping, store)
        return key

    def store(self, key: str, entries: Sequence[JournalEntry]) -> None:
        self._work.history.put(self._batch(key, entries))
        retry_until_available(self._work.stopping, self._work.history.flush)

    def operation_id(self, key: str, task_id: str) -> str:
        return self._marks_of(key)[task_id]

    def _marks_of(self, key: str) -> Marks:
        if key not in self._marks:
            self._marks[key] = Marks(key)
        return self._marks[key]

    def add_process(self, operation_id: str, process: ProcessIdentity) -> None:
        """Stored with what is stored next: should that come too late, the process is known by its mark."""
        self._work.history.put(
            Batch(
                starts={operation_id: {"mark": operation_id, "new_pid": process.pid, "new_birth": process.start_time}}
            )
        )

    def _batch(self, key: str, entries: Iterable[JournalEntry]) -> Batch:
        batch, marks = Batch(), self._marks_of(key)
        for entry in entries:
            if isinstance(entry, ExecutionEvent):
                batch.lines.append(self._work.line(entry))
            elif isinstance(entry, SetState):
                batch.entered.append((self._deployment, entry))
            else:
                mark = marks[entry.task_id]
                batch.moves[mark] = _move(mark, entry, self._work.masking)
        return batch


def rewind(session: Session, execution_ids: Collection[str]) -> None:
    """What may have begun in these executions is to run once more."""
    session.execute(_in_flight(update(Operation), execution_ids).values(state=TaskState.PENDING))


def running(session: Session, execution_ids: Collection[str]) -> tuple[list[ProcessIdentity], list[str]]:
    """The processes, with their births, and the marks of what may be running in these executions."""
    rows = session.execute(_in_flight(select(Operation.id, Operation.pid, Operation.birth), execution_ids)).all()
    return [ProcessIdentity(pid, birth) for _, pid, birth in rows if pid and birth], [mark for mark, _, _ in rows]


def progress(session: Session, execution_id: str) -> int:
    """A number that changes whenever something of an execution is done, or was tried in vain."""
    graphs = select(TasksGraph.id).where(TasksGraph.execution_id == execution_id)
    done = func.sum(case((Operation.state.in_(DONE), 1), else_=0))
    tried = func.sum(Operation.attempt)
    row = session.execute(select(done, tried).where(Operation.tasks_graph_id.in_(graphs))).one()
    return sum(int(number or 0) for number in row)


def _in_flight(statement: Any, execution_ids: Collection[str]) -> Any:
    graphs = select(TasksGraph.id).where(TasksGraph.execution_id.in_(execution_ids))
    return statement.where(
        Operation.tasks_graph_id.in_(graphs),
        Operation.state.in_((TaskState.SENDING, TaskState.STARTED)),
        Operation.type == values.KINDS[OperationWork],
    ).execution_options(synchronize_session=False)


def _row(owner: dict[str, Any], key: str, marks: Marks, task: Task) -> dict[str, Any]:
    context = task.action
    holder = marks[task.subgraph_id] if task.subgraph_id is not None else None
    after = sorted([marks[before] for before in task.depends_on])
    parameters: dict[str, Any] = {"containing_subgraph": holder, "task_kwargs": values.to_json(context)}
    if isinstance(context, OperationWork):
        parameters |= {"total_retries": context.max_retries, "retry_interval": context.retry_interval}
    return {
        **owner,
        "id": marks[task.id],
        "tasks_graph_id": key,
        "task": task.id,
        "name": values.name_of(context),
        "type": values.KINDS[type(context)],
        "state": TaskState.PENDING.value,
        "attempt": 0,
        "dependencies": [holder, *after] if holder else after,
        "parameters": parameters,
        "result": None,
        "failure": None,
        "pid": None,
        "birth": None,
        "manager_name": MANAGER_NAME,
        "agent_name": None,
    }


def _move(mark: str, moved: TaskStateChange, masking: Masking) -> dict[str, Any]:
    return {
        "mark": mark,
        "new_state": moved.state.value,
        "new_attempt": moved.attempt,
        "new_result": moved.result,
        "new_failure": masking.masked(asdict(moved.failure)) if moved.failure else None,
    }


def _kept(graph: TasksGraph, rows: Sequence[Operation]) -> StoredGraph:
    names = {row.id: row.task or "" for row in rows}
    tasks, moved, processes = {}, {}, {}
    for row in rows:
        name, holder = names[row.id], cast("str | None", row.parameters["containing_subgraph"])
        tasks[name] = Task(
            name,
            values.from_json(row.type, cast("JsonObject", row.parameters["task_kwargs"])),
            frozenset(names[before] for before in row.dependencies if before != holder),
            names[holder] if holder else None,
        )
        failure = Failure(**cast("dict[str, Any]", row.failure)) if row.failure else None
        moved[name] = TaskStateChange(name, TaskState(row.state), row.attempt, row.result, failure)
        if row.pid is not None and row.birth:
            processes[name] = ProcessIdentity(row.pid, row.birth)
    return StoredGraph(graph.id, Graph(graph.name, tasks), moved, processes)
