"""Deployments: labels, site, outputs and the status summary."""

import base64
import io
import os
import stat
import zipfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypedDict

from sqlalchemy import select
from sqlalchemy.orm import defer, lazyload

from cfy_cli import dsl
from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.plan import ValuePlan
from cfy_cli.contract.states import InstancesActive, InstanceState, Visibility
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import Invalid, TooLarge
from cfy_cli.manager.engine.operation_user import acting_as
from cfy_cli.manager.services import labels
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.deployments import dependencies, tree
from cfy_cli.manager.services.deployments.lookups import StoreLookups
from cfy_cli.manager.services.labels import CONSUMER, PARENT, Pair
from cfy_cli.manager.services.runtime.working_folders import WorkingFolder
from cfy_cli.manager.services.secrets import secrets
from cfy_cli.manager.services.visibility import is_wider, refused, set_creator, widen
from cfy_cli.manager.store.bulk import split
from cfy_cli.manager.store.list_parameters import is_among
from cfy_cli.manager.store.models import (
    Blueprint,
    Deployment,
    DeploymentLabel,
    Execution,
    NodeInstance,
    Site,
)
from cfy_cli.manager.store.models.deployments import has_drift, is_status_ok
from cfy_cli.manager.store.query import Condition, column
from cfy_cli.manager.store.row_changes import write_changes
from cfy_cli.manager.store.scope import Scope
from cfy_cli.manager.store.store import Store

WITHOUT_RELATED = (lazyload("*"),)
SLIM = (*WITHOUT_RELATED, defer(Deployment.workflow_definitions))  # without large columns too
MAX_WORKDIR_SIZE = 64 * 1024**2  # bytes
INSTANCE_STATES = select(NodeInstance.deployment_storage_id, NodeInstance.state, NodeInstance.system_properties).where(
    is_among(column(NodeInstance, "deployment_storage_id"), "deployments")
)
InstanceSummary = tuple[str, JsonObject | None]  # the state and the system properties
WITH_LATEST_STATUS = (
    select(Deployment, Execution.status)
    .outerjoin(Execution, Execution.id == Deployment.latest_execution)
    .where(is_among(column(Deployment, "storage_id"), "deployments"))
    .options(*SLIM)
)
NOT_LIVE = frozenset({InstanceState.UNINITIALIZED, InstanceState.DELETED})


class OutputsAnswer(TypedDict):
    deployment_id: str
    outputs: JsonObject


class CapabilitiesAnswer(TypedDict):
    deployment_id: str
    capabilities: JsonObject


def list_conditions(store: Store, *, dependencies_of: str | None, without_components: bool) -> list[Condition]:
    """Return the conditions of a list. Raises NotFound for an unknown deployment."""
    conditions: list[Condition] = []
    if dependencies_of:
        targets = dependencies.select_required_ids(store.get(Deployment, dependencies_of))
        conditions.append(Deployment.storage_id.in_(targets))
    if without_components:
        conditions.append(~dependencies.is_component(Deployment.storage_id))
    return conditions


def find_live_instances(store: Store, storage_ids: Sequence[int]) -> dict[int, list[str]]:
    """Return the ids of node instances that are not deleted or uninitialized, for those deployments that have any."""
    found: dict[int, list[str]] = {}
    for some in split(storage_ids):
        live = select(NodeInstance.deployment_storage_id, NodeInstance.id).where(
            NodeInstance.deployment_storage_id.in_(some), NodeInstance.state.not_in(NOT_LIVE)
        )
        rows = store.unscoped.execute(live.order_by(NodeInstance.storage_id))  # as visible as their deployments
        for deployment, instance_id in rows:
            found.setdefault(deployment, []).append(instance_id)
    return found


def update(store: Store, deployment_id: str, *, labels_given: object = None, creator: str | None = None) -> Deployment:
    """Replace the labels and the owner, where they are not None; labels have one of the forms that the API accepts."""
    deployment = store.get_own(Deployment, deployment_id)
    if creator is not None:
        set_creator(store, deployment, creator)
    if labels_given is not None:
        set_labels(store, deployment, labels.parse(labels_given))
    deployment.updated_at = now()
    return deployment


