"""The status of many deployments at once, as it follows from executions of a group."""

from collections.abc import Mapping

from sqlalchemy import bindparam, update

from cfy_cli.manager.services.deployments import tree
from cfy_cli.manager.store.bulk import BulkStatement
from cfy_cli.manager.store.models import Deployment
from cfy_cli.manager.store.store import Store

_deployments = Deployment.__table__
SET_STARTED = BulkStatement(
    update(Deployment)
    .where(_deployments.c.storage_id == bindparam("deployment"))
    .values(latest_execution=bindparam("execution_id"), deployment_status=bindparam("status"))
)
SET_CANCELLED = BulkStatement(
    update(Deployment)
    .where(
        _deployments.c.storage_id == bindparam("deployment"),
        _deployments.c.latest_execution == bindparam("execution_id"),
    )
    .values(deployment_status=bindparam("status"))
)


def mark_started(store: Store, execution_ids: Mapping[int, str]) -> None:
    """Store that executions of deployments, given by storage ids, were started or wait."""
    _change(store, SET_STARTED, execution_ids, tree.IN_PROGRESS)


def mark_cancelled(store: Store, execution_ids: Mapping[int, str]) -> None:
    """Store that executions of deployments were cancelled before they ran, where no later one has started."""
    _change(store, SET_CANCELLED, execution_ids, tree.REQUIRES_ATTENTION)


def _change(store: Store, statement: BulkStatement, execution_ids: Mapping[int, str], status: str) -> None:
    session = store.unscoped  # deployments that the caller may use, and those above them of any user
    session.flush()
    rows = [
        {"deployment": each, "execution_id": execution_ids[each], "status": status} for each in sorted(execution_ids)
    ]
    statement.execute(session.connection(), rows)
    tree.refresh(session, tree.find_parents_of_all(session, list(execution_ids)))
