"""Dependencies between deployments: storing them, and checking what they forbid.

Queries are unscoped: a dependency counts, whoever can see the deployments on both sides of it.
"""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypedDict, cast

from sqlalchemy import ColumnElement, Select, exists, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.states import ExecutionState, Visibility
from cfy_cli.errors import Conflict, ErrorCode, Invalid, NotFound
from cfy_cli.manager.services import labels
from cfy_cli.manager.services.deployments import tree
from cfy_cli.manager.services.labels import CONSUMER
from cfy_cli.manager.store.bulk import split
from cfy_cli.manager.store.models import Deployment, DeploymentLabel, Execution
from cfy_cli.manager.store.models import InterDeploymentDependency as Dependency
from cfy_cli.manager.store.models.owned import inherited_columns
from cfy_cli.manager.store.store import Store

COMPONENT, SHARED_RESOURCE = "component.", "sharedresource."  # prefixes of `dependency_creator`
CAPABILITY = ".get_capability"  # suffix of `dependency_creator`
# Workflows that remove or change what dependent deployments use. While one of them runs on a dependent deployment,
# that does not block its targets.
DISRUPTIVE_WORKFLOWS = ("stop", "uninstall", "update", "csys_update_deployment", "csys_new_deployment_update", "heal")
MAX_LISTED = 3  # dependent deployments of each kind in an error


class DependencyId(TypedDict):
    id: str


def create(
    store: Store,
    creator: str,
    source: Deployment | None,
    target: Deployment | None,
    *,
    function: Json = None,
    external_source: JsonObject | None = None,
    external_target: JsonObject | None = None,
    dependency_id: str | None = None,
) -> Dependency:
    """Store a dependency. Raises Conflict when the target depends on the source already."""
    if source is not None and target is not None:
        check_acyclic(store, source, target)
    owner = source or target
    inherited = inherited_columns(owner) if owner else {"visibility": Visibility.TENANT, "owned_by": store.scope.user}
    dependency = store.add(
        Dependency(
            id=dependency_id or str(uuid.uuid4()),
            dependency_creator=creator,
            source_storage_id=source.storage_id if source else None,
            target_storage_id=target.storage_id if target else None,
            target_deployment_func=function,
            external_source=external_source,
            external_target=external_target,
            # One of an external source belongs to the tenant that adds it, and its target may be of another one.
            **{**inherited, "tenant_name": store.scope.tenant},
        )
    )
    if target is not None:
        update_consumers(store, target)
    return dependency


def set_target(store: Store, source: Deployment, dependency: Dependency, target: Deployment) -> None:
    """Replace the target of a dependency. Raises Conflict when the new one depends on the source already."""
    check_acyclic(store, source, target)
    former = dependency.target_storage_id
    dependency.target_storage_id = target.storage_id
    update_consumers_of(store, {former, target.storage_id})


def create_many(store: Store, source: Deployment, items: Iterable[Mapping[str, Json]]) -> list[Dependency]:
    """Store dependencies of a source, given with the fields of the API: `dependency_creator`, `target_deployment`."""
    return [_create_item(store, source, item) for item in items]


def _create_item(store: Store, source: Deployment, item: Mapping[str, Json]) -> Dependency:
    if not item.get("dependency_creator"):
        raise Invalid(f"The dependency {dict(item)} has no `dependency_creator`")
    external_source = cast("JsonObject | None", item.get("external_source"))
    external_target = cast("JsonObject | None", item.get("external_target"))
    name, dependency_id = item.get("target_deployment"), item.get("id")
    return create(
        store,
        str(item["dependency_creator"]),
        None if external_source else source,
        store.find(Deployment, str(name)) if name and not external_source else None,
        function=item.get("target_deployment_func"),
        external_source=external_source,
        external_target=external_target,
        dependency_id=str(dependency_id) if dependency_id else None,
    )


def replace(store: Store, source: Deployment, items: Iterable[Mapping[str, Json]]) -> list[Dependency]:
    """Replace all dependencies of a source."""
    delete_many(store, find_of_source(store, source))
    return create_many(store, source, items)


