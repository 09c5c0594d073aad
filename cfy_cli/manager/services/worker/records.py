"""Rows of a deployment as the engine reads and changes them."""

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields
from typing import TypeVar

from sqlalchemy import bindparam, select, update

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.plan import InstancePlan, InstanceRelationship
from cfy_cli.contract.states import ExecutionState, Visibility
from cfy_cli.errors import CfyError
from cfy_cli.manager.engine.functions import evaluate_with
from cfy_cli.manager.engine.ports import (
    CancelRequest,
    ExecutionEvent,
    Instance,
    InstanceEnds,
    ModificationChange,
    Records,
    StaleVersion,
    StartMode,
)
from cfy_cli.manager.services.deployments import node_instances
from cfy_cli.manager.services.deployments.lookups import StoreLookups
from cfy_cli.manager.services.runtime.db_retry import retry_until_available
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext
from cfy_cli.manager.services.runtime.shared_writes import Progress
from cfy_cli.manager.services.secrets.secrets import execution_secrets
from cfy_cli.manager.services.worker import modifications, scaling
from cfy_cli.manager.store.models import Deployment, Execution, NodeInstance
from cfy_cli.manager.store.store import Store

log = logging.getLogger(__name__)
T = TypeVar("T")
# Columns instead of whole rows: building the objects of many rows takes long.
INSTANCE_COLUMNS = tuple(getattr(NodeInstance, field.name) for field in fields(Instance))
INSTANCES = (
    select(*INSTANCE_COLUMNS)
    .where(NodeInstance.deployment_storage_id == bindparam("deployment"))
    .order_by(NodeInstance.storage_id)
)
POLLED = select(Execution.claim, Execution.status, Execution.total_operations, Execution.finished_operations).where(
    Execution.id == bindparam("execution_id")
)
POLL_INTERVAL = 0.2  # seconds between queries of the status of the execution
CANCEL_REQUESTS = {
    ExecutionState.CANCELLING: CancelRequest.CANCEL,
    ExecutionState.FORCE_CANCELLING: CancelRequest.FORCE_CANCEL,
    ExecutionState.KILL_CANCELLING: CancelRequest.KILL,
    ExecutionState.CANCELLED: CancelRequest.FORCE_CANCEL,
    ExecutionState.FAILED: CancelRequest.FORCE_CANCEL,
    ExecutionState.TERMINATED: CancelRequest.FORCE_CANCEL,
}


