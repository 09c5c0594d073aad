"""The engine's view of a deployment's rows."""

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar

from sqlalchemy import select, update

from cfy_cli.contract.plan import InstancePlan, InstanceRelationship
from cfy_cli.contract.states import ExecutionState
from cfy_cli.errors import CfyError
from cfy_cli.manager.engine.ports import CancelRequest, ExecutionEvent, Instance, StaleVersion
from cfy_cli.manager.services.deployments import node_instances
from cfy_cli.manager.services.deployments.lookups import StoreLookups
from cfy_cli.manager.services.runtime.db_retry import retry_until_available
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext
from cfy_cli.manager.services.secrets.secrets import execution_secrets
from cfy_cli.manager.services.worker import scaling
from cfy_cli.manager.services.worker.operation_api import Operating
from cfy_cli.manager.store.models import Deployment, Execution, NodeInstance
from cfy_cli.manager.store.store import Store

log = logging.getLogger(__name__)
T = TypeVar("T")
COLUMNS = tuple(getattr(NodeInstance, field.name) for field in fields(Instance))  # many rows, without the objects
LOOK_EVERY = 0.2  # seconds between looks at what people outside want
STEERED = {
    ExecutionState.CANCELLING: CancelRequest.CANCEL,
    ExecutionState.FORCE_CANCELLING: CancelRequest.FORCE_CANCEL,
    ExecutionState.KILL_CANCELLING: CancelRequest.KILL,
    ExecutionState.CANCELLED: CancelRequest.FORCE_CANCEL,
    ExecutionState.FAILED: CancelRequest.FORCE_CANCEL,
    ExecutionState.TERMINATED: CancelRequest.FORCE_CANCEL,
}


class StoreRecords(Operating, StoreLookups):
    """`cfy_cli.manager.engine.ports.Records` over the store; each change is a transaction of its own."""

    def __init__(self, context: ExecutionContext, deployment: Deployment) -> None:
        Operating.__init__(self, context)
        StoreLookups.__init__(self, context.reading, deployment, execution_secrets(context))
        self._steering = CancelRequest.NONE
        self._next_look = 0.0
        self._progress = (0, 0)
        self._guard = threading.Lock()
        self._node_of: dict[str, str] = {}  # for good: an instance never changes its node

    def instances(self) -> list[Instance]:
        theirs = select(*COLUMNS).where(self._of(NodeInstance)).order_by(NodeInstance.storage_id)
        with self._read() as store:
            found = [Instance(*row) for row in store.unscoped.execute(theirs)]
        self._node_of.update((instance.id, instance.node_id) for instance in found)
        return found

    def node_of(self, instance_id: str) -> str:
        if instance_id not in self._node_of:
            self._node_of[instance_id] = super().node_of(instance_id)
        return self._node_of[instance_id]

    def instance(self, instance_id: str) -> Instance:
        with self._read() as store:
            return _instance(store.get(NodeInstance, instance_id))

    def update_instance(
        self,
        instance_id: str,
        *,
        version: int | None = None,
        state: str | None = None,
        runtime_properties: Mapping[str, Any] | None = None,
        system_properties: Mapping[str, Any] | None = None,
    ) -> Instance:
        given = {
            "state": state,
            "runtime_properties": runtime_properties,
            "system_properties": self._work.masking.masked(system_properties),
        }
        changes = {name: value for name, value in given.items() if value is not None}

        try:
            return self._write(lambda store: _instance(node_instances.change(store, instance_id, version, changes)))
        except node_instances.VersionConflict as error:
            raise StaleVersion(str(error)) from error

    def add_instances(self, added: Sequence[InstancePlan], related: Mapping[str, list[InstanceRelationship]]) -> None:
        self._write(lambda store: scaling.add(store, self.deployment.storage_id, added, related))

    def remove_instances(self, instance_ids: Collection[str]) -> None:
        self._write(lambda store: scaling.remove(store, self.deployment.storage_id, instance_ids))

    def set_planned_instances(self, entity: str, number: int, *, reached: bool = False) -> None:
        storage_id = self.deployment.storage_id
        self._write(lambda store: scaling.set_planned_instances(store, storage_id, entity, number, reached=reached))

    def load_decision(self, name: str) -> Any:
        return self._work.execution.decisions.get(name)

    def save_decision(self, name: str, value: Any) -> None:
        execution = self._work.execution
        execution.decisions = {**execution.decisions, name: value}
        kept = update(Execution).where(Execution.id == execution.id).values(decisions=execution.decisions)
        self._write(lambda store: store.unscoped.execute(kept))

    def _write(self, change: Callable[[Store], T]) -> T:
        """In a transaction of its own, as soon as the database takes it."""

        def write() -> T:
            with self._work.app.writing(self._work.scope) as store:
                return change(store)

        return retry_until_available(self._work.stopping, write)

    def emit(self, event: ExecutionEvent) -> None:
        self._work.emit(event)

    def cancel_request(self) -> CancelRequest:
        if self._work.stopping.is_set():
            return CancelRequest.KILL
        with self._guard:
            if time.monotonic() >= self._next_look:
                self._next_look = time.monotonic() + LOOK_EVERY
                try:
                    self._look()
                except CfyError as error:  # it stays as it was until the database answers again
                    log.warning("What execution %s is to do is not known: %s", self._work.execution.id, error)
            return self._steering

    def report_progress(self, total: int, finished: int) -> None:
        with self._guard:
            self._progress = (total, finished)

    def _look(self) -> None:
        """Read what is wanted and, on the same occasion, store how far we are."""
        wanted = select(Execution).where(Execution.id == self._work.execution.id)
        with self._work.app.reading(self._work.scope) as store:  # without waiting: it is asked often
            row = store.unscoped.scalar(wanted)
        if row is None:
            self._steering = CancelRequest.KILL  # deleted: nobody is left to run for
            return
        self._steering = STEERED.get(ExecutionState(row.status), CancelRequest.NONE)
        if (row.total_operations, row.finished_operations) != self._progress:
            self.store_progress()

    def store_progress(self) -> None:
        total, finished = self._progress
        with self._work.app.writing(self._work.scope) as store:
            store.unscoped.execute(
                update(Execution)
                .where(Execution.id == self._work.execution.id)
                .values(total_operations=total, finished_operations=finished)
            )


def _instance(row: NodeInstance) -> Instance:
    return Instance(*(getattr(row, column.key) for column in COLUMNS))