def delete_many(store: Store, dependencies: Iterable[Dependency]) -> None:
    deleted = list(dependencies)
    for dependency in deleted:
        store.delete(dependency)
    update_consumers_of(store, {dependency.target_storage_id for dependency in deleted})


def find(
    store: Store,
    creator: str,
    source: Deployment | None,
    target: Deployment | None,
    external_source: JsonObject | None = None,
) -> Dependency:
    """Return the dependency with this creator, source and target. Raises NotFound.

    Without a target, return one whose target is deleted or unknown.
    """
    statement = store.visible(Dependency).where(
        Dependency.dependency_creator == creator,
        Dependency.source_storage_id == (source.storage_id if source else None),
        Dependency.target_storage_id == (target.storage_id if target else None),
    )
    rows = store.unscoped.scalars(statement)  # visible ones
    dependency = next((row for row in rows if row.external_source == external_source), None)
    if dependency is None:
        source_name = source.id if source else external_source
        target_name = target.id if target else "a deleted deployment"
        raise NotFound(f"There is no dependency `{creator}` of `{source_name}` on `{target_name}`")
    return dependency


def select_of_source(source: Deployment) -> Select[Dependency]:
    return select(Dependency).where(Dependency.source_storage_id == source.storage_id).order_by(Dependency.storage_id)


def find_of_source(store: Store, source: Deployment) -> Sequence[Dependency]:
    return store.unscoped.scalars(select_of_source(source)).all()  # dependencies are as visible as their source


def find_target_ids(store: Store, source_storage_ids: Sequence[int]) -> set[int | None]:
    """Return the storage ids of the deployments that some depend on; None for a target that is not known."""
    targets = select(Dependency.target_storage_id).where(Dependency.source_storage_id.in_(source_storage_ids))
    return set(store.unscoped.scalars(targets.distinct()))  # of deployments in scope


def update_consumers(store: Store, target: Deployment) -> None:
    """Set the labels `csys-consumer-id` of a deployment: its children, and the sources of dependencies on it.

    Dependencies of components are left out, because their source is the parent.
    """
    store.flush()
    tree.lock(store.unscoped, [target])  # the consumers that other transactions add are seen here
    statement = (
        select(Deployment.id)
        .join(Dependency, Dependency.source_storage_id == Deployment.storage_id)
        .where(
            Dependency.target_storage_id == target.storage_id, Dependency.dependency_creator.not_like(f"{COMPONENT}%")
        )
        .order_by(Dependency.storage_id)
    )
    sources = store.unscoped.scalars(statement)  # of any user
    consumers = [*(child.id for child in _find_children(store, target)), *sources]
    others = [(label.key, label.value) for label in target.labels if label.key != CONSUMER]
    pairs = [*others, *((CONSUMER, deployment_id) for deployment_id in consumers)]
    labels.replace(target.labels, DeploymentLabel, pairs, store.scope.user)


def update_consumers_of(store: Store, storage_ids: Collection[int | None]) -> None:
    for storage_id in sorted(storage_id for storage_id in storage_ids if storage_id is not None):
        target = store.unscoped.get_one(Deployment, storage_id)  # the target of a dependency in scope
        update_consumers(store, target)


def refuse_deletion(
    deployment: Deployment, children: Sequence[Deployment], blocking: Sequence[Dependency], creator: str | None
) -> Invalid | None:
    """Return the error that names the deployments which depend on one that is to be deleted, if there are any.

    `blocking` are those of `find_blocking`, and `creator` that of a dependency which requests the deletion itself.
    """
    return _refuse_used(
        f"Can't delete deployment {deployment.id} - the following existing installations depend on it",
        [_describe_child(deployment, child) for child in children],
        [_describe(dependency) for dependency in blocking if _blocks(dependency, deployment, creator)],
        "Uninstall and delete those first, or force the deletion (--force).",
    )


