"""Deployments: labels, site, outputs and the status summary."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import defer, lazyload

from cfy_cli import dsl
from cfy_cli.contract.states import InstanceState
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import Invalid
from cfy_cli.manager.services import labels
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.deployments import tree
from cfy_cli.manager.services.deployments.labels import set_labels
from cfy_cli.manager.services.deployments.lookups import StoreLookups
from cfy_cli.manager.services.secrets import secrets
from cfy_cli.manager.store.models import Deployment, NodeInstance, Site
from cfy_cli.manager.store.models.deployments import has_drift, is_status_ok
from cfy_cli.manager.store.scope import Scope
from cfy_cli.manager.store.store import Store

SLIM = (lazyload("*"), defer(Deployment.workflow_definitions))  # without what takes long to read
NOT_LIVE = (InstanceState.UNINITIALIZED, InstanceState.DELETED)


def live_instances(store: Store, deployment: Deployment) -> Sequence[str]:
    """Return the ids of node instances that are not deleted or uninitialized."""
    return store.unscoped.scalars(
        select(NodeInstance.id)
        .where(NodeInstance.deployment_storage_id == deployment.storage_id, NodeInstance.state.not_in(NOT_LIVE))
        .order_by(NodeInstance.storage_id)
    ).all()


def relabel(store: Store, deployment_id: str, given: Any) -> Deployment:
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


def evaluated(app: AppContext, store: Store, deployment: Deployment, what: dict[str, Any]) -> dict[str, Any]:
    """Outputs or capabilities with their functions answered; one that cannot be says why in its place."""
    return dsl.evaluate_outputs(what, lookups(app, store.scope, deployment))


def lookups(app: AppContext, scope: Scope, deployment: Deployment) -> StoreLookups:
    """What functions find in answers to this asker."""
    return StoreLookups(lambda: app.reading(scope), deployment, secrets.shown_to(app, scope))


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
