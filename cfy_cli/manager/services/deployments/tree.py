"""The tree of deployments: parents (environments), children, and the status summary of what is inside a deployment.

A deployment names its parents in its labels `csys-obj-parent`. Counts and statuses of the deployments inside one are
stored in it and in everything above it. The functions take the session beneath the tenant guard, since private
deployments of other users count too.

A tree is within one tenant. A deployment may name a global parent of another tenant, but is no part of the tree there:
who has no role in a tenant neither prevents that its deployments are uninstalled or deleted, nor changes their status.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import TypedDict

from sqlalchemy import ColumnElement, Select, and_, bindparam, delete, exists, func, literal, select
from sqlalchemy.orm import Session, aliased, lazyload

from cfy_cli.contract.labels import OBJECT_TYPE
from cfy_cli.contract.states import ENDED, ExecutionState
from cfy_cli.errors import Conflict, ErrorCode, NotFound
from cfy_cli.manager.services.labels import PARENT
from cfy_cli.manager.store.bulk import split
from cfy_cli.manager.store.models import Deployment, DeploymentLabel, Execution, NodeInstance
from cfy_cli.manager.store.row_locks import lock_rows
from cfy_cli.manager.store.store import Store

GOOD, IN_PROGRESS, REQUIRES_ATTENTION = "good", "in_progress", "requires_attention"
BEST_TO_WORST = (GOOD, IN_PROGRESS, REQUIRES_ATTENTION)
SHARED_ATTRIBUTES = (  # those that executions of other deployments change too
    "labels",
    "deployment_status",
    "sub_services_count",
    "sub_services_status",
    "sub_environments_count",
    "sub_environments_status",
)
UNSYNCHRONIZED = {"synchronize_session": False}
PARENT_LABEL = (
    select(DeploymentLabel.storage_id)
    .where(DeploymentLabel.deployment_storage_id == bindparam("child"), DeploymentLabel.key == PARENT)
    .limit(1)
)


ANY_PARENT_LABEL = (
    select(DeploymentLabel.storage_id)
    .where(
        DeploymentLabel.deployment_storage_id.in_(bindparam("children", expanding=True)), DeploymentLabel.key == PARENT
    )
    .limit(1)
)


_child, _label, _parent = aliased(Deployment), aliased(DeploymentLabel), aliased(Deployment)
PARENTS = select(Deployment).where(  # built once, as that takes longer than the query
    Deployment.storage_id.in_(
        select(_parent.storage_id)
        .join(_label, and_(_label.key == PARENT, _label.value == _parent.id))
        .join(_child, _child.storage_id == _label.deployment_storage_id)
        .where(_child.storage_id.in_(bindparam("children", expanding=True)), _child.tenant_name == _parent.tenant_name)
    )
)


class Summary(TypedDict):
    """Counts and worst statuses of the deployments inside one, under the names of its columns."""

    sub_services_count: int
    sub_services_status: str | None
    sub_environments_count: int
    sub_environments_status: str | None


def find_parents(session: Session, deployment: Deployment) -> list[Deployment]:
    ids = select(DeploymentLabel.value).where(
        DeploymentLabel.deployment_storage_id == deployment.storage_id, DeploymentLabel.key == PARENT
    )
    parents = select(Deployment).where(Deployment.id.in_(ids), Deployment.tenant_name == deployment.tenant_name)
    return list(session.scalars(parents).unique())


def find_parents_of_all(session: Session, storage_ids: Sequence[int]) -> list[Deployment]:
    """Return the parents of many deployments, given by their storage ids, each once."""
    found: dict[int, Deployment] = {}
    for children in split(storage_ids):
        if session.scalar(ANY_PARENT_LABEL, {"children": children}) is None:  # cheaper than finding none
            continue
        parents = session.scalars(PARENTS, {"children": children}).unique()
        found |= {deployment.storage_id: deployment for deployment in parents}
    return list(found.values())


def has_parents(session: Session, deployment_storage_id: int) -> bool:
    """Return whether a deployment names parents; this is cheaper than finding them."""
    return session.scalar(PARENT_LABEL, {"child": deployment_storage_id}) is not None


def find_children(session: Session, deployment: Deployment) -> list[Deployment]:
    """Return the deployments directly inside one."""
    children = select(Deployment).where(Deployment.storage_id.in_(_children_ids(deployment)))
    return list(session.scalars(children.order_by(Deployment.storage_id)).unique())


def find_children_of_all(session: Session, storage_ids: Sequence[int]) -> dict[int, list[Deployment]]:
    """Return the deployments directly inside many, by the storage ids of those; without their relationships."""
    found: dict[int, list[Deployment]] = {}
    for some in split(storage_ids):
        children = (
            select(_parent.storage_id, Deployment)
            .join(_label, _label.value == _parent.id)
            .join(Deployment, Deployment.storage_id == _label.deployment_storage_id)
            .where(_parent.storage_id.in_(some), _label.key == PARENT, _parent.tenant_name == Deployment.tenant_name)
            .order_by(Deployment.storage_id)
            .options(lazyload("*"))
        )
        for parent, child in session.execute(children):
            found.setdefault(parent, []).append(child)
    return found


def leave_children(session: Session, tenant: str, ids: Sequence[str]) -> None:
    """Delete the labels that name deployments which are deleted, so that others of their names have no children."""
    in_tenant = select(Deployment.storage_id).where(Deployment.tenant_name == tenant)
    of_children = and_(
        DeploymentLabel.key == PARENT,
        DeploymentLabel.value.in_(ids),
        DeploymentLabel.deployment_storage_id.in_(in_tenant),
    )
    session.execute(delete(DeploymentLabel).where(of_children), execution_options=UNSYNCHRONIZED)


def find_contents(session: Session, deployment: Deployment) -> list[Deployment]:
    """Return the deployments inside one, at any depth."""
    contents = select(Deployment).where(Deployment.storage_id.in_(_descendant_ids(deployment)))
    return list(session.scalars(contents.order_by(Deployment.storage_id)).unique())


def check_parents(store: Store, deployment: Deployment, ids: Collection[str]) -> list[Deployment]:
    """Return the deployments of these ids. Raises NotFound, and Conflict for one that is inside the deployment."""
    parents = {deployment_id: store.find(Deployment, deployment_id) for deployment_id in ids}
    missing = [deployment_id for deployment_id, parent in parents.items() if parent is None]
    if missing:
        raise NotFound(
            f"Environment referenced by `{PARENT}` not found: {','.join(missing)}",
            code=ErrorCode.DEPLOYMENT_PARENT_NOT_FOUND,
        )
    inside = store.unscoped.scalars(_descendant_ids(deployment))  # of any user
    forbidden = {deployment.storage_id, *inside}
    if any(parent is not None and parent.storage_id in forbidden for parent in parents.values()):
        raise Conflict(f"cyclic dependencies: {deployment.id}")
    return [parent for parent in parents.values() if parent is not None]


def refresh_parents(session: Session, deployment: Deployment) -> None:
    """Update the summaries of everything above a deployment."""
    if has_parents(session, deployment.storage_id):
        refresh(session, find_parents(session, deployment))


def lock(session: Session, deployments: Collection[Deployment]) -> None:
    """Lock deployments until the transaction ends, and read anew what follows from other deployments."""
    lock_rows(session, deployments, SHARED_ATTRIBUTES)


def refresh(session: Session, changed: Iterable[Deployment]) -> None:
    """Update the summaries of these deployments and of everything above them.

    A deployment that is above several of them is updated once for each, the last time after all that is below it.
    """
    level = {deployment.storage_id: deployment for deployment in changed}
    while level:
        session.flush()
        lock(session, level.values())  # others wait until this transaction ends, and so count its changes
        for deployment in level.values():
            _store_summary(session, deployment)
        level = {
            parent.storage_id: parent for deployment in level.values() for parent in find_parents(session, deployment)
        }


def mark_in_progress(session: Session, deployment: Deployment) -> None:
    """Store that an execution of the deployment is about to run."""
    if deployment.deployment_status != IN_PROGRESS:
        deployment.deployment_status = IN_PROGRESS
        refresh_parents(session, deployment)


def find_latest_status(session: Session, deployment: Deployment) -> str | None:
    """Return the status of the latest execution of a deployment."""
    return session.scalar(select(Execution.status).where(Execution.id == deployment.latest_execution))


def compute_status(deployment: Deployment, latest: str | None, *, has_instances: bool) -> str:
    """Return the worst of the deployment's own status and those of the deployments inside it.

    Its own status follows from that of its latest execution and from its node instances.
    """
    if latest is not None and latest not in ENDED:
        own = IN_PROGRESS
    elif latest == ExecutionState.TERMINATED and (deployment.installation_status == "active" or not has_instances):
        own = GOOD
    else:
        own = REQUIRES_ATTENTION
    return worst_of(own, deployment)


def worst_of(own: str, deployment: Deployment) -> str:
    """Return the worst of a deployment's own status and those of the deployments inside it."""
    return _worst([own, deployment.sub_services_status, deployment.sub_environments_status]) or own


