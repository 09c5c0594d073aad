"""Requests to create many deployments in a group at once, and to delete all that a group has."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from sqlalchemy import select

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.plan import Plan
from cfy_cli.contract.resources import DEPLOYMENTS
from cfy_cli.errors import Conflict, ErrorCode, Forbidden, Invalid
from cfy_cli.manager.services import labels
from cfy_cli.manager.services.blueprints import blueprints
from cfy_cli.manager.services.blueprints.plan_cache import PlanCache
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.deployment_groups import id_templates, members
from cfy_cli.manager.services.deployments import label_sets, tree
from cfy_cli.manager.services.deployments.deployments import check_blueprint_visibility
from cfy_cli.manager.services.execution_groups import making
from cfy_cli.manager.services.execution_groups.group_values import GroupValues
from cfy_cli.manager.services.executions import exclusive_workflows
from cfy_cli.manager.services.labels import CONSUMER, Pair
from cfy_cli.manager.services.names import check_name
from cfy_cli.manager.services.system_workflows import deletion_checks, deployment_requests
from cfy_cli.manager.store.advisory_locks import LockKey
from cfy_cli.manager.store.bulk import BulkStatement, row_of, split
from cfy_cli.manager.store.models import Blueprint, Deployment, DeploymentGroup, ExecutionGroup, Site
from cfy_cli.manager.store.row_locks import lock_rows
from cfy_cli.manager.store.store import Store

CREATE, DELETE = "create_deployment_environment", "delete_deployment_environment"
CONCURRENCY = 10
INSERT_DEPLOYMENT = BulkStatement.insert(Deployment)
MAX_LISTED = 20  # deployments in an error


@dataclass(frozen=True, slots=True)
class NewDeployment:
    """A deployment to make in a group; the templates of its names may have variables."""

    id_template: str | None = None
    display_name: str | None = None
    inputs: JsonObject = field(default_factory=dict)
    labels: Sequence[Pair] = ()
    site_name: str | None = None
    runtime_only_evaluation: bool = False
    skip_plugins_validation: bool = False


def create(app: AppContext, store: Store, group: DeploymentGroup, requested: Sequence[NewDeployment]) -> None:
    """Make deployments of the group's blueprint, whose environments an execution group then creates.

    The caller holds the lock of the group. Raises Conflict, Invalid, NotFound and Forbidden, before anything is made.
    """
    if not requested:
        return
    _check_permitted(store, "deployment_create")
    exclusive_workflows.must_wait(store)
    blueprint, plan = _find_blueprint(app, store, group)
    if not all(each.skip_plugins_validation for each in requested):
        deployment_requests.check_plugins(store, plan)
    inputs = _InputsOfGroup(app, store, group, blueprint, plan)
    sites = {each.site_name: store.get(Site, each.site_name).storage_id for each in requested if each.site_name}
    names = _make_names(group, blueprint, plan, requested)
    _check_free(store, [deployment_id for deployment_id, _ in names], group.visibility)
    executions = []
    for each, (deployment_id, display_name) in zip(requested, names, strict=True):
        execution_id = str(uuid.uuid4())
        given, complete = inputs.of(deployment_id, each.inputs)
        deployment = deployment_requests.build(
            blueprint,
            deployment_id,
            execution_id,
            display_name=display_name,
            site=None,
            inputs=complete,
            visibility=group.visibility,
            created_by=store.scope.user,
            runtime_only_evaluation=each.runtime_only_evaluation,
        )
        deployment.tenant_name = store.scope.tenant
        deployment.site_storage_id = sites.get(each.site_name or "")
        parameters: JsonObject = {"inputs": given, "display_name": deployment.display_name}
        executions.append(making.NewExecution(deployment, parameters, execution_id))
    group.creation_counter += len(requested)
    created = [execution.deployment for execution in executions]
    _insert(store, created)
    lock_rows(store.unscoped, [group], ("labels",))  # a group in scope
    of_group = [(label.key, label.value) for label in group.labels]
    label_sets.set_new(store, created, [each.labels for each in requested], of_group)
    members.add_new(store, group, [deployment.storage_id for deployment in created])
    making.add(
        app,
        store,
        CREATE,
        executions,
        deployment_group_id=group.id,
        visibility=group.visibility,
        concurrency=CONCURRENCY,
    )


def delete(
    app: AppContext, store: Store, group: DeploymentGroup, parameters: deployment_requests.DeleteParameters
) -> ExecutionGroup | None:
    """Delete a group and all its deployments. Raises Invalid, naming those that cannot be deleted, and deletes none."""
    _check_permitted(store, "deployment_delete")
    exclusive_workflows.must_wait(store)
    storage_ids = members.find_storage_ids(store, group)
    store.acquire_locks(LockKey.DEPLOYMENT, storage_ids)  # no execution of them may start meanwhile
    known = set(storage_ids)
    found = [each for each in members.find(store, group, making.LOADED) if each.storage_id in known]
    if len(found) < len(storage_ids):
        raise Forbidden(
            f"Deployment group `{group.id}` has deployments that user `{store.scope.user}` may not see or delete",
            hint="Delete the group alone, or let an administrator delete its deployments too.",
        )
    refusals = _find_refusals(store, found, parameters)
    if refusals:
        more = f"\n{len(refusals) - MAX_LISTED} more cannot be deleted either" if len(refusals) > MAX_LISTED else ""
        message = "\n".join(refusal.message for refusal in refusals[:MAX_LISTED])
        raise Invalid(message + more, hint=refusals[0].hint, code=ErrorCode.DEPENDENT_EXISTS)
    executions = [making.NewExecution(each, cast(JsonObject, {**parameters})) for each in found]
    started = None
    if executions:
        started = making.add(
            app,
            store,
            DELETE,
            executions,
            deployment_group_id=group.id,
            visibility=group.visibility,
            concurrency=CONCURRENCY,
        )
    members.remove(store, group)
    store.delete(group)
    return started


def _insert(store: Store, created: Sequence[Deployment]) -> None:
    """Store deployments whose names are free, past the session, and give them their storage ids."""
    rows = [row_of(deployment) for deployment in created]
    INSERT_DEPLOYMENT.execute(store.unscoped.connection(), rows)  # of the tenant of the group
    store.record_creations(Deployment, rows)
    by_id = {deployment.id: deployment for deployment in created}
    for ids in split(list(by_id)):
        own = select(Deployment.id, Deployment.storage_id).where(
            Deployment.id.in_(ids), Deployment.tenant_name == store.scope.tenant
        )
        for deployment_id, storage_id in store.unscoped.execute(own):  # of the same deployments
            by_id[deployment_id].storage_id = storage_id


def _check_permitted(store: Store, permission: str) -> None:
    if not store.scope.has_permission(permission):
        raise Forbidden(f"The permission `{permission}` is required for this change of a deployment group")


def _find_blueprint(app: AppContext, store: Store, group: DeploymentGroup) -> tuple[Blueprint, Plan]:
    if group.default_blueprint_id is None:
        raise Conflict(
            f"Cannot create deployments: group {group.id} has no default blueprint set",
            hint=f"Set one: cfy deployments groups update {group.id} -b BLUEPRINT",
        )
    blueprint = blueprints.get_uploaded(store, group.default_blueprint_id)
    check_blueprint_visibility(group.id, group.visibility, blueprint)
    plan = app.service(PlanCache).get(store.unscoped, blueprint.storage_id)  # of a blueprint that the user may use
    assert plan is not None, "an uploaded blueprint has a plan"
    return blueprint, plan


class _InputsOfGroup:
    """The inputs of new deployments in a group: its own under those of each; equal ones are checked once."""

    def __init__(self, app: AppContext, store: Store, group: DeploymentGroup, blueprint: Blueprint, plan: Plan) -> None:
        self._app, self._store, self._blueprint, self._plan = app, store, blueprint, plan
        self._defaults = group.default_inputs or {}
        self._checked: dict[str, tuple[JsonObject, JsonObject]] = {}
        self._values = GroupValues()

    def of(self, deployment_id: str, own: JsonObject) -> tuple[JsonObject, JsonObject]:
        """Return the inputs as they are given, and complete. Raises dsl.InputsInvalid, and TooLarge for all of them."""
        key = json.dumps(own, sort_keys=True)
        if key not in self._checked:
            given = {**self._defaults, **own}
            self._values.add(given)
            complete = deployment_requests.check_inputs(
                self._app, self._store, deployment_id, self._blueprint, self._plan, given
            )
            self._checked[key] = given, complete
        for value in self._checked[key]:
            self._values.add(value)
        return self._checked[key]


def _make_names(
    group: DeploymentGroup, blueprint: Blueprint, plan: Plan, requested: Sequence[NewDeployment]
) -> list[tuple[str, str | None]]:
    """Return the id and the display name of each new deployment. Raises Conflict when two would have the same id."""
    settings: Mapping[str, object] = plan.get("deployment_settings") or {}
    default = str(settings.get("id_template") or id_templates.DEFAULT_TEMPLATE)
    default_display_name = settings.get("display_name_template")
    names: list[tuple[str, str | None]] = []
    used: set[str] = set()
    for count, each in enumerate(requested, group.creation_counter):
        values = id_templates.values_of(group.id, blueprint.id, each.site_name, count)
        template = each.id_template or default
        deployment_id = id_templates.render(template, values)
        if deployment_id in used:
            hint = "" if id_templates.is_unique(template) else ": put {uuid} or {count} in it"
            raise Conflict(f"The id template `{template}` makes the id `{deployment_id}` for several deployments{hint}")
        used.add(deployment_id)
        check_name(DEPLOYMENTS, id_templates.without_braces(deployment_id))
        display_name = each.display_name or default_display_name
        names.append((deployment_id, id_templates.render(str(display_name), values) if display_name else None))
    return names


def _check_free(store: Store, ids: Sequence[str], visibility: str) -> None:
    """Raise Conflict for the ids that other deployments have."""
    taken = members.find_taken(store, ids, visibility)
    if taken:
        more = f" and {len(taken) - MAX_LISTED} more" if len(taken) > MAX_LISTED else ""
        listed = ", ".join(f"`{each}`" for each in taken[:MAX_LISTED])
        raise Conflict(
            f"Deployment {listed}{more} already exists in tenant `{store.scope.tenant}` or with global visibility"
        )


def _find_refusals(
    store: Store, deployments: Sequence[Deployment], parameters: deployment_requests.DeleteParameters
) -> list[Invalid]:
    """Return why some of the deployments cannot be deleted. Raises Forbidden."""
    deletions = [deletion_checks.Deletion(deployment) for deployment in deployments]
    force, recursive = parameters["force"], parameters["recursive"]
    found = deletion_checks.find_refusals(store, deletions, force=force, recursive=recursive)
    if recursive:
        storage_ids = [deployment.storage_id for deployment in deployments]
        with_children = tree.find_children_of_all(store.unscoped, storage_ids)  # of any user
        for deployment, refusal in zip(deployments, found, strict=True):
            if refusal is None and deployment.storage_id in with_children:
                deployment_requests.check_contents_permitted(store, deployment)
    return [refusal for refusal in found if refusal is not None]


def labels_of(given: object) -> list[Pair]:
    """Return the labels of a new deployment in one of the forms of the API. Raises Invalid."""
    pairs = [pair for pair in labels.parse(given) if pair[0] != CONSUMER]  # which only the manager sets
    labels.check(pairs)
    return pairs
