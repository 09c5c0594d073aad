"""Deployments that stand inside others, their environments: who is whose parent, and how those below one stand.

A deployment says by its labels `csys-obj-parent` what it stands in. What is below one is counted, and its status told,
in the one above and everything above that.
"""

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, exists, func, literal, or_, select
from sqlalchemy.orm import Session, aliased

from cfy_cli.contract.states import ENDED, ExecutionState, Visibility
from cfy_cli.errors import Conflict, ErrorCode, NotFound
from cfy_cli.manager.services.labels import OBJECT_TYPE, PARENT
from cfy_cli.manager.store.models import Deployment, DeploymentLabel, Execution, NodeInstance
from cfy_cli.manager.store.store import Store

GOOD, IN_PROGRESS, REQUIRES_ATTENTION = "good", "in_progress", "requires_attention"
ANY_PARENT = (
    select(DeploymentLabel.storage_id)
    .where(DeploymentLabel.deployment_storage_id == bindparam("child"), DeploymentLabel.key == PARENT)
    .limit(1)
)
FROM_BEST_TO_WORST = (GOOD, IN_PROGRESS, REQUIRES_ATTENTION)


def parents(session: Session, deployment: Deployment) -> list[Deployment]:
    """The deployments that this one's labels name."""
    named = select(DeploymentLabel.value).where(
        DeploymentLabel.deployment_storage_id == deployment.storage_id, DeploymentLabel.key == PARENT
    )
    near = or_(Deployment.tenant_name == deployment.tenant_name, Deployment.visibility == Visibility.GLOBAL)
    return list(session.scalars(select(Deployment).where(Deployment.id.in_(named), near)).unique())


def has_parents(session: Session, deployment_storage_id: int) -> bool:
    """Cheaper to ask than who they are."""
    return session.scalar(ANY_PARENT, {"child": deployment_storage_id}) is not None


def children(session: Session, deployment: Deployment) -> list[Deployment]:
    """Those directly inside."""
    inside = select(Deployment).where(Deployment.storage_id.in_(_directly_below(deployment)))
    return list(session.scalars(inside.order_by(Deployment.storage_id)).unique())


def check_parents(store: Store, deployment: Deployment, names: Collection[str]) -> list[Deployment]:
    """The deployments of these names. Raises NotFound, and Conflict for one that is inside the deployment itself."""
    found = {name: store.find(Deployment, name) for name in names}
    missing = [name for name, parent in found.items() if parent is None]
    if missing:
        raise NotFound(
            f"Environment referenced by `{PARENT}` not found: {','.join(missing)}",
            code=ErrorCode.DEPLOYMENT_PARENT_NOT_FOUND,
        )
    below = {deployment.storage_id, *store.unscoped.scalars(_below(deployment))}
    if any(parent is not None and parent.storage_id in below for parent in found.values()):
        raise Conflict(f"cyclic dependencies: {deployment.id}")
    return [parent for parent in found.values() if parent is not None]


def refresh_above(session: Session, deployment: Deployment) -> None:
    """Bring up to date what is told of this one in all that it stands in."""
    if has_parents(session, deployment.storage_id):
        refresh(session, parents(session, deployment))


def refresh(session: Session, changed: Iterable[Deployment]) -> None:
    """Count again what is below these, and below everything above them.

    One that can be reached by several ways is counted each time, at last when all below it have been.
    """
    level = {each.storage_id: each for each in changed}
    while level:
        # Whoever else counts here waits until we have stored: each then sees what the other did.
        session.flush()
        numbers = select(Deployment.storage_id).where(Deployment.storage_id.in_(level))
        # They refer to these rows already, as new labels and dependencies do: so only changes wait for each other.
        session.execute(numbers.order_by(Deployment.storage_id).with_for_update(key_share=True))
        for each in level.values():
            _summarize(session, each)
        level = {parent.storage_id: parent for each in level.values() for parent in parents(session, each)}


