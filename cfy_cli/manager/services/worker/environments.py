"""Making of the environments of a group's new deployments: many in one transaction.

The executions go from `queued` to `terminated` in it, so nothing is half-done after a crash, and no more of them are
running at a time than their group allows. What cannot be made with others is made alone, as any other execution.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import select

from cfy_cli.contract.states import ExecutionState
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import CfyError
from cfy_cli.manager.services import maintenance_mode
from cfy_cli.manager.services.execution_groups import group_queues
from cfy_cli.manager.services.executions import group_members
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext
from cfy_cli.manager.services.worker import environment_batches
from cfy_cli.manager.services.worker.environment_batches import Prepared
from cfy_cli.manager.services.worker.group_batches import GroupBatches
from cfy_cli.manager.store.models import Execution, ExecutionGroup
from cfy_cli.manager.store.store import Store

log = logging.getLogger(__name__)
ENVIRONMENTS_BATCH = 100  # environments in one transaction


class EnvironmentMaker(GroupBatches):
    """Makes environments, in one worker process."""

    def make_next(self) -> bool:
        """Make environments that wait, all of one group; return whether there were any. Raises CfyError."""
        if maintenance_mode.is_on(self._app):
            return False
        with self._app.database.read() as session:
            waiting = group_queues.find_together(session, group_queues.MADE_TOGETHER, ENVIRONMENTS_BATCH, self._share())
            if not waiting:
                return False
            contexts = [self._context(execution) for execution in waiting]
            prepared = environment_batches.prepare(session, [each for each in contexts if _is_new(each)])
        refused = [each for each in contexts if each.execution.id not in prepared]
        if prepared:
            try:
                self._store(list(prepared.values()))
            except Exception as error:
                if isinstance(error, CfyError) and error.status >= 500:
                    raise
                log.warning("Environments are made one by one, because together they failed: %s", error)
                refused = contexts
        self._run_alone(refused)
        return True

    def _store(self, prepared: Sequence[Prepared]) -> None:
        """Make the environments, and complete their executions in the same transaction."""
        first = prepared[0].context
        begun = now()
        final = [row for each in prepared for row in each.events]
        by_id = {each.context.execution.id: each for each in prepared}
        with self._event_writer.draining(final) as batch, first.writing_own_rows() as store:
            chosen = self._lock(store, [each.context.execution for each in prepared])
            dropped = by_id.keys() - {execution.id for execution in chosen}
            events = [event for event in batch.events if event["execution_id"] not in dropped]
            replace(batch, events=events).store(store.unscoped)  # with those of others that were pending before
            if not chosen:
                return
            for execution in chosen:
                execution.worker, execution.started_at = self._worker, begun
                execution.status, execution.ended_at = ExecutionState.TERMINATED, now()
            with store.unscoped.no_autoflush:  # rows of these executions
                environment_batches.store_prepared(store, chosen, by_id)
                self._tell_group(store, chosen)
                group_queues.forget_empty(store.unscoped, {chosen[0].execution_group_id})  # their group
            store.after_commit(self._app.work_available.notify)
            store.after_commit(self._app.execution_ended.notify)

    def _tell_group(self, store: Store, chosen: Sequence[Execution]) -> None:
        group = select(ExecutionGroup).where(ExecutionGroup.id == chosen[0].execution_group_id)
        row = store.unscoped.scalars(group).one()  # of these executions
        if row.success_group_id:
            for execution in chosen:
                group_members.on_state_change(store, execution, ExecutionState.STARTED)
                group_members.on_state_change(store, execution, ExecutionState.TERMINATED)
            return
        group_members.store_events(store, chosen, (ExecutionState.STARTED, ExecutionState.TERMINATED))


def _is_new(context: ExecutionContext) -> bool:
    """Return whether nothing was done yet for the execution."""
    return context.execution.started_at is None