def summarize_children(session: Session, deployment: Deployment) -> Summary:
    """Return the summary of the deployments directly inside one only."""
    return _summarize(session, Deployment.storage_id.in_(_children_ids(deployment)))


def _store_summary(session: Session, deployment: Deployment) -> None:
    for name, value in _summarize(session, Deployment.storage_id.in_(_descendant_ids(deployment))).items():
        setattr(deployment, name, value)
    has_instances = _has_instances(session, deployment)
    latest = find_latest_status(session, deployment)
    deployment.deployment_status = compute_status(deployment, latest, has_instances=has_instances)


def _summarize(session: Session, condition: ColumnElement[bool]) -> Summary:
    is_environment = exists().where(
        DeploymentLabel.deployment_storage_id == Deployment.storage_id,
        DeploymentLabel.key == OBJECT_TYPE,
        DeploymentLabel.value == "environment",
    )
    label = is_environment.label("is_environment")
    rows = session.execute(
        select(label, Deployment.deployment_status, func.count(Deployment.storage_id))
        .where(condition)
        .group_by(label, Deployment.deployment_status)
    ).all()
    services = [(status, count) for environment, status, count in rows if not environment]
    environments = [(status, count) for environment, status, count in rows if environment]
    return {
        "sub_services_count": sum(count for _, count in services),
        "sub_services_status": _worst(status for status, _ in services),
        "sub_environments_count": sum(count for _, count in environments),
        "sub_environments_status": _worst(status for status, _ in environments),
    }


