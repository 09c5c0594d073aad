"""Requests to update a deployment; the workflow `update` makes the changes."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import select

from cfy_cli import dsl
from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.plan import Plan
from cfy_cli.contract.states import ENDED, ExecutionState, UpdateState
from cfy_cli.errors import ErrorCode, Invalid
from cfy_cli.manager.services.blueprints import blueprints
from cfy_cli.manager.services.blueprints.plan_cache import PlanCache
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.deployment_updates import records
from cfy_cli.manager.services.deployments import dependencies
from cfy_cli.manager.services.deployments.deployments import check_blueprint_visibility
from cfy_cli.manager.services.deployments.existing_resources import StoreResources
from cfy_cli.manager.services.executions import executions
from cfy_cli.manager.services.secrets.secrets import stored_secrets
from cfy_cli.manager.store.advisory_locks import LockKey
from cfy_cli.manager.store.models import Blueprint, Deployment, DeploymentUpdate, Execution, NodeInstance
from cfy_cli.manager.store.models.owned import inherited_columns
from cfy_cli.manager.store.store import Store

DELETE = "delete_deployment_environment"


@dataclass(frozen=True, slots=True)
class UpdateRequest:
    """Describe what to change, and how. None stands for the present value of the deployment."""

    blueprint_id: str | None = None
    inputs: JsonObject = field(default_factory=dict)  # they replace single ones of the present inputs
    workflow_id: str | None = None  # that changes the node instances, in place of the built-in steps
    reinstall_list: Sequence[str] = ()  # ids of node instances
    skip_install: bool = False
    skip_uninstall: bool = False
    skip_reinstall: bool = False
    skip_drift_check: bool = False
    skip_heal: bool = False
    force_reinstall: bool = False
    ignore_failure: bool = False
    install_first: bool = False
    preview: bool = False
    force: bool = False
    update_plugins: bool = True
    auto_correct_types: bool = False
    reevaluate_active_statuses: bool = False
    runtime_only_evaluation: bool | None = None

    def parameters(self, update_id: str, blueprint_id: str, *, runtime_only: bool) -> JsonObject:
        """Return the parameters of the execution."""
        return {
            "update_id": update_id,
            "blueprint_id": blueprint_id,
            "inputs": self.inputs,
            "preview": self.preview,
            "runtime_only_evaluation": runtime_only,
            "force": self.force,
            "workflow_id": self.workflow_id,
            "reinstall_list": list(self.reinstall_list),
            "reevaluate_active_statuses": self.reevaluate_active_statuses,
            "auto_correct_types": self.auto_correct_types,
            "update_plugins": self.update_plugins,
            "install_first": self.install_first,
            "ignore_failure": self.ignore_failure,
            "skip_reinstall": self.skip_reinstall,
            "skip_uninstall": self.skip_uninstall,
            "skip_install": self.skip_install,
            "skip_drift_check": self.skip_drift_check,
            "force_reinstall": self.force_reinstall,
            "skip_heal": self.skip_heal,
        }


def start(
    app: AppContext,
    store: Store,
    deployment_id: str,
    request: UpdateRequest,
    *,
    workflow_id: str = records.UPDATE,
    creator: str | None = None,
    execution_id: str | None = None,
) -> DeploymentUpdate:
    """Check the request, store its record and start the execution that makes the update.

    `creator` is that of a dependency on the deployment which makes the request itself, and does not block it. Raises
    Invalid; DEPENDENT_EXISTS is the code when other deployments depend on this one, see `record_refused`.
    """
    deployment = store.get_permitted(Deployment, deployment_id)
    store.acquire_lock(LockKey.DEPLOYMENT, deployment.storage_id)
    _check_environment(store, deployment)
    blueprint, inputs = _check_request(app, store, deployment, request)
    reevaluate = request.reevaluate_active_statuses
    records.check_none_active(store, deployment, reevaluate=reevaluate, force=request.force)
    if not request.force and not request.preview:
        dependencies.check_workflow(store, deployment, records.UPDATE, {}, creator=creator)
    update = _add_record(store, deployment, blueprint, request, inputs)
    update.execution_id = execution_id or str(uuid.uuid4())
    runtime_only = update.runtime_only_evaluation
    executions.start_system(
        store,
        workflow_id,
        request.parameters(update.id, blueprint.id, runtime_only=runtime_only),
        deployment,
        execution_id=update.execution_id,
        is_latest=not request.preview,
    )
    store.after_commit(app.work_available.notify)
    return update


def add_to_execution(app: AppContext, store: Store, execution: Execution) -> None:
    """Store the record of an update whose execution a group has started, unless there is one. Raises CfyError."""
    if records.find_of_execution(store.unscoped, execution) is not None:  # of the execution
        return
    request = UpdateRequest(**cast("dict[str, Any]", records.check_parameters(execution.parameters)))
    deployment = store.get_permitted(Deployment, str(execution.deployment_id))
    store.acquire_lock(LockKey.DEPLOYMENT, deployment.storage_id)
    _check_environment(store, deployment)
    blueprint, inputs = _check_request(app, store, deployment, request)
    reevaluate = request.reevaluate_active_statuses
    records.check_none_active(store, deployment, reevaluate=reevaluate, force=request.force)
    if not request.force:
        dependencies.check_workflow(store, deployment, records.UPDATE, {}, creator=None)
    _add_record(store, deployment, blueprint, request, inputs).execution_id = execution.id


def record_refused(app: AppContext, store: Store, deployment_id: str, request: UpdateRequest) -> DeploymentUpdate:
    """Store the record of an update that was refused because other deployments depend on the deployment."""
    deployment = store.get_permitted(Deployment, deployment_id)
    blueprint, inputs = _check_request(app, store, deployment, request)
    update = _add_record(store, deployment, blueprint, request, inputs)
    update.state = UpdateState.FAILED
    return update


def is_made_by(store: Store, update: DeploymentUpdate, execution_id: str | None) -> bool:
    """Return whether an execution makes an update, or is the workflow that the update runs."""
    if execution_id is None or execution_id == update.execution_id:
        return execution_id is not None
    own = select(Execution.parameters).where(
        Execution.id == execution_id, Execution.deployment_storage_id == update.deployment_storage_id
    )
    parameters = store.unscoped.scalar(own)  # of the execution that is logged in
    return parameters is not None and parameters.get("update_id") == update.id


def _add_record(
    store: Store, deployment: Deployment, blueprint: Blueprint, request: UpdateRequest, inputs: JsonObject
) -> DeploymentUpdate:
    runtime_only = request.runtime_only_evaluation
    return store.add(
        DeploymentUpdate(
            id=f"{deployment.id}-{uuid.uuid4()}",
            deployment_storage_id=deployment.storage_id,
            deployment_id=deployment.id,
            old_blueprint_id=deployment.blueprint_id,
            old_blueprint_storage_id=deployment.blueprint_storage_id,
            new_blueprint_id=blueprint.id,
            new_blueprint_storage_id=blueprint.storage_id,
            old_inputs=deployment.inputs,
            new_inputs=inputs,
            runtime_only_evaluation=deployment.runtime_only_evaluation if runtime_only is None else runtime_only,
            is_preview=request.preview,
            **inherited_columns(deployment),
        )
    )


def _check_environment(store: Store, deployment: Deployment) -> None:
    """Raise Invalid while the environment of the deployment is created, and while it is deleted."""
    # executions of the deployment, of any user
    status = store.unscoped.scalar(select(Execution.status).where(Execution.id == deployment.create_execution))
    if status not in (None, *ENDED):
        raise Invalid(
            f"Deployment environment creation is still in progress, status: {status}",
            hint=f"Wait for it: cfy executions wait {deployment.create_execution}",
            code=ErrorCode.DEPLOYMENT_ENVIRONMENT_CREATION_IN_PROGRESS,
        )
    if status in (ExecutionState.FAILED, ExecutionState.CANCELLED):
        raise Invalid(
            f"Deployment `{deployment.id}` cannot be updated: the creation of its environment has {status}",
            hint=f"Delete it and create it again: cfy deployments delete {deployment.id}",
        )
    deletion = select(Execution.id).where(
        Execution.deployment_storage_id == deployment.storage_id,
        Execution.workflow_id == DELETE,
        Execution.status.not_in(ENDED),
    )
    if store.unscoped.scalar(deletion.limit(1)) is not None:  # of any user
        raise Invalid(f"Deployment `{deployment.id}` is being deleted", code=ErrorCode.EXISTING_RUNNING_EXECUTION)


def _check_request(
    app: AppContext, store: Store, deployment: Deployment, request: UpdateRequest
) -> tuple[Blueprint, JsonObject]:
    """Return the blueprint and all inputs after the update. Raises Invalid and NotFound."""
    if request.blueprint_id is None or request.blueprint_id == deployment.blueprint_id:
        blueprint = blueprints.check_uploaded(deployment.blueprint)  # though another user's private one
    else:
        blueprint = blueprints.get_uploaded(store, request.blueprint_id)
        check_blueprint_visibility(deployment.id, deployment.visibility, blueprint)
    plan = app.service(PlanCache).get(store.unscoped, blueprint.storage_id)  # of a blueprint that the user may use
    assert plan is not None, "an uploaded blueprint has a plan"
    _check_reinstall_list(store, deployment, request.reinstall_list)
    _check_workflow(deployment, plan, request.workflow_id)
    present = {name: value for name, value in deployment.inputs.items() if name in plan["inputs"]}
    existing = StoreResources(store, deployment, stored_secrets(app), plan=plan)
    inputs = dsl.check_inputs(
        plan, {**present, **request.inputs}, existing=existing, auto_correct_types=request.auto_correct_types
    )
    return blueprint, inputs


def _check_reinstall_list(store: Store, deployment: Deployment, ids: Sequence[str]) -> None:
    if not ids:
        return
    own = select(NodeInstance.id).where(NodeInstance.deployment_storage_id == deployment.storage_id)
    known = set(store.unscoped.scalars(own))  # as visible as the deployment
    unknown = [instance_id for instance_id in ids if instance_id not in known]
    if unknown:
        raise Invalid(
            f"Deployment `{deployment.id}` has no node instances {', '.join(unknown)} to reinstall",
            hint=f"List them: cfy node-instances list -d {deployment.id}",
        )


def _check_workflow(deployment: Deployment, plan: Plan, workflow_id: str | None) -> None:
    workflows = plan.get("workflows") or {}
    if workflow_id is not None and workflow_id not in workflows:
        raise Invalid(
            f"Workflow {workflow_id} does not exist in the blueprint to which deployment {deployment.id} is updated",
            hint=f"It has {', '.join(sorted(workflows)) or 'none'}.",
            code=ErrorCode.NONEXISTENT_WORKFLOW,
        )
