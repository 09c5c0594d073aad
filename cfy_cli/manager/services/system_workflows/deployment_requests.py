"""Requests to create and delete a deployment; system workflows create and remove its environment."""

import uuid
from typing import TypedDict, cast

from cfy_cli import dsl
from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.plan import Plan
from cfy_cli.contract.resources import DEPLOYMENTS
from cfy_cli.contract.states import Visibility
from cfy_cli.errors import ErrorCode, Forbidden, Invalid, NotFound
from cfy_cli.manager.services import labels
from cfy_cli.manager.services.blueprints import blueprints
from cfy_cli.manager.services.blueprints.plan_cache import PlanCache
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.deployments import tree
from cfy_cli.manager.services.deployments.deployments import check_blueprint_visibility, set_labels
from cfy_cli.manager.services.deployments.existing_resources import StoreResources
from cfy_cli.manager.services.executions import executions
from cfy_cli.manager.services.names import check_name, check_text
from cfy_cli.manager.services.plugins import resolve
from cfy_cli.manager.services.secrets.secrets import stored_secrets
from cfy_cli.manager.services.system_workflows import deletion_checks
from cfy_cli.manager.services.visibility import check_visibility
from cfy_cli.manager.store.advisory_locks import LockKey
from cfy_cli.manager.store.models import Blueprint, Deployment, Execution, Site
from cfy_cli.manager.store.store import Store


class DeleteParameters(TypedDict):
    """Parameters of the workflow `delete_deployment_environment`."""

    delete_logs: bool  # delete its events and logs too, which otherwise stay until they are old
    force: bool  # delete it although others depend on it or node instances are live
    recursive: bool  # delete the deployments inside too


def create(
    app: AppContext,
    store: Store,
    deployment_id: str,
    blueprint_id: str,
    *,
    inputs: JsonObject,
    visibility: str = Visibility.TENANT,
    owner: str | None = None,
    display_name: str | None = None,
    site_name: str | None = None,
    requested_labels: object = None,
    runtime_only_evaluation: bool = False,
    skip_plugins_validation: bool = False,
) -> tuple[Deployment, Execution]:
    """Check the request and start `create_deployment_environment`, which creates nodes and node instances.

    The `owner` is another user than the one who asks where a deployment is created inside another one.
    """
    blueprint = blueprints.get_uploaded(store, blueprint_id)
    check_visibility(store.scope, visibility)
    check_blueprint_visibility(deployment_id, visibility, blueprint)
    # of a blueprint that the user may use
    plan = app.service(PlanCache).get(store.unscoped, blueprint.storage_id, blueprint.updated_at)
    assert plan is not None, "an uploaded blueprint has a plan"
    if not skip_plugins_validation:
        check_plugins(store, plan)
    execution_id = str(uuid.uuid4())
    deployment = build(
        blueprint,
        check_name(DEPLOYMENTS, deployment_id),
        execution_id,
        display_name=display_name,
        site=store.get(Site, site_name) if site_name else None,
        inputs=check_inputs(app, store, deployment_id, blueprint, plan, inputs),
        visibility=visibility,
        created_by=owner,
        runtime_only_evaluation=runtime_only_evaluation,
    )
    store.add(deployment)
    label_pairs = labels.parse(requested_labels)
    if label_pairs:
        set_labels(store, deployment, label_pairs)
    execution = executions.start_system(
        store,
        "create_deployment_environment",
        {"inputs": inputs, "display_name": deployment.display_name},
        deployment,
        execution_id=execution_id,
    )
    store.after_commit(app.work_available.notify)
    return deployment, execution


def build(
    blueprint: Blueprint,
    deployment_id: str,
    execution_id: str,
    *,
    display_name: str | None,
    site: Site | None,
    inputs: JsonObject,
    visibility: str,
    created_by: str | None,
    runtime_only_evaluation: bool,
) -> Deployment:
    """Return a new deployment, whose environment the execution will create. Raises Invalid for its title."""
    return Deployment(
        id=deployment_id,
        display_name=check_text("display name", display_name or deployment_id),
        description=blueprint.description,
        blueprint_storage_id=blueprint.storage_id,
        blueprint_id=blueprint.id,
        site=site,
        inputs=inputs,
        visibility=visibility,
        created_by=created_by,
        runtime_only_evaluation=runtime_only_evaluation,
        deployment_status="in_progress",
        create_execution=execution_id,
        latest_execution=execution_id,
        labels=[],
    )


def check_inputs(
    app: AppContext, store: Store, deployment_id: str, blueprint: Blueprint, plan: Plan, inputs: JsonObject
) -> JsonObject:
    """Return all inputs. Raises dsl.InputsInvalid."""
    planned = Deployment(
        id=deployment_id,
        display_name=deployment_id,
        blueprint_id=blueprint.id,
        tenant_name=store.scope.tenant,
        created_by=store.scope.user,
    )
    existing = StoreResources(store, planned, stored_secrets(app), plan=plan)
    return dsl.check_inputs(plan, inputs, existing=existing)


def check_plugins(store: Store, plan: Plan) -> None:
    """Raise Invalid naming every plugin that is needed and not uploaded."""
    missing = []
    plugins = (*plan.get("deployment_plugins_to_install", ()), *plan.get("workflow_plugins_to_install", ()))
    # Built-in plugins are not installed, and plugins with a source need not be uploaded.
    for plugin in [plugin for plugin in plugins if plugin.get("install") and not plugin.get("source")]:
        try:
            resolve.resolve_requirement(store, plugin)
        except NotFound as error:
            missing.append(error.message)
    if missing:
        raise Invalid(
            "\n".join(dict.fromkeys(missing)),
            hint="Upload what is missing: cfy plugins upload WAGON -y FILE; or use --skip-plugins-validation.",
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

    Raises Invalid while executions of the deployment run, and, without `force`, while other deployments depend on it or
    node instances are live. `creator` names the dependency that requests the deletion itself, if one does.
    """
    deployment = store.get_own(Deployment, deployment_id)
    store.acquire_lock(LockKey.DEPLOYMENT, deployment.storage_id)  # no execution of it may start meanwhile
    (refusal,) = deletion_checks.find_refusals(
        store, [deletion_checks.Deletion(deployment, creator)], force=force, recursive=recursive
    )
    if refusal is not None:
        raise refusal
    if recursive:
        check_contents_permitted(store, deployment)
    parameters: DeleteParameters = {"delete_logs": delete_logs, "force": force, "recursive": recursive}
    execution = executions.start_system(
        store, "delete_deployment_environment", cast(JsonObject, parameters), deployment
    )
    store.after_commit(app.work_available.notify)
    return execution


def check_permitted(store: Store, contained: Deployment) -> Deployment:
    """Return a deployment inside another one, as the user may see and change it. Raises Forbidden."""
    found = store.in_tenant(contained.tenant_name).find(Deployment, contained.id)
    is_visible = found is not None and found.storage_id == contained.storage_id
    if found is None or not is_visible or not store.scope.is_permitted_in(contained.tenant_name):
        raise Forbidden(
            f"User `{store.scope.user}` may not see or change all of the deployments inside: one is of tenant "
            f"`{contained.tenant_name}` and belongs to `{contained.created_by}`",
            hint="Let an administrator do it, or leave out `recursive`.",
        )
    return found


def check_contents_permitted(store: Store, deployment: Deployment) -> None:
    """Raise Forbidden when the user may not change one of the deployments inside, at any depth."""
    for contained in tree.find_contents(store.unscoped, deployment):  # of any user
        check_permitted(store, contained)
