"""Deployments: labels, site, outputs and the status summary."""

from collections.abc import Mapping, Sequence
from typing import TypedDict

from sqlalchemy import select
from sqlalchemy.orm import defer, lazyload

from cfy_cli import dsl
from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.plan import ValuePlan
from cfy_cli.contract.states import InstanceState
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import Invalid, NotFound
from cfy_cli.manager.services import labels
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.deployments import dependencies, tree
from cfy_cli.manager.services.deployments.labels import set_labels
from cfy_cli.manager.services.deployments.lookups import StoreLookups
from cfy_cli.manager.services.secrets import secrets
from cfy_cli.manager.store.models import Deployment, NodeInstance, Site
from cfy_cli.manager.store.models.deployments import has_drift, is_status_ok
from cfy_cli.manager.store.query import Condition
from cfy_cli.manager.store.scope import Scope
from cfy_cli.manager.store.store import Store

SLIM = (lazyload("*"), defer(Deployment.workflow_definitions))  # without what takes long to read
NOT_LIVE = (InstanceState.UNINITIALIZED, InstanceState.DELETED)


class OutputsAnswer(TypedDict):
    deployment_id: str
    outputs: JsonObject


class CapabilitiesAnswer(TypedDict):
    deployment_id: str
    capabilities: JsonObject


def list_conditions(
    store: Store, *, name_part: str | None, group_id: str | None, dependencies_of: str | None
) -> list[Condition]:
    """Return the conditions of a list. Raises NotFound for an unknown deployment or group."""
    conditions: list[Condition] = []
    if name_part:
        conditions.append(Deployment.display_name.icontains(name_part, autoescape=True))
    if group_id:  # there are no deployment groups yet
        raise NotFound(f"Requested `DeploymentGroup` with ID `{group_id}` was not found")
    if dependencies_of:
        targets = dependencies.needed_by(store.get(Deployment, dependencies_of))
        conditions.append(Deployment.storage_id.in_(targets))
    return conditions


def live_instances(store: Store, deployment: Deployment) -> Sequence[str]:
    """Return the ids of node instances that are not deleted or uninitialized."""
    return store.unscoped.scalars(
        select(NodeInstance.id)
        .where(NodeInstance.deployment_storage_id == deployment.storage_id, NodeInstance.state.not_in(NOT_LIVE))
        .order_by(NodeInstance.storage_id)
    ).all()


def replace_labels(store: Store, deployment_id: str, given: object) -> Deployment:
    """Replace all labels; `given` has one of the forms that the API accepts."""
    deployment = store.get_own(Deployment, deployment_id)
    set_labels(store, deployment, labels.parse(given))
    deployment.updated_at = now()
    return deployment


def set_site(store: Store, deployment_id: str, site_name: str | None, *, detach: bool) -> Deployment:
    deployment = store.get_own(Deployment, deployment_id)
    if bool(site_name) == detach:
        raise Invalid(
            "Must provide either a `site_name` of a valid site or `detach_site` with true value for detaching the "
            "current site of the given deployment"
        )
    deployment.site = store.get(Site, site_name) if site_name else None
    return deployment


def evaluated(app: AppContext, store: Store, deployment: Deployment, declared: Mapping[str, ValuePlan]) -> JsonObject:
    """Evaluate outputs or capabilities; a value that cannot be evaluated is replaced by the reason."""
    return dsl.evaluate_outputs(declared, lookups(app, store.scope, deployment))


def lookups(app: AppContext, scope: Scope, deployment: Deployment) -> StoreLookups:
    """Return what functions look up on behalf of a user."""
    return StoreLookups(lambda: app.reading(scope), deployment, secrets.user_secrets(app, scope))


def refresh_status(store: Store, deployment: Deployment) -> None:
    """Bring the summary columns up to date with the instances and the latest execution."""
    rows = store.unscoped.execute(
        select(NodeInstance.state, NodeInstance.system_properties).where(
            NodeInstance.deployment_storage_id == deployment.storage_id
        )
    ).all()
    states = {state for state, _ in rows}
    there = not states.issubset(NOT_LIVE)  # something is, perhaps by halves: it can be uninstalled, or installed on
    deployment.instances_active = "all" if states == {InstanceState.STARTED} else "partial" if there else "none"
    installed = bool(states) and states <= {InstanceState.STARTED, InstanceState.STOPPED}
    deployment.installation_status = "active" if installed else "inactive"
    deployment.unavailable_instances = sum(not is_status_ok(known) for _, known in rows)
    deployment.drifted_instances = sum(has_drift(known) for _, known in rows)
    deployment.deployment_status = tree.status_of(store.unscoped, deployment, has_instances=bool(rows))
    tree.refresh_above(store.unscoped, deployment)