def set_labels(store: Store, deployment: Deployment, pairs: Iterable[Pair]) -> None:
    """Replace all labels but those that only the manager sets, and update former and new parents.

    Raises NotFound for an unknown parent, and Conflict for one that is inside the deployment.
    """
    own = [(key, value) for key, value in pairs if key != CONSUMER]
    tree.lock(store.unscoped, [deployment])  # a row in scope
    consumers = [(label.key, label.value) for label in deployment.labels if label.key == CONSUMER]
    former_ids = {label.value for label in deployment.labels if label.key == PARENT}
    parent_ids = list(dict.fromkeys(value for key, value in own if key == PARENT))
    former = _find_parents(store, deployment) if former_ids else []
    if parent_ids:
        tree.check_parents(store, deployment, [parent_id for parent_id in parent_ids if parent_id not in former_ids])
    labels.replace(deployment.labels, DeploymentLabel, [*own, *consumers], store.scope.user)
    store.flush()
    update_parents(store, [*former, *(_find_parents(store, deployment) if parent_ids else [])])


def add_labels(store: Store, deployment: Deployment, pairs: Collection[Pair]) -> None:
    """Add labels of its own to a deployment, which stay when it leaves a group that has them too."""
    set_labels(store, deployment, [*((label.key, label.value) for label in deployment.labels), *pairs])
    for label in deployment.labels:
        if (label.key, label.value) in pairs:
            label.is_of_groups = False


def delete(store: Store, deployment: Deployment) -> None:
    """Delete a deployment, and update its parents, its children and the targets of its dependencies."""
    delete_many(store, [deployment])


def delete_many(store: Store, rows: Sequence[Deployment]) -> None:
    """Delete deployments, at most as many as a statement takes; update their parents, children and targets."""
    session, storage_ids = store.unscoped, [row.storage_id for row in rows]  # of any user
    above = {parent.storage_id: parent for parent in tree.find_parents_of_all(session, storage_ids)}
    parents = [parent for storage_id, parent in above.items() if storage_id not in storage_ids]
    targets = dependencies.find_target_ids(store, storage_ids).difference(storage_ids, above)
    store.delete_many(rows)
    for tenant in {row.tenant_name for row in rows}:
        tree.leave_children(session, tenant, [row.id for row in rows if row.tenant_name == tenant])
    update_parents(store, parents)
    dependencies.update_consumers_of(store, targets)


def _find_parents(store: Store, deployment: Deployment) -> list[Deployment]:
    return tree.find_parents(store.unscoped, deployment)  # private ones of other users too


def update_parents(store: Store, parents: Iterable[Deployment]) -> None:
    """Update what deployments show of those inside them, after those have changed."""
    by_storage_id = {parent.storage_id: parent for parent in parents}
    tree.lock(store.unscoped, by_storage_id.values())  # of any user
    for parent in by_storage_id.values():
        dependencies.update_consumers(store, parent)
    tree.refresh(store.unscoped, by_storage_id.values())  # everything above them, of any user


def set_site(store: Store, deployment_id: str, site_name: str | None, *, detach: bool) -> Deployment:
    deployment = store.get_own(Deployment, deployment_id)
    if bool(site_name) == detach:
        raise Invalid(
            "Must provide either a `site_name` of a valid site or `detach_site` with true value for detaching the "
            "current site of the given deployment"
        )
    deployment.site = store.get(Site, site_name) if site_name else None
    deployment.updated_at = now()
    return deployment


def check_blueprint_visibility(deployment_id: str, visibility: str, blueprint: Blueprint) -> None:
    """Raise Invalid for a deployment that is global while its blueprint is not."""
    if visibility == Visibility.GLOBAL and blueprint.visibility != Visibility.GLOBAL:
        raise refused(f"Deployment `{deployment_id}` cannot be global while its blueprint `{blueprint.id}` is not")


def set_visibility(store: Store, deployment: Deployment, visibility: str) -> None:
    """Widen the visibility of a deployment, and of its components as far as their blueprints allow. Raises Invalid."""
    check_blueprint_visibility(deployment.id, visibility, deployment.blueprint)
    widen(store, deployment, visibility)
    for component in dependencies.find_components(store, deployment):
        is_limited = component.blueprint.visibility != Visibility.GLOBAL
        allowed = Visibility.TENANT if is_limited else visibility
        if is_wider(allowed, component.visibility):
            set_visibility(store, component, allowed)


def evaluate_values(
    app: AppContext, scope: Scope, deployment: Deployment, declared: Mapping[str, ValuePlan]
) -> JsonObject:
    """Evaluate outputs or capabilities; a value that cannot be evaluated is replaced by the reason.

    No transaction is open meanwhile, because secrets may be kept elsewhere.
    """
    return dsl.evaluate_outputs(declared, user_lookups(app, scope, deployment))


