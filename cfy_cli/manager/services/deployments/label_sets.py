"""Labels that many deployments get or lose together."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import and_, delete, exists, insert, literal, or_, select, update

from cfy_cli.contract.labels import OBJECT_TYPE, normalize
from cfy_cli.contract.limits import active_limits
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import Conflict, ErrorCode, NotFound
from cfy_cli.manager.services import labels
from cfy_cli.manager.services.deployments import deployments, tree
from cfy_cli.manager.services.labels import PARENT, Pair
from cfy_cli.manager.store.bulk import BulkStatement, split
from cfy_cli.manager.store.models import Deployment, DeploymentGroupLabel, DeploymentGroupMember, DeploymentLabel
from cfy_cli.manager.store.row_locks import lock_ids
from cfy_cli.manager.store.store import Store

INSERT_LABEL = BulkStatement.insert(DeploymentLabel)
LABELS = "The labels of all deployments together"  # that one request may have so many of
# That a group of its deployment has a label too.
GIVEN = exists().where(
    DeploymentGroupMember.deployment_storage_id == DeploymentLabel.deployment_storage_id,
    DeploymentGroupLabel.group_storage_id == DeploymentGroupMember.group_storage_id,
    DeploymentGroupLabel.key == DeploymentLabel.key,
    DeploymentGroupLabel.value == DeploymentLabel.value,
)
SHAPING = (PARENT, OBJECT_TYPE)  # keys of labels that the summaries of parents depend on


def add(store: Store, storage_ids: Sequence[int], pairs: Collection[Pair]) -> None:
    """Give the labels of a group to those of the deployments that do not have them.

    Raises Invalid for what cannot be a label, NotFound for an unknown parent, and Conflict for one inside a deployment.
    """
    pairs = list(dict.fromkeys(normalize(key, value) for key, value in pairs))
    labels.check(pairs)
    if not pairs or not storage_ids:
        return
    active_limits().check("group_labels", len(pairs) * len(storage_ids), LABELS)
    _check_parents(store, storage_ids, [value for key, value in pairs if key == PARENT])
    lock_ids(store.unscoped, Deployment, storage_ids)  # members of a group in scope
    for some in split(storage_ids):
        for key, value in pairs:
            _insert(store, some, key, value)
        _record(store, some)
    _update_parents(store, storage_ids, pairs)


def set_new(
    store: Store, new: Sequence[Deployment], pairs: Sequence[Sequence[Pair]], of_group: Sequence[Pair] = ()
) -> None:
    """Give new deployments, which nothing is inside, labels of their own and those of their group.

    All are checked but for their parents. Raises NotFound.
    """
    created_at, created_by = now(), store.scope.user
    given = dict.fromkeys((normalize(key, value) for key, value in of_group), True)
    rows = [
        {
            "deployment_storage_id": deployment.storage_id,
            "key": key,
            "value": value,
            "created_at": created_at,
            "created_by": created_by,
            "is_of_groups": is_of_groups,
        }
        for deployment, each in zip(new, pairs, strict=True)
        for (key, value), is_of_groups in _own_first(each, given).items()
    ]
    if not rows:
        return
    active_limits().check("group_labels", sum(not row["is_of_groups"] for row in rows), LABELS)
    active_limits().check("group_labels", len(given) * len(new), LABELS)
    parent_ids = [str(row["value"]) for row in rows if row["key"] == PARENT]
    storage_ids = [deployment.storage_id for deployment in new]
    _check_parents(store, storage_ids, dict.fromkeys(parent_ids))
    INSERT_LABEL.execute(store.unscoped.connection(), rows)  # of deployments in scope
    if parent_ids:
        deployments.update_parents(store, _find_parents(store, storage_ids))


def _own_first(own: Iterable[Pair], given: Mapping[Pair, bool]) -> dict[Pair, bool]:
    """Return the labels of a deployment, and whether each is from its group alone."""
    pairs = dict.fromkeys((normalize(key, value) for key, value in own), False)
    return {**pairs, **{pair: True for pair in given if pair not in pairs}}


def remove(store: Store, storage_ids: Sequence[int], pairs: Collection[Pair], *, own: bool) -> None:
    """Take labels from those of the deployments whose groups do not give them; `own` also takes what others have set.

    The group that gave them has lost the labels or the deployments before.
    """
    if not pairs or not storage_ids:
        return
    lock_ids(store.unscoped, Deployment, storage_ids)  # members of a group in scope
    former = _find_parents(store, storage_ids) if any(key in SHAPING for key, _ in pairs) else []
    is_one = or_(*(and_(DeploymentLabel.key == key, DeploymentLabel.value == value) for key, value in pairs))
    goes = [is_one, ~GIVEN] if own else [is_one, ~GIVEN, DeploymentLabel.is_of_groups]
    for some in split(storage_ids):
        is_theirs = DeploymentLabel.deployment_storage_id.in_(some)
        store.unscoped.execute(delete(DeploymentLabel).where(is_theirs, *goes))  # of the same deployments
        _record(store, some)
    deployments.update_parents(store, former)


def _insert(store: Store, storage_ids: Sequence[int], key: str, value: str) -> None:
    has_label = exists().where(
        DeploymentLabel.deployment_storage_id == Deployment.storage_id,
        DeploymentLabel.key == key,
        DeploymentLabel.value == value,
    )
    columns = ["deployment_storage_id", "key", "value", "created_at", "created_by", "is_of_groups"]
    values = (literal(value) for value in (key, value, now(), store.scope.user, True))
    rows = select(Deployment.storage_id, *values).where(Deployment.storage_id.in_(storage_ids), ~has_label)
    connection = store.unscoped.connection()  # of the same deployments
    connection.execute(insert(DeploymentLabel).from_select(columns, rows, include_defaults=False))


def _record(store: Store, storage_ids: Sequence[int]) -> None:
    """Store when the deployments were changed, which the audit log records too."""
    changed = update(Deployment).where(Deployment.storage_id.in_(storage_ids)).values(updated_at=now())
    store.unscoped.execute(changed, execution_options={"synchronize_session": False})  # of the same deployments


def _check_parents(store: Store, storage_ids: Sequence[int], parent_ids: Collection[str]) -> None:
    parents: dict[str, Deployment] = {}
    for some in split(list(parent_ids)):
        visible = store.visible(Deployment).where(Deployment.id.in_(some))
        rows = store.unscoped.scalars(visible).unique()  # visible ones
        # One of the tenant hides a global one of the same name.
        parents |= {row.id: row for row in sorted(rows, key=lambda row: row.tenant_name == store.scope.tenant)}
    missing = [parent_id for parent_id in parent_ids if parent_id not in parents]
    if missing:
        raise NotFound(
            f"Environment referenced by `{PARENT}` not found: {','.join(missing)}",
            code=ErrorCode.DEPLOYMENT_PARENT_NOT_FOUND,
        )
    level = {parent.storage_id: parent for parent in parents.values()}
    above = dict(level)
    while level:
        found = [each for row in level.values() for each in tree.find_parents(store.unscoped, row)]  # of any user
        level = {row.storage_id: row for row in found if row.storage_id not in above}
        above |= level
    inside = next((above[storage_id].id for storage_id in storage_ids if storage_id in above), None)
    if inside is not None:
        raise Conflict(f"cyclic dependencies: {inside}")


def _update_parents(store: Store, storage_ids: Sequence[int], pairs: Collection[Pair]) -> None:
    if any(key in SHAPING for key, _ in pairs):
        deployments.update_parents(store, _find_parents(store, storage_ids))


def _find_parents(store: Store, storage_ids: Sequence[int]) -> list[Deployment]:
    parents: dict[int, Deployment] = {}
    for some in split(storage_ids):
        names = select(DeploymentLabel.value).where(
            DeploymentLabel.deployment_storage_id.in_(some), DeploymentLabel.key == PARENT
        )
        found = select(Deployment).where(Deployment.id.in_(names), Deployment.tenant_name == store.scope.tenant)
        parents |= {row.storage_id: row for row in store.unscoped.scalars(found).unique()}  # of any user
    return list(parents.values())
