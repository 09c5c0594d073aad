"""Deployments: making, describing and ending them."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import defer, lazyload

from cfy_cli import dsl
from cfy_cli.contract.states import InstanceState, Visibility
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import ErrorCode, Invalid, NotFound
from cfy_cli.manager.services import labels
from cfy_cli.manager.services.blueprints import blueprints
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.deployments import dependencies, tree
from cfy_cli.manager.services.deployments.labels import set_labels
from cfy_cli.manager.services.deployments.lookups import StoreLookups
from cfy_cli.manager.services.executions import executions
from cfy_cli.manager.services.names import check_name
from cfy_cli.manager.services.plugins import resolve as plugin_choice
from cfy_cli.manager.services.secrets import secrets
from cfy_cli.manager.services.visibility import check_visibility
from cfy_cli.manager.store.advisory_locks import LockKey, acquire_lock
from cfy_cli.manager.store.models import Deployment, Execution, NodeInstance, Site
from cfy_cli.manager.store.models.deployments import has_drift, is_status_ok
from cfy_cli.manager.store.scope import Scope
from cfy_cli.manager.store.store import Store

SLIM = (lazyload("*"), defer(Deployment.workflow_definitions))  # without what takes long to read
NOT_LIVE = (InstanceState.UNINITIALIZED, InstanceState.DELETED)


def create(
    app: AppContext,
    store: Store,
    deployment_id: str,
    blueprint_id: str,
    *,
    inputs: dict[str, Any],
    visibility: str = Visibility.TENANT,
    display_name: str | None = None,
    site_name: str | None = None,
    given_labels: Any = None,
    runtime_only_evaluation: bool = False,
    skip_plugins_validation: bool = False,
) -> tuple[Deployment, Execution]:
    """Check all that can be checked and start `create_deployment_environment`, which makes nodes and instances."""
    blueprint = blueprints.uploaded(store, blueprint_id)
    check_visibility(store.scope, visibility)
    if visibility == Visibility.GLOBAL and blueprint.visibility != Visibility.GLOBAL:
        raise Invalid(f"Deployment `{deployment_id}` cannot be global while its blueprint `{blueprint_id}` is not")
    plan = app.plans.of(store.unscoped, blueprint.storage_id)
    assert plan is not None, "an uploaded blueprint has a plan"
    if not skip_plugins_validation:
        _check_plugins(store, plan)
    creation = str(uuid.uuid4())
    deployment = Deployment(
        id=check_name("deployment", deployment_id),
        display_name=check_name("deployment", display_name or deployment_id),
        description=blueprint.description,
        blueprint_storage_id=blueprint.storage_id,
        blueprint_id=blueprint.id,
        site=store.get(Site, site_name) if site_name else None,
        inputs=dsl.check_inputs(plan, inputs),
        visibility=visibility,
        runtime_only_evaluation=runtime_only_evaluation,
        deployment_status="in_progress",
        create_execution=creation,
        latest_execution=creation,
        labels=[],
    )
    store.add(deployment)
    wanted_labels = labels.parse(given_labels)
    if wanted_labels:
        set_labels(store, deployment, wanted_labels)
    execution = executions.start_system(
        store,
        "create_deployment_environment",
        {"inputs": inputs, "display_name": deployment.display_name},
        deployment,
        execution_id=creation,
    )
    store.after_commit(app.work_available.notify)
    return deployment, execution


def _check_plugins(store: Store, plan: dict[str, Any]) -> None:
    """Raises Invalid naming every plugin that the first operation would miss."""
    missing = []
    needed = (*plan.get("deployment_plugins_to_install", ()), *plan.get("workflow_plugins_to_install", ()))
    # Those that come with the manager are not installed, and those with a source need not have been uploaded.
    for about in [plugin for plugin in needed if plugin.get("install") and not plugin.get("source")]:
        try:
            plugin_choice.required(store, about)
        except NotFound as error:
            missing.append(error.message)
    if missing:
        raise Invalid(
            "\n".join(dict.fromkeys(missing)),
            hint="Upload what is missing (cfy plugins upload), or create it with --skip-plugins-validation.",
            code=ErrorCode.DEPLOYMENT_PLUGIN_NOT_FOUND,
        )


def start_delete(
    app: AppContext,
    store: Store,
    deployment_id: str,
    *,
    force: bool,
    delete_logs: bool,
    recursive: bool,
    creator: str | None = None,
) -> Execution:
    """Start `delete_deployment_environment`.

    Refused while it runs something or, unless forced, is needed by others or has live instances. `creator` is the
    dependency that asks for the deletion itself, if one does.
    """
    deployment = store.get_own(Deployment, deployment_id)
    acquire_lock(store.unscoped, LockKey.DEPLOYMENT, deployment.storage_id)  # nothing may begin on it meanwhile
    _check_deletable(store, deployment, force=force, recursive=recursive, creator=creator)
    execution = executions.start_system(
        store,
        "delete_deployment_environment",
        {
            "delete_logs": delete_logs,
            "force": force,
            "recursive": recursive,
        },
        deployment,
    )
    store.after_commit(app.work_available.notify)
    return execution


def _check_deletable(
    store: Store, deployment: Deployment, *, force: bool, recursive: bool, creator: str | None
) -> None:
    busy = executions.running_ids(store, deployment)
    if busy:
        raise Invalid(
            f"Can't delete deployment {deployment.id} - There are running or queued executions for this deployment. "
            f"Running executions ids: {','.join(busy)}",
            code=ErrorCode.DEPENDENT_EXISTS,
        )
    if force:
        return
    dependencies.check_deletable(store, deployment, recursive=recursive, creator=creator)
    live = live_instances(store, deployment)
    if live:
        raise Invalid(
            f"Can't delete deployment {deployment.id} - There are live nodes for this deployment. "
            f"Live nodes ids: {','.join(live)}",
            hint=f"Run `cfy executions start uninstall -d {deployment.id}` first, or force the deletion.",
            code=ErrorCode.DEPENDENT_EXISTS,
        )
    for child in tree.children(store.unscoped, deployment) if recursive else ():
        between = dependencies.between(store, deployment, child)
        _check_deletable(store, child, force=force, recursive=True, creator=between)


def live_instances(store: Store, deployment: Deployment) -> Sequence[str]:
    """The ids of those that are there, wholly or by halves."""
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
