"""Deletion of the deployments of a group: many in one transaction.

Their executions, which go with them, never run, so nothing is half-done after a crash. Deployments with others inside
are deleted alone, as any other deployment.
"""

import logging
from collections.abc import Sequence

from sqlalchemy import select

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.states import ExecutionState
from cfy_cli.errors import CfyError
from cfy_cli.manager.services import maintenance_mode
from cfy_cli.manager.services.agents import queues
from cfy_cli.manager.services.deployments import deployments
from cfy_cli.manager.services.events import events
from cfy_cli.manager.services.execution_groups import group_queues
from cfy_cli.manager.services.executions import group_members
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext
from cfy_cli.manager.services.worker.group_batches import GroupBatches
from cfy_cli.manager.store.models import Deployment

log = logging.getLogger(__name__)
DELETIONS_BATCH = 100  # deployments in one transaction
NAME = group_queues.DELETED_TOGETHER


class DeploymentDeleter(GroupBatches):
    """Deletes deployments of groups, in one worker process."""

    def delete_next(self) -> bool:
        """Delete deployments that wait for it, all of one group; return whether there were any. Raises CfyError."""
        if maintenance_mode.is_on(self._app):
            return False
        with self._app.database.read() as session:
            waiting = group_queues.find_together(session, NAME, DELETIONS_BATCH, self._share())
        contexts = [self._context(execution) for execution in waiting]
        fresh = [each for each in contexts if each.execution.started_at is None]
        together = [each for each in fresh if _describe_request(each) == _describe_request(fresh[0])]
        alone = [each for each in contexts if each not in together]
        try:
            self._delete(together)
        except Exception as error:
            if isinstance(error, CfyError) and error.status >= 500:
                raise
            log.warning("Deployments are deleted one by one, because together they failed: %s", error)
            alone = contexts
        self._run_alone(alone)
        return bool(contexts)

    def _delete(self, contexts: Sequence[ExecutionContext]) -> None:
        """Delete the deployments of executions that have the same user and parameters."""
        if not contexts:
            return
        first = contexts[0]
        with first.writing_own_rows() as store:
            chosen = self._lock(store, [each.execution for each in contexts], ~group_queues.HAS_CHILDREN)
            storage_ids = [execution.deployment_storage_id or 0 for execution in chosen]
            if not chosen:
                return
            of_user = first.as_user(store, first.permission)
            locked = select(Deployment).where(Deployment.storage_id.in_(storage_ids)).options(*deployments.SLIM)
            in_order = locked.order_by(Deployment.storage_id).with_for_update()
            rows = store.unscoped.scalars(in_order).all()  # the deployments of the executions
            if first.parameters.get("delete_logs"):
                events.delete_of_deployments(of_user, storage_ids)
            queues.delete_with_deployments(self._app, of_user, storage_ids)
            deployments.delete_many(of_user, rows)
            group_members.store_events(store, chosen, (ExecutionState.STARTED, ExecutionState.TERMINATED))
            group_queues.forget_empty(store.unscoped, {chosen[0].execution_group_id})  # of these executions
            store.after_commit(self._app.work_available.notify)
            store.after_commit(self._app.execution_ended.notify)


def _describe_request(context: ExecutionContext) -> tuple[int | None, JsonObject]:
    """Return what executions have in common whose deployments are deleted together."""
    execution = context.execution
    return execution.acts_for_storage_id, execution.parameters
