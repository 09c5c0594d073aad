"""Records for operations that run elsewhere and call them over HTTP."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, cast

from sqlalchemy import or_, select, update

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.plan import PluginPlan
from cfy_cli.contract.states import RUNNING
from cfy_cli.errors import CfyError, Conflict, NotFound
from cfy_cli.manager.engine.broker.record_calls import CallAnswer, answer, describe_error
from cfy_cli.manager.engine.masking import Masking
from cfy_cli.manager.engine.tasks import OperationFailed, TaskState
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.deployment_updates import records as update_records
from cfy_cli.manager.services.runtime.event_writer import EventWriter
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext
from cfy_cli.manager.services.worker.manager_records import ManagerRecords
from cfy_cli.manager.services.worker.operation_files import write_archive
from cfy_cli.manager.store.models import Agent, Deployment, Execution, Operation, TasksGraph
from cfy_cli.manager.store.storage import RowKey

MAX_EXECUTIONS = 64  # whose records are kept
STATE = (
    select(
        Operation.state,
        Operation.attempt,
        Execution.id.label("execution_id"),
        Execution.status,
        Execution.started_at,
        Execution.tenant_name,
        Operation.agent_name,
        Operation.runner,
    )
    .join(TasksGraph, TasksGraph.id == Operation.tasks_graph_id)
    .join(Execution, Execution.id == TasksGraph.execution_id)
)


class _State(NamedTuple):
    """An operation and its execution as they are now."""

    state: str
    attempt: int
    execution_id: str
    status: str
    started_at: str | None
    tenant_name: str
    agent_name: str | None
    runner: str | None


class RecordingMasking(Masking):
    """Masking that tells which secrets were read in a call, to those who mask the events themselves."""

    def __init__(self) -> None:
        super().__init__()
        self._call = threading.local()

    def begin_call(self) -> None:
        self._call.secrets = []

    def take_secrets(self) -> list[str]:
        return cast("list[str]", self._call.secrets)

    def add_secret(self, secret: str) -> None:
        super().add_secret(secret)
        self._call.secrets.append(secret)


class RemoteRecords(ManagerRecords):
    """The records of an execution with the calls that only operations elsewhere need."""

    @property
    def context(self) -> ExecutionContext:
        return self._context

    def _use(self, key: RowKey) -> None:
        """Do nothing: the machine that runs the operation holds what it uses."""

    def install_plugin(self, plugin: PluginPlan) -> JsonObject:
        """Install a plugin; return the folder of its environment among the manager's files, None if it is our own."""
        log: list[Json] = []
        venv = self.ensure_installed(plugin, lambda level, message: log.append([level, message]))
        files = self._context.app.settings.data_dir
        return {"folder": str(venv.relative_to(files)) if venv.is_relative_to(files) else None, "log": log}

    def emit_all(self) -> None:
        """Store what was emitted, so that no later event is stored before."""
        with suppress(CfyError):  # stored once the database answers
            self._context.event_writer.flush()


class RemoteOperations:
    """The records of the executions whose operations called last."""

    def __init__(self, app: AppContext) -> None:
        self._app = app
        self._event_writer = EventWriter(app.database)
        self._stopping = threading.Event()
        self._records: OrderedDict[tuple[str, str | None], tuple[RemoteRecords, RecordingMasking]] = OrderedDict()
        self._lock = threading.Lock()

    def call(
        self, operation_id: str, number: int, method: str, arguments: Mapping[str, Json], agent: Agent | None = None
    ) -> CallAnswer:
        """Answer a call of an attempt, by an agent only if the operation was sent to it.

        Raises NotFound, and Conflict when the engine does not wait for its end.
        """
        state = self._find(operation_id, agent)
        if state.attempt != number or state.state not in (TaskState.STARTED, TaskState.SENDING):
            raise Conflict("The operation has ended")
        if method == "begin":
            if state.status not in RUNNING:
                raise Conflict("The execution has ended")
            self._begin(operation_id, number, arguments.get("earlier"), str(arguments["runner"]))
            return {"result": None}
        if method == "runner":
            return {"result": state.runner}
        records, masking = self._records_of(state)
        masking.begin_call()
        if method == "emit":
            events = cast("list[JsonObject]", arguments["events"])
            agent_name = None if agent is None else agent.name
            arguments = {"events": [{**event, "agent_name": agent_name} for event in events]}
        answered = answer(records, method, arguments)
        if method == "emit":
            records.emit_all()
        secrets = masking.take_secrets()
        return {**answered, "secrets": secrets} if secrets else answered

    def _begin(self, operation_id: str, number: int, earlier: Json, runner: str) -> None:
        """Let a runner begin an attempt again in place of an earlier one. Raises Conflict if another was faster."""
        is_free = or_(Operation.runner.is_not_distinct_from(earlier), Operation.runner == runner)
        statement = update(Operation).where(Operation.id == operation_id, Operation.attempt == number, is_free)
        with self._app.database.write() as session:
            begun = session.connection().execute(statement.values(runner=runner)).rowcount
        if not begun:
            raise Conflict("Another worker has begun the operation")

    def close(self) -> None:
        self._stopping.set()
        self._event_writer.close()

    def archive(self, operation_id: str, folder: str, target: Path, agent: Agent | None = None) -> None:
        """Write an archive of files that the execution of an operation uses. Raises NotFound and Conflict."""
        state = self._find(operation_id, agent)
        if state.status not in RUNNING:
            raise Conflict("The execution has ended")
        write_archive(self._records_of(state)[0].context, folder, target)

    def fetch(self, operation_id: str, url: str, target: Path, agent: Agent | None = None) -> CallAnswer | None:
        """Write the content of a URL to a file; return the answer to the call when that fails."""
        state = self._find(operation_id, agent)
        if state.status not in RUNNING:
            raise Conflict("The execution has ended")
        try:
            with target.open("wb") as file:
                self._records_of(state)[0].fetch(url, file)
        except (OperationFailed, CfyError) as error:
            return describe_error(error)
        return None

    def _find(self, operation_id: str, agent: Agent | None) -> _State:
        with self._app.database.read() as session:
            row = session.execute(STATE.where(Operation.id == operation_id)).one_or_none()
        state = None if row is None else _State(*row)
        is_other = agent is not None and state is not None and (agent.name, agent.tenant_name) != (
            state.agent_name, state.tenant_name
        )  # fmt: skip
        if state is None or is_other:
            raise NotFound(f"There is no operation {operation_id}")
        return state

    def _records_of(self, state: _State) -> tuple[RemoteRecords, RecordingMasking]:
        key = state.execution_id, state.started_at
        with self._lock:
            if key in self._records:
                self._records.move_to_end(key)
                return self._records[key]
        created = self._create(state.execution_id)
        with self._lock:
            created = self._records.setdefault(key, created)  # another call may have been faster
            if len(self._records) > MAX_EXECUTIONS:
                self._records.popitem(last=False)
        return created

    def _create(self, execution_id: str) -> tuple[RemoteRecords, RecordingMasking]:
        with self._app.database.read() as session:
            execution = session.scalars(select(Execution).where(Execution.id == execution_id)).one()
            deployment = session.get_one(Deployment, execution.deployment_storage_id)
            found = update_records.find_of_execution(session, execution)
            new_blueprint = found.new_blueprint_storage_id if found else deployment.blueprint_storage_id
        deployment.blueprint_storage_id = new_blueprint  # in this copy: the sources of plugins are those of the update
        masking = RecordingMasking()
        context = ExecutionContext(self._app, execution, self._event_writer, self._stopping, masking=masking)
        return RemoteRecords(context, deployment), masking
