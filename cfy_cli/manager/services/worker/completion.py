"""Completion of executions: storing the result, and its effects on the deployment and on queued executions."""

from collections.abc import Callable, Sequence

from sqlalchemy import bindparam, select, update

from cfy_cli.contract.json_values import sanitize_text
from cfy_cli.contract.states import ENDED
from cfy_cli.contract.timestamps import now
from cfy_cli.manager.engine.ports import ExecutionEvent, WorkflowResult
from cfy_cli.manager.services.executions import executions, group_members
from cfy_cli.manager.services.executions.executions import CREATE_ENVIRONMENT
from cfy_cli.manager.services.runtime.db_retry import retry_until_available
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext, StoreResult
from cfy_cli.manager.services.runtime.shared_writes import Write
from cfy_cli.manager.store.advisory_locks import LockKey
from cfy_cli.manager.store.models import Execution
from cfy_cli.manager.store.store import Store

SET_RESULT = (
    update(Execution)
    # By id: the row may be deleted in the same transaction, which then changes nothing. A client may have set its end.
    .where(Execution.id == bindparam("execution_id"), Execution.status.not_in(ENDED))
    .values(status=bindparam("new_status"), error=bindparam("new_error"), ended_at=bindparam("end_time"))
)
STILL_EXISTS = select(Execution.storage_id).where(Execution.id == bindparam("execution_id"))


def complete_execution(
    context: ExecutionContext,
    result: WorkflowResult,
    *,
    store_result: StoreResult | None = None,
    change_rows: Callable[[Store], None] | None = None,
    final_events: Sequence[ExecutionEvent] = (),
) -> None:
    """Store the changes of `store_result`, all events, the `final_events` and the result in one transaction.

    `change_rows` makes the changes of an execution that has no deployment. Executions that delete or replace no rows
    share the transaction with others that end at the same time.

    So a reader that sees the execution ended sees everything else too, and a crash before leaves nothing half done.
    """
    rows = [context.event_row(event) for event in final_events]

    def store_end(store: Store) -> None:
        with store.unscoped.no_autoflush:  # write the deployment once, with all its changes
            _store_end(context, store, result)

    def apply_result(store: Store) -> None:
        deployment = executions.find_deployment(store, context.execution)
        if store_result is not None and deployment is not None:
            store_result(context.as_user(store, context.permission), deployment)

    def store_together(store: Store) -> None:
        if store_result is not None:
            apply_result(store)
        store_end(store)

    def store() -> None:
        only_adds = store_result is None or context.execution.workflow_id == CREATE_ENVIRONMENT
        if only_adds and change_rows is None:
            context.shared_writes.run(Write(context, store_together, rows, executions.refresh_above))
            return
        with context.event_writer.draining(rows) as batch, context.writing_own_rows() as store:
            store.acquire_lock(LockKey.EVENTS)
            apply_result(store)
            if change_rows is not None:
                change_rows(store)
            batch.store(store.unscoped)  # rows of this execution and its deployment
            store_end(store)
            executions.refresh_above(store, [context.execution])

    try:
        retry_until_available(context.stopping, store)
    except Exception:  # a refused change, perhaps: `flush` stores all others, then the next try stores the end
        retry_until_available(context.stopping, context.event_writer.flush)
        retry_until_available(context.stopping, store)


def _store_end(context: ExecutionContext, store: Store, result: WorkflowResult) -> None:
    parameters = {
        "execution_id": context.execution.id,
        "new_status": result.state,
        "new_error": sanitize_text(context.masking.mask(result.error)),
        "end_time": now(),
    }
    connection = store.unscoped.connection()  # the row of this execution
    is_set = connection.execute(SET_RESULT, parameters).rowcount == 1
    exists = is_set or connection.scalar(STILL_EXISTS, parameters) is not None
    if is_set or not exists:  # else a client has set its end
        group_members.on_state_change(store, context.execution, result.state, parameters["new_error"])
    if context.execution.execution_group_id is not None:
        store.after_commit(context.app.work_available.notify)
    if exists:
        store.record_update(context.execution)
        if executions.on_ended(store, context.execution):
            store.after_commit(context.app.work_available.notify)
        store.after_commit(context.app.execution_ended.notify)