def user_lookups(app: AppContext, scope: Scope, deployment: Deployment) -> StoreLookups:
    """Return the lookups for functions that are evaluated on behalf of a user."""
    return StoreLookups(lambda _permission: app.reading(scope), deployment, secrets.shown_secrets(app))


def refresh_status(store: Store, deployment: Deployment) -> None:
    """Update the summary columns after node instances or the latest execution have changed, and all that is above."""
    refresh_own_status(store, deployment)
    tree.refresh_parents(store.unscoped, deployment)  # of any user


def refresh_own_status(store: Store, deployment: Deployment) -> None:
    """Update the summary columns of the deployment alone; the caller refreshes what is above it."""
    session = store.unscoped  # node instances of the deployment, and its latest execution
    rows = session.execute(INSTANCE_STATES, {"deployments": [deployment.storage_id]}).all()
    latest = tree.find_latest_status(session, deployment)
    _set_own_status(deployment, [(state, properties) for _, state, properties in rows], latest)


def refresh_own_statuses(store: Store, storage_ids: Sequence[int]) -> None:
    """Update the summary columns of many deployments; the caller refreshes what is above them."""
    session = store.unscoped  # node instances of the deployments, and their latest executions
    given = {"deployments": storage_ids}
    instances: dict[int, list[InstanceSummary]] = {}
    for storage_id, state, properties in session.execute(INSTANCE_STATES, given):
        instances.setdefault(storage_id, []).append((state, properties))
    found = session.execute(WITH_LATEST_STATUS, given).all()
    for deployment, latest in found:
        _set_own_status(deployment, instances.get(deployment.storage_id, []), latest)
    write_changes(session, [deployment for deployment, _ in found])


def _set_own_status(deployment: Deployment, instances: Sequence[InstanceSummary], latest: str | None) -> None:
    """Set the summary columns; `latest` is the status of the latest execution."""
    states = {state for state, _ in instances}
    deployment.instances_active = _count_active(states)
    is_installed = bool(states) and states <= {InstanceState.STARTED, InstanceState.STOPPED}
    deployment.installation_status = "active" if is_installed else "inactive"
    deployment.unavailable_instances = sum(not is_status_ok(properties) for _, properties in instances)
    deployment.drifted_instances = sum(has_drift(properties) for _, properties in instances)
    deployment.deployment_status = tree.compute_status(deployment, latest, has_instances=bool(instances))


def set_uninstalled(deployment: Deployment, instances: int) -> None:
    """Set the summary columns of a deployment whose environment was just made, with instances that do not run yet."""
    deployment.instances_active = InstancesActive.NONE if instances else InstancesActive.EMPTY
    deployment.installation_status = "inactive"
    deployment.unavailable_instances, deployment.drifted_instances = instances, 0
    own = tree.REQUIRES_ATTENTION if instances else tree.GOOD
    deployment.deployment_status = tree.worst_of(own, deployment)


def _count_active(states: Collection[str]) -> InstancesActive:
    """Return how many of the instances in these states are started."""
    if not states:
        return InstancesActive.EMPTY
    if InstanceState.STARTED in states:
        return InstancesActive.ALL if len(states) == 1 else InstancesActive.PARTIAL
    return InstancesActive.NONE if NOT_LIVE.issuperset(states) else InstancesActive.IDLE


def zip_workdir(app: AppContext, deployment: Deployment) -> str:
    """Return the working directory of a deployment as a zip in base64. Raises TooLarge."""
    folder = WorkingFolder(app, deployment.storage_id).fetch()
    found = [Path(parent, name) for parent, _, names in os.walk(folder) for name in names]
    files, size = [], 0
    for path in sorted(found):
        with suppress(FileNotFoundError):  # operations may run
            status = path.lstat()
            if stat.S_ISREG(status.st_mode):
                files.append(path)
                size += status.st_size
    if size > MAX_WORKDIR_SIZE:
        raise TooLarge(f"The working directory of {deployment.id} has more than {MAX_WORKDIR_SIZE >> 20} MiB")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive, acting_as(app.operation_user):
        for path in files:
            with suppress(FileNotFoundError):
                archive.write(path, path.relative_to(folder))
    return base64.b64encode(buffer.getvalue()).decode()
