"""Members of deployment groups: who they are, adding and removing them."""

from collections.abc import Collection, Iterable, Sequence
from itertools import accumulate

from sqlalchemy import Select, delete, func, or_, select, true
from sqlalchemy.orm.interfaces import ORMOption

from cfy_cli.contract.limits import active_limits
from cfy_cli.contract.states import Visibility
from cfy_cli.errors import Forbidden, NotFound
from cfy_cli.manager.services.deployments import label_sets
from cfy_cli.manager.store.bulk import BulkStatement, split
from cfy_cli.manager.store.models import Deployment, DeploymentGroup, DeploymentGroupMember
from cfy_cli.manager.store.models.deployment_groups import GroupName
from cfy_cli.manager.store.query import Condition
from cfy_cli.manager.store.row_locks import lock_rows
from cfy_cli.manager.store.scope import Scope
from cfy_cli.manager.store.store import Store

INSERT_MEMBER = BulkStatement.insert(DeploymentGroupMember)
MAX_NAMED = 20  # deployments in an error


def is_member(group: DeploymentGroup) -> Condition:
    """Match the deployments of a group."""
    return Deployment.storage_id.in_(_select_members(group))


def find_ids(store: Store, group: DeploymentGroup) -> Sequence[str]:
    """Return the ids of the deployments of a group that the user may see, in the order of their creation."""
    visible = store.visible(Deployment, all_tenants=True).where(is_member(group)).order_by(Deployment.storage_id)
    return store.unscoped.scalars(visible.with_only_columns(Deployment.id)).all()  # visible ones


def count_fitting(store: Store, groups: Sequence[DeploymentGroup]) -> int:
    """Return how many of the groups, in this order and at least one, have no more members than fit into a page."""
    counted = select(DeploymentGroupMember.group_storage_id, func.count()).group_by(
        DeploymentGroupMember.group_storage_id
    )
    counts: dict[int, int] = {}
    for some in split([group.storage_id for group in groups]):
        rows = store.unscoped.execute(counted.where(DeploymentGroupMember.group_storage_id.in_(some)))  # in scope
        counts.update((group_id, count) for group_id, count in rows)
    totals = accumulate(counts.get(group.storage_id, 0) for group in groups)
    return max(1, sum(total <= active_limits().group_members for total in totals))


def find_groups(scope: Scope, deployment: Deployment) -> list[str]:
    """Return the names of the groups that a deployment is in, as far as the user may see them."""
    if not deployment.is_in_groups:  # which was read with the deployment, and is so for most
        return []
    return [group.id for group in deployment.member_of if _is_visible(scope, group, deployment.tenant_name)]


def _is_visible(scope: Scope, group: GroupName, tenant: str) -> bool:
    if group.visibility == Visibility.GLOBAL or group.created_by == scope.user:
        return True
    if group.visibility == Visibility.TENANT:
        return scope.is_permitted_in(tenant)
    return scope.can_see_private if tenant == scope.tenant else scope.can_see_private_in(tenant)


def find_storage_ids(store: Store, group: DeploymentGroup) -> Sequence[int]:
    """Return the storage ids of all deployments of a group, whoever may see them."""
    return store.unscoped.scalars(_select_members(group)).all()  # of a group in scope


def find(store: Store, group: DeploymentGroup, options: Sequence[ORMOption] = ()) -> Sequence[Deployment]:
    """Return the deployments of a group that the user may see, in the order of their creation."""
    visible = store.visible(Deployment).where(is_member(group)).order_by(Deployment.storage_id)
    return store.unscoped.scalars(visible.options(*options)).unique().all()  # visible ones


def find_named(store: Store, ids: Collection[str]) -> Sequence[int]:
    """Return the storage ids of deployments of the tenant. Raises NotFound and Forbidden, with every wrong name."""
    found: dict[str, tuple[int, str]] = {}
    for some in split(list(dict.fromkeys(ids))):
        visible = store.visible(Deployment).where(Deployment.id.in_(some))
        rows = visible.with_only_columns(Deployment.id, Deployment.storage_id, Deployment.tenant_name)
        for deployment_id, storage_id, tenant in store.unscoped.execute(rows):  # visible ones
            if deployment_id not in found or tenant == store.scope.tenant:  # an own one hides a global one
                found[deployment_id] = (storage_id, tenant)
    missing = [deployment_id for deployment_id in ids if deployment_id not in found]
    if missing:
        raise NotFound(f"Requested `Deployment` with {_name(missing)} not found")
    foreign = [deployment_id for deployment_id in ids if found[deployment_id][1] != store.scope.tenant]
    if foreign:
        raise Forbidden(
            f"Deployments of other tenants cannot be in a group of tenant `{store.scope.tenant}`: {', '.join(foreign)}"
        )
    return [storage_id for storage_id, _ in found.values()]


