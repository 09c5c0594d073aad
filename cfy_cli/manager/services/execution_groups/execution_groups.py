"""Execution groups: their executions and status, and changes of the groups."""

from collections.abc import Collection, Sequence
from itertools import accumulate

from sqlalchemy import func, select

from cfy_cli.contract.states import ExecutionState
from cfy_cli.errors import Forbidden
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.deployment_groups import groups, members
from cfy_cli.manager.services.execution_groups import actions
from cfy_cli.manager.store.bulk import split
from cfy_cli.manager.store.models import DeploymentGroup, Execution, ExecutionGroup
from cfy_cli.manager.store.query import Condition
from cfy_cli.manager.store.store import Store

MAX_LISTED_EXECUTIONS = 100_000  # whose ids are in one page of groups


def find_statuses(store: Store, group_ids: Collection[str]) -> dict[str, str | None]:
    """Return the statuses of groups by their ids."""
    found: dict[str, str | None] = {}
    for some in split(list(group_ids)):
        columns = select(ExecutionGroup.id, ExecutionGroup.status).where(ExecutionGroup.id.in_(some))
        found.update((group_id, status) for group_id, status in store.unscoped.execute(columns))  # in scope
    return found


def find_execution_ids(store: Store, group_ids: Collection[str]) -> dict[str, list[str]]:
    """Return the ids of the executions of groups that the user may see, in the order in which they start."""
    found: dict[str, list[str]] = {group_id: [] for group_id in group_ids}
    for some in split(list(found)):
        visible = store.visible(Execution, all_tenants=True).where(Execution.execution_group_id.in_(some))
        columns = visible.with_only_columns(Execution.execution_group_id, Execution.id).order_by(Execution.storage_id)
        for group_id, execution_id in store.unscoped.execute(columns):  # visible ones
            found[str(group_id)].append(execution_id)
    return found


def count_fitting(store: Store, group_ids: Sequence[str]) -> int:
    """Return how many of the groups, in this order and at least one, have no more executions than fit into a page."""
    counted = select(Execution.execution_group_id, func.count()).group_by(Execution.execution_group_id)
    counts: dict[str, int] = {}
    for some in split(group_ids):
        rows = store.unscoped.execute(counted.where(Execution.execution_group_id.in_(some)))  # of groups in scope
        counts.update((str(group_id), count) for group_id, count in rows)
    totals = accumulate(counts.get(group_id, 0) for group_id in group_ids)
    return max(1, sum(total <= MAX_LISTED_EXECUTIONS for total in totals))


def is_of_group(store: Store, group_id: str) -> Condition:
    """Match the executions of a group. Raises NotFound."""
    return Execution.execution_group_id == store.get(ExecutionGroup, group_id).id


def update_group(
    app: AppContext,
    store: Store,
    group_id: str,
    *,
    concurrency: int | None = None,
    success_group_id: str | None = None,
    failure_group_id: str | None = None,
) -> ExecutionGroup:
    """Change what is given. Deployments whose executions have ended join the target groups at once.

    Raises NotFound for a deployment group.
    """
    group = store.get_permitted(ExecutionGroup, group_id)
    store = store.in_tenant(group.tenant_name)
    if concurrency is not None:
        group.concurrency = concurrency
        store.flush()
        if concurrency == 0:
            actions.release_others(store, group)
        store.after_commit(app.work_available.notify)
    if success_group_id is not None:
        target = _add_ended(store, group, success_group_id, ExecutionState.TERMINATED)
        group.success_group_id, group.success_group_storage_id = target.id, target.storage_id
    if failure_group_id is not None:
        target = _add_ended(store, group, failure_group_id, ExecutionState.FAILED)
        group.failure_group_id, group.failure_group_storage_id = target.id, target.storage_id
    return group


def _add_ended(store: Store, group: ExecutionGroup, name: str, state: ExecutionState) -> DeploymentGroup:
    """Add the deployments whose executions have ended in a state to a deployment group; return that.

    Those that the user may not see are left alone.
    """
    if not store.scope.has_permission(groups.UPDATE):
        raise Forbidden(f"The permission `{groups.UPDATE}` is required to let deployments join the group `{name}`")
    target = store.get_own(DeploymentGroup, name)
    ended = store.visible(Execution).where(
        Execution.execution_group_id == group.id,
        Execution.status == state,
        Execution.deployment_storage_id.is_not(None),
    )
    columns = ended.with_only_columns(Execution.deployment_storage_id).order_by(Execution.storage_id)
    storage_ids = store.unscoped.scalars(columns).all()  # of visible ones
    members.add(store, target, [each for each in storage_ids if each is not None])
    return target
