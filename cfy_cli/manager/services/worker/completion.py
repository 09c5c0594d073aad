"""How an execution's end is stored, and what it means for others."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, update

from cfy_cli.contract.timestamps import now
from cfy_cli.manager.engine.context.storable import sanitize_text
from cfy_cli.manager.engine.ports import ExecutionEvent, WorkflowResult
from cfy_cli.manager.services.deployments import deployments
from cfy_cli.manager.services.executions import executions
from cfy_cli.manager.services.runtime.db_retry import retry_until_available
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext, OnCompletion
from cfy_cli.manager.store.advisory_locks import LockKey
from cfy_cli.manager.store.models import Deployment, Execution
from cfy_cli.manager.store.store import Store

END = (
    update(Execution)
    .where(Execution.id == bindparam("ended"))  # not by its number: it may have deleted itself
    .values(status=bindparam("state"), error=bindparam("reason"), ended_at=bindparam("moment"))
)


def complete_execution(
    context: ExecutionContext,
    ending: WorkflowResult,
    *,
    finish: OnCompletion | None = None,
    last: Sequence[ExecutionEvent] = (),
) -> None:
    """Store what `finish` makes, all that was told, the `last` of it and the end, all at once.

    So whoever sees it ended finds everything else too, and a death before it leaves nothing half made.
    """

    def store() -> None:
        lines = [context.line(event) for event in last]
        with context.history.storing(lines) as batch, context.app.writing(context.scope) as opened:
            opened.acquire_lock(LockKey.EVENTS)
            deployment = _deployment_of(opened, context.execution)
            if finish is not None and deployment is not None:
                finish(opened, deployment)
            batch.store(opened.unscoped)
            with opened.unscoped.no_autoflush:  # the deployment is written once, with all that is told of it
                _end(context, opened, ending)

    try:
        retry_until_available(context.stopping, store)
    except Exception:  # perhaps one line is refused: then all others are stored, and the end with the next try
        retry_until_available(context.stopping, context.history.flush)
        retry_until_available(context.stopping, store)


def on_completed(store: Store, execution: Execution) -> bool:
    """What an end means for others: who waits in the queue, and what is told of the deployment.

    Whether any of those who waited may start now.
    """
    may_start = executions.release_next(store, execution)
    deployment = _deployment_of(store, execution)
    if deployment is not None:
        deployments.refresh_status(store, deployment)
    return may_start


def _deployment_of(store: Store, execution: Execution) -> Deployment | None:
    return store.unscoped.get(Deployment, execution.deployment_storage_id or 0, options=deployments.SLIM)


def _end(context: ExecutionContext, store: Store, ending: WorkflowResult) -> None:
    values: dict[str, Any] = {
        "ended": context.execution.id,
        "state": ending.state,
        "reason": sanitize_text(context.masking.masked(ending.error)),
        "moment": now(),
    }
    if store.unscoped.connection().execute(END, values).rowcount:
        if on_completed(store, context.execution):
            store.after_commit(context.app.work_available.notify)
        store.after_commit(context.app.execution_ended.notify)