def note_progress(session: Session, deployment: Deployment) -> None:
    """Something is about to run on it."""
    if deployment.deployment_status != IN_PROGRESS:
        deployment.deployment_status = IN_PROGRESS
        refresh_above(session, deployment)


def status_of(session: Session, deployment: Deployment, *, has_instances: bool) -> str:
    """How it stands itself, by its latest execution and its instances, and with all that is below it."""
    latest = session.scalar(select(Execution.status).where(Execution.id == deployment.latest_execution))
    if latest is not None and latest not in ENDED:
        own = IN_PROGRESS
    elif latest == ExecutionState.TERMINATED and (deployment.installation_status == "active" or not has_instances):
        own = GOOD
    else:
        own = REQUIRES_ATTENTION
    return _worst([own, deployment.sub_services_status, deployment.sub_environments_status]) or own


def direct_summary(session: Session, deployment: Deployment) -> dict[str, Any]:
    """The counts and statuses of those directly inside only."""
    return _summary(session, Deployment.storage_id.in_(_directly_below(deployment)))


def _summarize(session: Session, deployment: Deployment) -> None:
    for name, value in _summary(session, Deployment.storage_id.in_(_below(deployment))).items():
        setattr(deployment, name, value)
    has_instances = _has_instances(session, deployment)
    deployment.deployment_status = status_of(session, deployment, has_instances=has_instances)


def _summary(session: Session, chosen: ColumnElement[bool]) -> dict[str, Any]:
    is_environment = exists().where(
        DeploymentLabel.deployment_storage_id == Deployment.storage_id,
        DeploymentLabel.key == OBJECT_TYPE,
        DeploymentLabel.value == "environment",
    )
    kind = is_environment.label("kind")
    rows = session.execute(
        select(kind, Deployment.deployment_status, func.count(Deployment.storage_id))
        .where(chosen)
        .group_by(kind, Deployment.deployment_status)
    ).all()
    found: dict[str, Any] = {}
    for name, wanted in (("services", False), ("environments", True)):
        of_kind = [(status, number) for is_one, status, number in rows if bool(is_one) is wanted]
        found[f"sub_{name}_count"] = sum(number for _, number in of_kind)
        found[f"sub_{name}_status"] = _worst(status for status, _ in of_kind)
    return found


def _worst(statuses: Iterable[str | None]) -> str | None:
    return max((status for status in statuses if status), key=FROM_BEST_TO_WORST.index, default=None)


def _has_instances(session: Session, deployment: Deployment) -> bool:
    there = exists().where(NodeInstance.deployment_storage_id == deployment.storage_id)
    return bool(session.scalar(select(there)))


def _below(deployment: Deployment) -> Select[Any]:
    """The numbers of all that is inside it, inside those, and so on; each once, loops too."""
    family = _inside(*_known(deployment)).cte("family", recursive=True)
    family = family.union(_inside(family.c.id, family.c.tenant_name, family.c.visibility))
    return select(family.c.storage_id)


def _directly_below(deployment: Deployment) -> Select[Any]:
    inside = _inside(*_known(deployment)).subquery()
    return select(inside.c.storage_id)


def _known(deployment: Deployment) -> tuple[ColumnElement[str], ColumnElement[str], ColumnElement[str]]:
    return literal(deployment.id), literal(deployment.tenant_name), literal(deployment.visibility)


def _inside(
    name: ColumnElement[str], tenant: ColumnElement[str], visibility: ColumnElement[str]
) -> Select[int, str, str, str]:
    """What is directly inside the deployment of that name, tenant and visibility."""
    child, label = aliased(Deployment), aliased(DeploymentLabel)
    return (
        select(child.storage_id, child.id, child.tenant_name, child.visibility)
        .join(label, label.deployment_storage_id == child.storage_id)
        .where(label.key == PARENT, label.value == name)
        .where(or_(child.tenant_name == tenant, visibility == Visibility.GLOBAL))
    )
