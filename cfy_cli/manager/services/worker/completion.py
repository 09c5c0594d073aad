"""Completion of executions: storing the result, and its effects on the deployment and on queued executions."""

from collections.abc import Callable, Sequence

from sqlalchemy import bindparam, select, update

from cfy_cli.contract.json_values import sanitize_text
from cfy_cli.contract.states import ENDED
from cfy_cli.contract.timestamps import now
from cfy_cli.manager.engine.ports import ExecutionEvent, WorkflowResult
from cfy_cli.manager.services.deployments import deployments
from cfy_cli.manager.services.executions import executions, group_members, queue
from cfy_cli.manager.services.executions.executions import CREATE_ENVIRONMENT
from cfy_cli.manager.services.executions.group_members import StateChange
from cfy_cli.manager.services.runtime.batch import INSERT_EVENT, EventRow
from cfy_cli.manager.services.runtime.db_retry import retry_until_available
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext, StoreResult
from cfy_cli.manager.services.runtime.shared_writes import Progress, Write
from cfy_cli.manager.store.advisory_locks import Lock, LockKey
from cfy_cli.manager.store.bulk import BulkStatement
from cfy_cli.manager.store.compiled_query import CompiledQuery
from cfy_cli.manager.store.list_parameters import is_among
from cfy_cli.manager.store.models import Execution
from cfy_cli.manager.store.query import column, is_one_of
from cfy_cli.manager.store.store import Store

LOCKS = (Lock(LockKey.EVENTS),)  # alone: it may delete what others write events of
IS_OWN = is_among(column(Execution, "id"), "ids")  # a restored snapshot gives its row another storage id
SET_RESULT = CompiledQuery(
    update(Execution)
    # A row may be deleted in the same transaction, which then changes nothing. A client may have set its end.
    .where(IS_OWN, ~is_one_of(column(Execution, "status"), *ENDED))
    .values(status=bindparam("new_status"), error=bindparam("new_error"), ended_at=bindparam("end_time"))
    .returning(Execution.id)
)
SET_PROGRESS = BulkStatement(
    update(Execution)
    .where(Execution.id == bindparam("own"))
    .values(total_operations=bindparam("total"), finished_operations=bindparam("finished"))
)
STILL_EXIST = select(Execution.id).where(IS_OWN)


def complete_execution(
    context: ExecutionContext,
    result: WorkflowResult,
    *,
    progress: Progress | None = None,
    store_result: StoreResult | None = None,
    change_rows: Callable[[Store], None] | None = None,
    final_events: Sequence[ExecutionEvent] = (),
) -> None:
    """Store the changes of `store_result`, all events, the `final_events` and the result in one transaction.

    The `progress` is stored with it, where it is given. `change_rows` makes the changes of an execution that has no
    deployment. Executions that delete or replace no rows share the transaction with others that end at the same time.

    So a reader that sees the execution ended sees everything else too, and a crash before leaves nothing half done.
    """
    rows = [context.event_row(event) for event in final_events]

    def change_deployment(store: Store) -> None:
        deployment = executions.find_deployment(store, context.execution)
        if store_result is not None and deployment is not None:
            store_result(context.as_user(store, context.permission), deployment)

    change = None if store_result is None else change_deployment

    def store() -> None:
        write = Write(context, result, progress, change, rows, _store_ends)
        only_adds = store_result is None or context.execution.workflow_id == CREATE_ENVIRONMENT
        if only_adds and change_rows is None:
            context.shared_writes.run(write)
            return
        with context.event_writer.draining(rows) as batch, context.writing_own_rows(LOCKS, check_claim=False) as store:
            context.check_claim(store)
            if change is not None:
                change(store)
            if change_rows is not None:
                change_rows(store)
            batch.store_changes(store.unscoped)  # rows of this execution and its deployment
            further = _store_ends(store, [write])
            # of this execution and its group
            INSERT_EVENT.execute(store.unscoped.connection(), [*batch.events, *further])

    try:
        retry_until_available(context.stopping, store)
    except Exception:  # a refused change, perhaps: `flush` stores all others, then the next try stores the end
        retry_until_available(context.stopping, context.event_writer.flush)
        retry_until_available(context.stopping, store)


def _store_ends(store: Store, writes: Sequence[Write]) -> list[EventRow]:
    """Store the results of executions, and their effects on groups, deployments and queued executions.

    Returns the events of the groups, which the caller stores.
    """
    app, own = writes[0].context.app, [write.context.execution for write in writes]
    with store.unscoped.no_autoflush:  # write a deployment once, with all its changes
        changes, existing = _set_results(store, writes)
        events = group_members.add_to_targets(store, changes)
        if any(execution.execution_group_id is not None for execution in own):
            store.after_commit(app.work_available.notify)
        if existing:
            if _release_followers(store, existing):
                store.after_commit(app.work_available.notify)
            of_deployments = {write.context.execution.deployment_storage_id for write in existing}
            store.acquire_lock(LockKey.EVENT_IDS)  # what follows from other deployments is read after their ends
            deployments.refresh_own_statuses(store, [each for each in of_deployments if each is not None])
            store.after_commit(app.execution_ended.notify)
    executions.refresh_above(store, own)
    return events


def _set_results(store: Store, writes: Sequence[Write]) -> tuple[list[StateChange], list[Write]]:
    """Return the changes of state, without ends that clients have set, and the writes of executions that still exist.

    That of a deployment's deletion does not exist any more.
    """
    connection = store.unscoped.connection()  # the rows of the executions
    changes, by_result = list[StateChange](), dict[tuple[str, str], list[str]]()
    for write in writes:
        execution, state = write.context.execution, write.result.state
        error = sanitize_text(write.context.masking.mask(write.result.error))
        changes.append(StateChange(execution, state, error))
        by_result.setdefault((state, error), []).append(execution.id)
    rows = [(write.context.execution.id, write.progress) for write in writes]
    SET_PROGRESS.execute(connection, [{"own": own, **progress._asdict()} for own, progress in rows if progress])
    changed, end_time = set[str](), now()
    for (new_status, new_error), ids in by_result.items():
        values = {"ids": ids, "new_status": new_status, "new_error": new_error, "end_time": end_time}
        changed.update(execution_id for (execution_id,) in SET_RESULT.fetch(connection, values))
    others = [each.execution.id for each in changes if each.execution.id not in changed]
    ended_before = set(connection.scalars(STILL_EXIST, {"ids": others})) if others else set()
    return (
        [each for each in changes if each.execution.id not in ended_before],
        [write for write in writes if write.context.execution.id in changed | ended_before],
    )


def _release_followers(store: Store, ended: Sequence[Write]) -> bool:
    """Store what executions were about, and release what has waited for them; return whether anything may start."""
    anything, followed = queue.find_followed(store, [write.context.execution for write in ended])
    for write in ended:
        execution, own = write.context.execution, write.context.in_transaction(store)
        own.record_update(execution)
        executions.store_outcome(own, execution)
        if execution in followed:
            queue.release_next(own, execution)
    return anything
