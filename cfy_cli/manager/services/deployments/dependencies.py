"""Dependencies between deployments: kept, found out, and what they forbid."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict

from sqlalchemy import ColumnElement, Select, exists, or_, select

from cfy_cli.contract.states import ExecutionState
from cfy_cli.errors import Conflict, ErrorCode, Invalid, NotFound
from cfy_cli.manager.services import labels
from cfy_cli.manager.services.deployments import tree
from cfy_cli.manager.services.labels import CONSUMER
from cfy_cli.manager.store.models import Deployment, DeploymentLabel, Execution
from cfy_cli.manager.store.models import InterDeploymentDependency as Dependency
from cfy_cli.manager.store.store import Store

COMPONENT, SHARED_RESOURCE = "component.", "sharedresource."  # how the creators of such dependencies begin
CAPABILITY = ".get_capability"  # how those of functions end
# These take away or change what dependants use; one that runs them itself does not forbid them to what it needs.
HARMFUL = ("stop", "uninstall", "update", "csys_new_deployment_update", "heal")
MOST_NAMED = 3  # dependants of each kind in a sentence


class DependencyId(TypedDict):
    id: str


def create(
    store: Store,
    creator: str,
    source: Deployment | None,
    target: Deployment | None,
    *,
    function: Any = None,
    external_source: dict[str, Any] | None = None,
    external_target: dict[str, Any] | None = None,
    key: str | None = None,
) -> Dependency:
    """Raises Conflict when the target needs the source already."""
    if source is not None and target is not None:
        _check_acyclic(store, source, target)
    owner = source or target
    dependency = store.add(
        Dependency(
            id=key or str(uuid.uuid4()),
            dependency_creator=creator,
            source_storage_id=source.storage_id if source else None,
            target_storage_id=target.storage_id if target else None,
            target_deployment_func=function,
            external_source=external_source,
            external_target=external_target,
            **({"visibility": owner.visibility} if owner else {}),
        )
    )
    if target is not None:
        tell_consumers(store, target)
    return dependency


def aim(store: Store, source: Deployment, dependency: Dependency, target: Deployment) -> None:
    """Give a dependency another target. Raises Conflict as `create` does."""
    _check_acyclic(store, source, target)
    left = dependency.target_storage_id
    dependency.target_storage_id = target.storage_id
    for number in {left, target.storage_id} - {None}:
        tell_consumers(store, store.unscoped.get_one(Deployment, number))


def create_many(store: Store, source: Deployment, wanted: Iterable[Mapping[str, Any]]) -> list[Dependency]:
    """Of a source, each as the wire has it: `dependency_creator`, `target_deployment`, ..."""
    made = []
    for each in wanted:
        if not each.get("dependency_creator"):
            raise Invalid(f"The dependency {dict(each)} has no `dependency_creator`")
        name = each.get("target_deployment")
        external = each.get("external_source")
        made.append(
            create(
                store,
                str(each["dependency_creator"]),
                None if external else source,
                store.find(Deployment, str(name)) if name and not external else None,
                function=each.get("target_deployment_func"),
                external_source=external,
                external_target=each.get("external_target"),
                key=each.get("id"),
            )
        )
    return made


def replace(store: Store, source: Deployment, wanted: Iterable[Mapping[str, Any]]) -> list[Dependency]:
    """Leave exactly these dependencies of a source."""
    forget(store, store.unscoped.scalars(of_source(source)))
    return create_many(store, source, wanted)


def forget(store: Store, dependencies: Iterable[Dependency]) -> None:
    gone = list(dependencies)
    for dependency in gone:
        store.delete(dependency)
    for number in {dependency.target_storage_id for dependency in gone} - {None}:
        tell_consumers(store, store.unscoped.get_one(Deployment, number))


def find(
    store: Store,
    creator: str,
    source: Deployment | None,
    target: Deployment | None,
    external_source: dict[str, Any] | None = None,
) -> Dependency:
    """The one by that creator; without a target the one whose target is gone or not known. Raises NotFound."""
    alike = store.visible(Dependency).where(
        Dependency.dependency_creator == creator,
        Dependency.source_storage_id == (source.storage_id if source else None),
        Dependency.target_storage_id == (target.storage_id if target else None),
    )
    found = next((one for one in store.unscoped.scalars(alike) if one.external_source == external_source), None)
    if found is None:
        names = (source.id if source else external_source, target.id if target else "a deployment that is gone")
        raise NotFound("There is no dependency `{}` of `{}` on `{}`".format(creator, *names))
    return found


def of_source(source: Deployment) -> Select[Dependency]:
    return select(Dependency).where(Dependency.source_storage_id == source.storage_id).order_by(Dependency.storage_id)


def tell_consumers(store: Store, target: Deployment) -> None:
    """Let its labels name all that need it: what stands in it, and what uses it but is not made of it."""
    users = (
        select(Deployment.id)
        .join(Dependency, Dependency.source_storage_id == Deployment.storage_id)
        .where(
            Dependency.target_storage_id == target.storage_id, Dependency.dependency_creator.not_like(f"{COMPONENT}%")
        )
        .order_by(Dependency.storage_id)
    )
    store.flush()
    names = [*(child.id for child in tree.children(store.unscoped, target)), *store.unscoped.scalars(users)]
    others = [(label.key, label.value) for label in target.labels if label.key != CONSUMER]
    wanted = [*others, *((CONSUMER, name) for name in names)]
    labels.replace(target.labels, DeploymentLabel, wanted, store.scope.user)


def check_deletable(store: Store, deployment: Deployment, *, recursive: bool, creator: str | None) -> None:
    """Raises Invalid naming what needs it. `creator` is a dependency that asks for this itself."""
    inside = [] if recursive else tree.children(store.unscoped, deployment)
    _refuse(
        f"Can't delete deployment {deployment.id} - the following existing installations depend on it",
        [_is_parent(deployment, child) for child in inside],
        [_uses(each) for each in _blocking(store, deployment, creator)],
        "Uninstall and delete those first, or force the deletion (--force).",
    )


def check_workflow(
    store: Store, deployment: Deployment, workflow_id: str, parameters: Mapping[str, Any], *, creator: str | None
) -> None:
    """Raises Invalid when the workflow would harm what needs the deployment; its own components it takes along."""
    if workflow_id not in HARMFUL:
        return
    inside: Sequence[Deployment] = ()
    if workflow_id != "uninstall" or not parameters.get("recursive"):
        own = components(store, deployment)
        inside = [child for child in tree.children(store.unscoped, deployment) if child.storage_id not in own]
    users = _blocking(store, deployment, creator)
    if workflow_id == "uninstall":
        users = [each for each in users if not (each.dependency_creator.endswith(CAPABILITY) and _is_idle(store, each))]
    _refuse(
        f"Can't execute workflow `{workflow_id}` on deployment {deployment.id} - existing installations depend on it",
        [_is_parent(deployment, child) for child in inside],
        [_uses(each) for each in users],
        "Uninstall those first, or force it (--force).",
    )


def components(store: Store, deployment: Deployment) -> set[int | None]:
    """The numbers of those that it made as its components."""
    made = select(Dependency.target_storage_id).where(
        Dependency.source_storage_id == deployment.storage_id, Dependency.dependency_creator.like(f"{COMPONENT}%")
    )
    return set(store.unscoped.scalars(made))


def between(store: Store, source: Deployment, target: Deployment) -> str | None:
    """The creator of the dependency of one deployment on another, if there is one."""
    return store.unscoped.scalar(
        select(Dependency.dependency_creator).where(
            Dependency.source_storage_id == source.storage_id, Dependency.target_storage_id == target.storage_id
        )
    )


def needed_by(deployment: Deployment) -> Select[Any]:
    """The numbers of the deployments that this one needs, and that those need, and so on."""
    first = select(Dependency.target_storage_id).where(Dependency.source_storage_id == deployment.storage_id)
    all_of_them = first.cte("needed", recursive=True)
    further = select(Dependency.target_storage_id).join(
        all_of_them, Dependency.source_storage_id == all_of_them.c.target_storage_id
    )
    all_of_them = all_of_them.union(further)
    return select(all_of_them.c.target_storage_id).where(all_of_them.c.target_storage_id.is_not(None))


def _check_acyclic(store: Store, source: Deployment, target: Deployment) -> None:
    needed = store.unscoped.scalars(needed_by(target))
    if target.storage_id == source.storage_id or source.storage_id in set(needed):
        raise Conflict(f"cyclic dependency between deployments {source.id} and {target.id}")


def _blocking(store: Store, deployment: Deployment, creator: str | None) -> Sequence[Dependency]:
    """What uses a deployment, unless it is being taken down or changed itself just now."""
    return store.unscoped.scalars(
        select(Dependency)
        .where(Dependency.target_storage_id == deployment.storage_id, ~_is_changing())
        .where(or_(Dependency.external_source.is_(None), Dependency.dependency_creator.not_like(f"{COMPONENT}%")))
        .where(Dependency.dependency_creator != (creator or ""))
        .order_by(Dependency.storage_id)
    ).all()


def _is_changing() -> ColumnElement[bool]:
    begun = (ExecutionState.STARTED, ExecutionState.PENDING, ExecutionState.QUEUED)
    return exists().where(
        Execution.deployment_storage_id == Dependency.source_storage_id,
        Execution.status.in_(begun),
        Execution.workflow_id.in_(HARMFUL),
    )


def _is_idle(store: Store, dependency: Dependency) -> bool:
    source = store.unscoped.get(Deployment, dependency.source_storage_id or 0)
    return source is not None and source.installation_status == "inactive"


def _is_parent(deployment: Deployment, child: Deployment) -> str:
    return f"Deployment `{deployment.id}` is the parent of deployment {child.id}"


def _uses(dependency: Dependency) -> str:
    kind, _, rest = dependency.dependency_creator.partition(".")
    verb = {"component": "contains", "sharedresource": "uses a shared resource from"}.get(kind, "uses capabilities of")
    source = dependency.source_deployment_id or f"EXTERNAL:{dependency.external_source}"
    section = f"`{kind}`" if kind in ("outputs", "capabilities", "labels", "deployment_settings") else None
    where = section or f"node `{rest.split('.')[0] or '<unknown node>'}`"
    return f"Deployment `{source}` {verb} the current deployment in its {where}"


def _refuse(sentence: str, inside: Sequence[str], users: Sequence[str], hint: str) -> None:
    needed = [*inside[:MOST_NAMED], *users[:MOST_NAMED]]
    if needed:
        listed = "\n".join(f"[{number}] {each}" for number, each in enumerate(needed, 1))
        raise Invalid(f"{sentence}:\n{listed}", hint=hint, code=ErrorCode.DEPENDENT_EXISTS)
