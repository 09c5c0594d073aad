"""Starting of a workflow on all deployments of a group: every one is checked before anything is stored."""

import json
from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import lazyload, load_only

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.plan import WorkflowPlan
from cfy_cli.contract.states import RUNNING
from cfy_cli.dsl.functions.names import holds_function
from cfy_cli.errors import CfyError, Forbidden
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.deployment_groups import members
from cfy_cli.manager.services.deployment_updates import records as updates
from cfy_cli.manager.services.deployments import dependencies
from cfy_cli.manager.services.execution_groups import making
from cfy_cli.manager.services.execution_groups.actions import START_PERMISSION
from cfy_cli.manager.services.execution_groups.group_values import GroupValues
from cfy_cli.manager.services.execution_groups.making import NewExecution
from cfy_cli.manager.services.executions import operation_inputs, workflows
from cfy_cli.manager.services.executions import parameters as workflow_parameters
from cfy_cli.manager.services.labels import PARENT
from cfy_cli.manager.store.bulk import split
from cfy_cli.manager.store.models import (
    Deployment,
    DeploymentGroup,
    DeploymentLabel,
    Execution,
    ExecutionGroup,
    InterDeploymentDependency,
)
from cfy_cli.manager.store.store import Store

UPDATE_PERMISSION = "deployment_update_create"  # of a single deployment
LOADED = (
    lazyload("*"),
    load_only(
        Deployment.id,
        Deployment.display_name,
        Deployment.blueprint_id,
        Deployment.blueprint_storage_id,
        Deployment.tenant_name,
        Deployment.visibility,
        Deployment.created_by,
        Deployment.workflow_definitions,
        Deployment.instances_active,
        Deployment.node_types,
        Deployment.inputs,
        Deployment.latest_execution,
        Deployment.deployment_status,
    ),
)


def start(
    app: AppContext,
    store: Store,
    deployment_group_id: str,
    workflow_id: str,
    *,
    default_parameters: Mapping[str, Json],
    parameters: Mapping[str, Mapping[str, Json]],
    force: bool = False,
    concurrency: int = making.DEFAULT_CONCURRENCY,
) -> ExecutionGroup:
    """Start a workflow on the deployments of a group that the user sees.

    `parameters` are those of single deployments, by their ids; they come before `default_parameters`. Raises NotFound
    for the group, Forbidden for a user who may not start the workflow on a single deployment, and Invalid naming the
    first deployment on which the workflow cannot run.
    """
    permission = UPDATE_PERMISSION if workflow_id == updates.UPDATE_OF_GROUP else START_PERMISSION
    if not store.scope.has_permission(permission):
        raise Forbidden(f"The permission `{permission}` is required to start `{workflow_id}` on a deployment")
    group = store.get_permitted(DeploymentGroup, deployment_group_id)
    store = store.in_tenant(group.tenant_name)
    deployments = members.find(store, group, LOADED)
    _check_size(default_parameters, parameters, len(deployments))
    request = _Request(app, store, workflow_id, deployments, force=force)
    return making.add(
        app,
        store,
        workflow_id,
        [
            request.check(deployment, {**default_parameters, **parameters.get(deployment.id, {})})
            for deployment in deployments
        ],
        deployment_group_id=group.id,
        visibility=group.visibility,
        concurrency=concurrency,
        force=force,
        allow_custom_parameters=False,
    )


def _check_size(default: Mapping[str, Json], own: Mapping[str, Mapping[str, Json]], count: int) -> None:
    """Raise TooLarge for parameters of very many bytes, before they are completed and checked for each deployment."""
    values = GroupValues()
    values.add(default, count)
    for parameters in own.values():
        values.add(parameters)


class _Request:
    """The checks of one request, for which what many deployments share is found out once."""

    def __init__(
        self, app: AppContext, store: Store, workflow_id: str, deployments: Sequence[Deployment], *, force: bool
    ) -> None:
        self._app, self._store, self._workflow_id, self._force = app, store, workflow_id, force
        self._complete: dict[str, JsonObject] = {}  # parameters without functions, by what they follow from
        ids = [deployment.storage_id for deployment in deployments]
        self._busy = set() if force else _find_busy(store, ids)
        disrupts = not force and workflow_id in dependencies.DISRUPTIVE_WORKFLOWS
        self._needed = _find_needed(store, deployments) if disrupts else set()

    def check(self, deployment: Deployment, given: Mapping[str, Json]) -> NewExecution:
        """Return the execution to make. Raises Invalid."""
        if self._workflow_id == updates.UPDATE_OF_GROUP:  # checked for each deployment when its update starts
            return NewExecution(deployment, updates.check_parameters(given))
        try:
            workflow = workflows.find(deployment, self._workflow_id)
            complete = self._complete_parameters(deployment, workflow, given)
            operation_inputs.check_inputs(self._store, deployment, workflow, complete)
            if deployment.storage_id in self._needed:
                dependencies.check_workflow(self._store, deployment, self._workflow_id, complete, creator=None)
            if not self._force and deployment.storage_id not in self._busy:  # else it may be available later
                workflows.check_available(deployment, self._workflow_id, workflow)
        except CfyError as error:
            error.hint = f"That is so for deployment {deployment.id}, and no execution was started. {error.hint or ''}"
            raise
        return NewExecution(deployment, complete)

    def _complete_parameters(
        self, deployment: Deployment, workflow: WorkflowPlan, given: Mapping[str, Json]
    ) -> JsonObject:
        declared = workflow.get("parameters") or {}
        shared = None if holds_function([dict(given), declared]) else json.dumps([declared, dict(given)])
        key = f"{deployment.blueprint_storage_id} {shared}"
        if shared is not None and key in self._complete:
            return self._complete[key]
        complete = workflow_parameters.complete(
            self._app, self._store, deployment, self._workflow_id, workflow, given, custom=False
        )
        if shared is not None:
            self._complete[key] = complete
        return complete


def _find_busy(store: Store, storage_ids: Sequence[int]) -> set[int]:
    """Return the storage ids of deployments of which executions run."""
    found: set[int] = set()
    for some in split(storage_ids):
        running = select(Execution.deployment_storage_id).where(
            Execution.deployment_storage_id.in_(some), Execution.status.in_(RUNNING)
        )
        found.update(each for each in store.unscoped.scalars(running) if each is not None)  # of all users
    return found


def _find_needed(store: Store, deployments: Sequence[Deployment]) -> set[int]:
    """Return the storage ids of deployments that others depend on or are in."""
    session, found = store.unscoped, set[int]()  # others of any user
    by_name = {deployment.id: deployment.storage_id for deployment in deployments}
    for names in split(list(by_name)):
        parents = select(DeploymentLabel.value).where(DeploymentLabel.key == PARENT, DeploymentLabel.value.in_(names))
        found.update(by_name[name] for name in session.scalars(parents))
    for some in split(list(by_name.values())):
        target = InterDeploymentDependency.target_storage_id
        targets = select(target).where(target.in_(some))
        found.update(each for each in session.scalars(targets) if each is not None)
    return found