def check_workflow(
    store: Store, deployment: Deployment, workflow_id: str, parameters: Mapping[str, Json], *, creator: str | None
) -> None:
    """Raise Invalid when the workflow would break dependent deployments. Its own components do not count."""
    if workflow_id not in DISRUPTIVE_WORKFLOWS:
        return
    children: Sequence[Deployment] = ()
    if workflow_id != "uninstall" or not parameters.get("recursive"):
        components = component_ids(store, deployment)
        children = [child for child in _find_children(store, deployment) if child.storage_id not in components]
    blocking = _find_blocking(store, deployment, creator)
    if workflow_id == "uninstall":
        blocking = [dependency for dependency in blocking if not _is_idle_capability(store, dependency)]
    refusal = _refuse_used(
        f"Can't execute workflow `{workflow_id}` on deployment {deployment.id} - existing installations depend on it",
        [_describe_child(deployment, child) for child in children],
        [_describe(dependency) for dependency in blocking],
        "Uninstall those first, or force it (--force).",
    )
    if refusal is not None:
        raise refusal


def describe_dependents(store: Store, deployment: Deployment) -> list[JsonObject]:
    """Return the deployments that an update of this one may affect, those that depend on dependents too."""
    found: list[JsonObject] = []
    known, remaining = {deployment.storage_id}, [deployment]
    while remaining:
        target = remaining.pop(0)
        for dependency in _find_blocking(store, target, None):
            source = store.unscoped.get(Deployment, dependency.source_storage_id or 0)  # of any user
            if source is None or source.storage_id in known:
                continue
            known.add(source.storage_id)
            remaining.append(source)
            kind, _, rest = dependency.dependency_creator.partition(".")
            found.append(
                {
                    "deployment": source.id,
                    "dependency_type": kind,
                    "dependent_node": rest.split(".")[0],
                    "tenant": source.tenant_name,
                }
            )
    return found


def component_ids(store: Store, deployment: Deployment) -> set[int | None]:
    """Return the storage ids of the deployments that were created as components of this one."""
    statement = select(Dependency.target_storage_id).where(
        Dependency.source_storage_id == deployment.storage_id, Dependency.dependency_creator.like(f"{COMPONENT}%")
    )
    return set(store.unscoped.scalars(statement))  # of any user


def find_components(store: Store, deployment: Deployment) -> list[Deployment]:
    """Return the deployments that components have created inside one; other deployments may be used as components."""
    created = component_ids(store, deployment)
    children = tree.find_children(store.unscoped, deployment)  # of any user
    return [child for child in children if child.storage_id in created]


def is_component(storage_id: InstrumentedAttribute[int]) -> ColumnElement[bool]:
    """Match the deployments that were created as components of others."""
    return exists().where(
        Dependency.target_storage_id == storage_id, Dependency.dependency_creator.like(f"{COMPONENT}%")
    )


def find_creators(store: Store, source_storage_ids: Collection[int]) -> dict[tuple[int, int], str]:
    """Return the creators of dependencies of some deployments, by the storage ids of both sides."""
    found: dict[tuple[int, int], str] = {}
    for some in split(list(source_storage_ids)):
        statement = select(Dependency.source_storage_id, Dependency.target_storage_id, Dependency.dependency_creator)
        ordered = statement.where(Dependency.source_storage_id.in_(some)).order_by(Dependency.storage_id)
        for source, target, creator in store.unscoped.execute(ordered):  # of deployments in scope
            found.setdefault((source or 0, target or 0), creator)
    return found


def find_creator(store: Store, source: Deployment, target: Deployment) -> str | None:
    """Return the creator of a dependency between two deployments."""
    statement = select(Dependency.dependency_creator).where(
        Dependency.source_storage_id == source.storage_id, Dependency.target_storage_id == target.storage_id
    )
    return store.unscoped.scalar(statement)  # between deployments in scope


def select_required_ids(deployment: Deployment) -> Select[int | None]:
    """Select the storage ids of the deployments that this one depends on, directly or indirectly."""
    direct = select(Dependency.target_storage_id).where(Dependency.source_storage_id == deployment.storage_id)
    required = direct.cte("required", recursive=True)
    indirect = select(Dependency.target_storage_id).join(
        required, Dependency.source_storage_id == required.c.target_storage_id
    )
    required = required.union(indirect)
    return select(required.c.target_storage_id).where(required.c.target_storage_id.is_not(None))


