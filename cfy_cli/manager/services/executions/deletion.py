"""Deletion of executions that have ended, with their events, logs and tasks graphs."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import ColumnElement, delete, exists, select, true, update

from cfy_cli.contract.states import ENDED
from cfy_cli.errors import Invalid
from cfy_cli.manager.store.listing import Listing
from cfy_cli.manager.store.models import Deployment, Event, Execution
from cfy_cli.manager.store.query import Condition, apply_filters
from cfy_cli.manager.store.store import Store

EXECUTIONS_BATCH = 50  # executions deleted in one transaction, so that others can write in between
EVENTS_BATCH = 5000  # events deleted in one transaction
CREATES_A_DEPLOYMENT = exists().where(
    Deployment.storage_id == Execution.deployment_storage_id, Deployment.create_execution == Execution.id
)


class OpenStore(Protocol):
    """Open a write transaction in the scope of the request."""

    def __call__(self) -> AbstractContextManager[Store]: ...


def choose(
    store: Store, listing: Listing, where: Sequence[Condition], *, until: str | None, keep_last: int
) -> list[int]:
    """Return the storage ids of the executions to delete, the oldest first.

    Those are the ones that a list would give and that have ended, but for the newest `keep_last`, and the one that
    created a deployment that exists. Raises Invalid when the filters ask for executions that have not ended.
    """
    running = [status for status in listing.filters.get("status", ()) if status not in ENDED]
    if running:
        ended = ", ".join(sorted(ENDED))
        raise Invalid(f"Can't filter by execution status `{running[0]}`. Allowed statuses are: {ended}")
    ended_before = Execution.created_at <= until if until else true()
    visible = store.visible(Execution, all_tenants=listing.all_tenants)
    found = visible.where(*where, _is_permitted(store, listing), Execution.status.in_(ENDED), ended_before)
    newest = apply_filters(found, Execution, listing).order_by(Execution.created_at.desc(), Execution.storage_id.desc())
    columns = newest.with_only_columns(Execution.storage_id, CREATES_A_DEPLOYMENT)
    rows = store.unscoped.execute(columns.offset(keep_last)).all()  # of visible rows
    return [storage_id for storage_id, creates_a_deployment in reversed(rows) if not creates_a_deployment]


def _is_permitted(store: Store, listing: Listing) -> ColumnElement[bool]:
    """Match executions of tenants in which the user may delete; global ones of others are only read."""
    if not listing.all_tenants:
        return Execution.tenant_name == store.scope.tenant
    return true() if store.scope.tenants is None else Execution.tenant_name.in_(store.scope.tenants)


def delete_all(open_store: OpenStore, storage_ids: Sequence[int]) -> int:
    """Delete executions, in several transactions, unless they were resumed meanwhile; return their number.

    Their events go first: what an interruption leaves is an execution, which the next deletion finds.
    """
    count = 0
    for start in range(0, len(storage_ids), EXECUTIONS_BATCH):
        batch = storage_ids[start : start + EXECUTIONS_BATCH]
        has_more = True
        while has_more:
            with open_store() as store:
                has_more = _delete_events(store, batch)
                if not has_more:
                    count += _delete_batch(store, batch)
    return count


def _delete_batch(store: Store, storage_ids: Sequence[int]) -> int:
    """Delete executions with their graphs and operations; return the number of those that were deleted."""
    session = store.unscoped  # of executions that were chosen in scope
    chosen = delete(Execution).where(Execution.storage_id.in_(storage_ids), Execution.status.in_(ENDED))
    execution_options = {"synchronize_session": False}
    ids = session.scalars(chosen.returning(Execution.id), execution_options=execution_options).all()
    remaining = select(Execution.id).where(Execution.deployment_storage_id == Deployment.storage_id)
    newest = remaining.order_by(Execution.created_at.desc(), Execution.storage_id.desc()).limit(1)
    latest = update(Deployment).where(Deployment.latest_execution.in_(ids))
    session.execute(latest.values(latest_execution=newest.scalar_subquery()), execution_options=execution_options)
    return len(ids)


def _delete_events(store: Store, storage_ids: Sequence[int]) -> bool:
    """Delete some events and logs of those executions that have ended; return whether there may be more."""
    ended = select(Execution.id).where(Execution.storage_id.in_(storage_ids), Execution.status.in_(ENDED))
    some = select(Event.storage_id).where(Event.execution_id.in_(ended)).limit(EVENTS_BATCH).scalar_subquery()
    connection = store.unscoped.connection()  # of executions that were chosen in scope
    return connection.execute(delete(Event).where(Event.storage_id.in_(some))).rowcount == EVENTS_BATCH