def find_taken(store: Store, ids: Sequence[str], visibility: str) -> list[str]:
    """Return those of the ids that no new deployment of this visibility may have, whoever may see who has them."""
    in_tenant = or_(Deployment.tenant_name == store.scope.tenant, Deployment.visibility == Visibility.GLOBAL)
    in_tenant = true() if visibility == Visibility.GLOBAL else in_tenant
    found = (select(Deployment.id).where(Deployment.id.in_(some), in_tenant) for some in split(ids))
    return [taken for query in found for taken in store.unscoped.scalars(query)]  # private ones too


def find_matching(store: Store, *conditions: Condition) -> Sequence[int]:
    """Return the storage ids of the deployments of the tenant that the user may see and that match."""
    own = store.visible(Deployment).where(Deployment.tenant_name == store.scope.tenant, *conditions)
    ids = own.with_only_columns(Deployment.storage_id).order_by(Deployment.storage_id)
    return store.unscoped.scalars(ids).all()  # visible ones


def add(store: Store, group: DeploymentGroup, storage_ids: Iterable[int]) -> None:
    """Add deployments to a group, and give them its labels. Those that are in it already stay."""
    lock_rows(store.unscoped, [group], ("labels",))  # a group in scope
    given = list(dict.fromkeys(storage_ids))
    present: set[int] = set()
    for some in split(given):
        known = _select_members(group).where(DeploymentGroupMember.deployment_storage_id.in_(some))
        present.update(store.unscoped.scalars(known))  # of a group in scope
    new = [storage_id for storage_id in given if storage_id not in present]
    if not new:
        return
    rows = [{"group_storage_id": group.storage_id, "deployment_storage_id": storage_id} for storage_id in new]
    INSERT_MEMBER.execute(store.unscoped.connection(), rows)  # of a group in scope
    label_sets.add(store, new, [(label.key, label.value) for label in group.labels])
    store.record_update(group)


def add_new(store: Store, group: DeploymentGroup, storage_ids: Iterable[int]) -> None:
    """Add deployments that are new in this transaction, and have the labels of the group already."""
    rows = [{"group_storage_id": group.storage_id, "deployment_storage_id": each} for each in storage_ids]
    INSERT_MEMBER.execute(store.unscoped.connection(), rows)  # of a group in scope
    store.record_update(group)


def remove(store: Store, group: DeploymentGroup, storage_ids: Iterable[int] | None = None) -> None:
    """Remove deployments from a group, by default all. Those that are not in it are ignored.

    They lose the labels that they have from this group alone.
    """
    lock_rows(store.unscoped, [group], ("labels",))  # a group in scope
    leaving = set(find_storage_ids(store, group))
    if storage_ids is not None:
        leaving &= set(storage_ids)
    own = delete(DeploymentGroupMember).where(DeploymentGroupMember.group_storage_id == group.storage_id)
    for some in split(sorted(leaving)):
        theirs = own.where(DeploymentGroupMember.deployment_storage_id.in_(some))
        store.unscoped.execute(theirs)  # of a group in scope
    label_sets.remove(store, sorted(leaving), [(label.key, label.value) for label in group.labels], own=False)
    store.record_update(group)


def replace(store: Store, group: DeploymentGroup, storage_ids: Collection[int]) -> None:
    """Make these deployments the only ones of a group."""
    remove(store, group, set(find_storage_ids(store, group)).difference(storage_ids))
    add(store, group, storage_ids)


def _select_members(group: DeploymentGroup) -> Select[int]:
    return select(DeploymentGroupMember.deployment_storage_id).where(
        DeploymentGroupMember.group_storage_id == group.storage_id
    )


def _name(ids: Sequence[str]) -> str:
    """Return how an error names deployments, as their beginning and number if there are many."""
    if len(ids) == 1:
        return f"ID `{ids[0]}` was"
    more = f" and {len(ids) - MAX_NAMED} more" if len(ids) > MAX_NAMED else ""
    return f"IDs {', '.join(f'`{each}`' for each in ids[:MAX_NAMED])}{more} were"
