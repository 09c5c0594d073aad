"""Completion of many executions of a group in one transaction; those that cannot be are run one after another."""

import threading
from collections.abc import Callable, Sequence

from cfy_cli.contract.states import ExecutionState
from cfy_cli.contract.timestamps import now
from cfy_cli.manager.services import maintenance_mode
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.execution_groups import group_queues
from cfy_cli.manager.services.executions import group_members
from cfy_cli.manager.services.runtime.event_writer import EventWriter
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext
from cfy_cli.manager.services.worker import running
from cfy_cli.manager.store.advisory_locks import LockKey
from cfy_cli.manager.store.models import Execution
from cfy_cli.manager.store.query import Condition
from cfy_cli.manager.store.store import Store


class GroupBatches:
    """Base of the classes that complete executions together, in one worker process.

    `share` returns the number of the worker and that of all.
    """

    def __init__(
        self,
        app: AppContext,
        worker: str,
        share: Callable[[], tuple[int, int]],
        event_writer: EventWriter,
        stopping: threading.Event,
    ) -> None:
        self._app, self._worker, self._share = app, worker, share
        self._event_writer, self._stopping = event_writer, stopping

    def _context(self, execution: Execution) -> ExecutionContext:
        return ExecutionContext(self._app, execution, self._event_writer, self._stopping)

    def _lock(
        self, store: Store, executions: Sequence[Execution], condition: Condition | None = None
    ) -> list[Execution]:
        """Return the executions that can still be completed, and keep others from changing that."""
        store.acquire_shared_lock(LockKey.CONFIGURATION)  # the maintenance mode is not turned on before the commit
        store.acquire_lock(LockKey.CLAIMING)
        store.acquire_lock(LockKey.EVENTS)
        if maintenance_mode.read(store.unscoped):  # the mode is in no tenant
            return []
        return group_queues.lock_together(store.unscoped, executions, condition)  # those of one group

    def _run_alone(self, contexts: Sequence[ExecutionContext]) -> None:
        """Run executions one after another, each with events and an error of its own."""
        for context in contexts:
            if self._stopping.is_set():
                return
            with context.writing_own_rows() as store:
                chosen = self._lock(store, [context.execution])
                for execution in chosen:
                    execution.worker, execution.started_at = self._worker, now()
                    execution.status = ExecutionState.STARTED
                    execution.claim += 1
                    group_members.on_state_change(store, execution, execution.status)
                    store.flush()
                    group_queues.forget_empty(store.unscoped, {execution.execution_group_id})  # its own
            for execution in chosen:
                running.run(self._context(execution))