class StoreRecords(StoreLookups, Records):
    """Records over the store; each change is a transaction of its own. Called from several threads."""

    def __init__(self, context: ExecutionContext, deployment: Deployment) -> None:
        super().__init__(context.reading, deployment, execution_secrets(context), read_own=context.reading_own_rows)
        self._context = context
        self._cancel_request = CancelRequest.NONE
        is_new = context.start_mode is StartMode.NEW  # it was claimed, so nobody had cancelled it, a moment ago
        self._next_poll = time.monotonic() + POLL_INTERVAL if is_new else 0.0
        self._progress = Progress(0, 0)
        execution = context.execution
        self._stored_progress = Progress(execution.total_operations, execution.finished_operations)
        self._poll_lock = threading.Lock()  # of the three above
        self._decisions: Mapping[str, Json] = context.execution.decisions  # replaced and never changed
        self._decisions_lock = threading.Lock()  # of the replacement
        self._node_ids: dict[str, str] = {}  # by instance; an instance never changes its node

    def instances(self) -> list[Instance]:
        parameters = {"deployment": self.deployment.storage_id}
        with self._read_own() as store:
            instances = [Instance(*row) for row in store.unscoped.execute(INSTANCES, parameters)]  # of the deployment
        self._node_ids.update((instance.id, instance.node_id) for instance in instances)
        return instances

    def node_of(self, instance_id: str) -> str:
        if instance_id not in self._node_ids:
            self._node_ids[instance_id] = super().node_of(instance_id)
        return self._node_ids[instance_id]

    def instance(self, instance_id: str, *, may_be_old: bool = False) -> Instance:
        def read() -> Instance:
            with self._read_own() as store:
                return _instance(store.get(NodeInstance, instance_id))

        return retry_until_available(self._context.stopping, read)

    def evaluate(self, values: Mapping[str, Json], ends: InstanceEnds) -> JsonObject:
        with self._read("deployment_get") as store:
            if self.deployment.visibility == Visibility.PRIVATE:  # else it is visible to whoever has the permission
                store.get(Deployment, self.deployment.id)
        return evaluate_with(self, values, ends)

    def update_instance(
        self,
        instance_id: str,
        *,
        version: int | None = None,
        state: str | None = None,
        runtime_properties: Mapping[str, Json] | None = None,
        system_properties: Mapping[str, Json] | None = None,
    ) -> Instance:
        columns = {
            "state": state,
            "runtime_properties": runtime_properties,
            "system_properties": self._context.masking.mask(system_properties),
        }
        changes = {name: value for name, value in columns.items() if value is not None}
        try:
            return self._write(lambda store: _instance(node_instances.change(store, instance_id, version, changes)))
        except node_instances.VersionConflict as error:
            raise StaleVersion(str(error)) from error

    def add_instances(self, added: Sequence[InstancePlan], related: Mapping[str, list[InstanceRelationship]]) -> None:
        self._write(lambda store: scaling.add_instances(store, self.deployment.storage_id, added, related))

    def remove_instances(self, instance_ids: Collection[str]) -> None:
        self._write(lambda store: scaling.remove_instances(store, self.deployment.storage_id, instance_ids))

    def set_planned_instances(self, entity: str, number: int, *, reached: bool = False) -> None:
        storage_id = self.deployment.storage_id
        self._write(lambda store: scaling.set_planned_instances(store, storage_id, entity, number, reached=reached))

    def record_modification(self, name: str, change: ModificationChange) -> None:
        execution = self._context.execution
        self._write(lambda store: modifications.record_start(store, self.deployment, execution, name, change))

    def record_modification_end(self, name: str, *, finished: bool) -> None:
        status = modifications.Status.FINISHED if finished else modifications.Status.ROLLED_BACK
        self._write(lambda store: modifications.record_end(store, self._context.execution, name, status))

    def record_modifications_undone(self) -> None:
        self._write(lambda store: modifications.record_abort(store, self.deployment.storage_id))

    def load_decision(self, name: str) -> Json:
        return self._decisions.get(name)

    def save_decision(self, name: str, value: Json) -> None:
        with self._decisions_lock:
            decisions: JsonObject = {**self._decisions, name: value}
            self._write(lambda store: self._update_execution(store, decisions=decisions))
            self._decisions = decisions

    def emit(self, event: ExecutionEvent) -> None:
        self._context.emit(event)

    def cancel_request(self) -> CancelRequest:
        if self._context.stopping.is_set():
            return CancelRequest.KILL
        with self._poll_lock:
            if time.monotonic() >= self._next_poll:
                self._next_poll = time.monotonic() + POLL_INTERVAL
                try:
                    self._poll()
                except CfyError as error:  # keep the last known request until the database answers again
                    log.warning("Reading the status of execution %s failed: %s", self._context.execution.id, error)
            return self._cancel_request

    def report_progress(self, total: int, finished: int) -> None:
        with self._poll_lock:
            self._progress = Progress(total, finished)

    def unstored_progress(self) -> Progress | None:
        """Return the progress unless it is stored already."""
        return None if self._stored_progress == self._progress else self._progress

    def store_progress(self) -> None:
        progress = self.unstored_progress()
        if progress is None:
            return
        with self._context.writing_own_rows() as store:
            self._update_execution(store, total_operations=progress.total, finished_operations=progress.finished)
        self._stored_progress = progress

    def _poll(self) -> None:
        """Read the cancel request and, while at it, store the progress."""
        # Without a retry: the caller polls again.
        with self._context.app.database.read() as session:
            row = session.execute(POLLED, {"execution_id": self._context.execution.id}).one_or_none()
        if row is None:
            self._cancel_request = CancelRequest.KILL  # it was deleted
            return
        number, status, *progress = row
        self._context.claim.compare(number)
        self._cancel_request = CANCEL_REQUESTS.get(ExecutionState(status), CancelRequest.NONE)
        self._stored_progress = Progress(*progress)
        self.store_progress()

    def _update_execution(self, store: Store, **columns: object) -> None:
        own = update(Execution).where(Execution.id == self._context.execution.id)
        store.unscoped.connection().execute(own.values(**columns))  # the row of this execution

    def _write(self, change: Callable[[Store], T]) -> T:
        """Run the change in a transaction of its own; wait for an unavailable database."""

        def write() -> T:
            with self._context.writing_own_rows() as store:
                return change(store)

        return retry_until_available(self._context.stopping, write)


def _instance(row: NodeInstance) -> Instance:
    return Instance(*(getattr(row, column.key) for column in INSTANCE_COLUMNS))