def _worst(statuses: Iterable[str | None]) -> str | None:
    return max((status for status in statuses if status), key=BEST_TO_WORST.index, default=None)


def _has_instances(session: Session, deployment: Deployment) -> bool:
    instances = exists().where(NodeInstance.deployment_storage_id == deployment.storage_id)
    return bool(session.scalar(select(instances)))


def _descendant_ids(deployment: Deployment) -> Select[int]:
    """Select the storage ids of everything inside a deployment, at any depth; loops end the recursion."""
    tenant = literal(deployment.tenant_name)
    tree = _select_children(literal(deployment.id), tenant).cte("tree", recursive=True)
    tree = tree.union(_select_children(tree.c.id, tenant))
    return select(tree.c.storage_id)


def _children_ids(deployment: Deployment) -> Select[int]:
    children = _select_children(literal(deployment.id), literal(deployment.tenant_name)).subquery()
    return select(children.c.storage_id)


def _select_children(deployment_id: ColumnElement[str], tenant: ColumnElement[str]) -> Select[int, str]:
    """Select the deployments of a tenant that name a parent of this id."""
    child, label = aliased(Deployment), aliased(DeploymentLabel)
    return (
        select(child.storage_id, child.id)
        .join(label, label.deployment_storage_id == child.storage_id)
        .where(label.key == PARENT, label.value == deployment_id, child.tenant_name == tenant)
    )