def _find_children(store: Store, deployment: Deployment) -> list[Deployment]:
    return tree.find_children(store.unscoped, deployment)  # of any user


def check_acyclic(store: Store, source: Deployment, target: Deployment) -> None:
    """Raise Conflict when the target depends on the source already, or is the source."""
    required = set(store.unscoped.scalars(select_required_ids(target)))  # of any user
    if target.storage_id == source.storage_id or source.storage_id in required:
        raise Conflict(f"cyclic dependency between deployments {source.id} and {target.id}")


def find_blocking(store: Store, target_storage_ids: Sequence[int]) -> dict[int, list[Dependency]]:
    """Return the dependencies whose source is not being removed or changed itself, by the storage id of the target."""
    found: dict[int, list[Dependency]] = {}
    for some in split(target_storage_ids):
        statement = (
            select(Dependency)
            .where(Dependency.target_storage_id.in_(some), ~_is_changing())
            .where(or_(Dependency.external_source.is_(None), Dependency.dependency_creator.not_like(f"{COMPONENT}%")))
            .order_by(Dependency.storage_id)
        )
        for dependency in store.unscoped.scalars(statement):  # of any user
            found.setdefault(dependency.target_storage_id or 0, []).append(dependency)
    return found


def _find_blocking(store: Store, deployment: Deployment, creator: str | None) -> Sequence[Dependency]:
    found = find_blocking(store, [deployment.storage_id]).get(deployment.storage_id, [])
    return [dependency for dependency in found if _blocks(dependency, deployment, creator)]


def _blocks(dependency: Dependency, target: Deployment, creator: str | None) -> bool:
    """Return whether a dependency of `find_blocking` blocks its target, but for requests of its own `creator`.

    Those of other tenants, on a global deployment, do not block it: who has no role in its tenant has no say there.
    """
    return dependency.tenant_name == target.tenant_name and dependency.dependency_creator != (creator or "")


def _is_changing() -> ColumnElement[bool]:
    active = (ExecutionState.STARTED, ExecutionState.PENDING, ExecutionState.QUEUED)
    return exists().where(
        Execution.deployment_storage_id == Dependency.source_storage_id,
        Execution.status.in_(active),
        Execution.workflow_id.in_(DISRUPTIVE_WORKFLOWS),
    )


def _is_idle_capability(store: Store, dependency: Dependency) -> bool:
    """Return whether a dependency comes from `get_capability` in a deployment that is not installed."""
    if not dependency.dependency_creator.endswith(CAPABILITY):
        return False
    source = store.unscoped.get(Deployment, dependency.source_storage_id or 0)  # of any user
    return source is not None and source.installation_status == "inactive"


def _describe_child(deployment: Deployment, child: Deployment) -> str:
    return f"Deployment `{deployment.id}` is the parent of deployment {child.id}"


def _describe(dependency: Dependency) -> str:
    kind, _, rest = dependency.dependency_creator.partition(".")
    verb = {"component": "contains", "sharedresource": "uses a shared resource from"}.get(kind, "uses capabilities of")
    source = dependency.source_deployment_id or f"EXTERNAL:{dependency.external_source}"
    section = f"`{kind}`" if kind in ("outputs", "capabilities", "labels", "deployment_settings") else None
    location = section or f"node `{rest.split('.')[0] or '<unknown node>'}`"
    return f"Deployment `{source}` {verb} the current deployment in its {location}"


def _refuse_used(message: str, children: Sequence[str], users: Sequence[str], hint: str) -> Invalid | None:
    reasons = [*children[:MAX_LISTED], *users[:MAX_LISTED]]
    if not reasons:
        return None
    lines = "\n".join(f"[{index}] {reason}" for index, reason in enumerate(reasons, 1))
    return Invalid(f"{message}:\n{lines}", hint=hint, code=ErrorCode.DEPENDENT_EXISTS)
