"""Dependencies on the deployments that calls of `get_capability` in a plan refer to."""

import logging
from collections.abc import Sequence
from typing import TypedDict, cast

from sqlalchemy import bindparam, select

from cfy_cli import dsl
from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.plan import CapabilityCall, InstancePlan, PreparedPlan
from cfy_cli.errors import CfyError
from cfy_cli.manager.services.deployments import dependencies
from cfy_cli.manager.services.deployments.lookups import StoreLookups
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext
from cfy_cli.manager.services.secrets.secrets import execution_secrets
from cfy_cli.manager.store.models import Deployment
from cfy_cli.manager.store.models import InterDeploymentDependency as Dependency
from cfy_cli.manager.store.store import Store

log = logging.getLogger(__name__)
COMPUTED = (
    select(Dependency)
    .where(Dependency.source_storage_id == bindparam("source"), Dependency.target_deployment_func.is_not(None))
    .order_by(Dependency.storage_id)
)


class InstanceIds(TypedDict, total=False):
    """Ids of the node instances that SELF, SOURCE and TARGET stand for."""

    self: str
    source: str
    target: str


def find_calls(
    plan: PreparedPlan, instances: list[InstancePlan], lookups: StoreLookups
) -> list[tuple[str | None, CapabilityCall]]:
    """Return the calls in a plan, each with the id of its target deployment, as far as it can be evaluated now."""
    calls = dsl.find_capability_calls(plan, instances)
    return [(_evaluate_target(_function(call), lookups), call) for call in calls]


def create_dependencies(
    store: Store, deployment: Deployment, calls: Sequence[tuple[str | None, CapabilityCall]]
) -> None:
    """Store the dependencies of `find_calls`; `update_targets` finds the targets that are unknown now."""
    for target_id, call in calls:
        target = store.find(Deployment, target_id) if target_id else None
        is_literal = call["target_deployment"][0] is not None
        function = None if target and is_literal else _function(call)
        dependencies.create(store, call["function_identifier"], deployment, target, function=function)


def replace_dependencies(
    store: Store, deployment: Deployment, calls: Sequence[tuple[str | None, CapabilityCall]], *, keeps_old: bool
) -> None:
    """Store the dependencies of `find_calls` that are new, and delete those of other calls unless they are kept."""
    new = {call["function_identifier"]: (target_id, call) for target_id, call in calls}
    present = [
        dependency
        for dependency in dependencies.find_of_source(store, deployment)
        if dependency.dependency_creator.endswith(dependencies.CAPABILITY)
    ]
    equal = {each.dependency_creator for each in present if _is_of_call(each, new.get(each.dependency_creator))}
    if not keeps_old:
        dependencies.delete_many(store, [each for each in present if each.dependency_creator not in equal])
    create_dependencies(store, deployment, [pair for creator, pair in new.items() if creator not in equal])


def _is_of_call(dependency: Dependency, found: tuple[str | None, CapabilityCall] | None) -> bool:
    if found is None:
        return False
    target_id, call = found
    if dependency.target_deployment_func is not None:
        return dependency.target_deployment_func == _function(call)
    return dependency.target_deployment_id == target_id


def update_targets(context: ExecutionContext) -> None:
    """Evaluate the targets of the deployment's dependencies again, after an execution has changed properties."""
    storage_id = context.execution.deployment_storage_id
    if storage_id is None or context.execution.is_dry_run:
        return
    with context.reading_own_rows() as store:
        computed = _find_computed(store, storage_id)
        deployment = _get_deployment(store, storage_id) if computed else None
    if deployment is None:
        return
    lookups = StoreLookups(context.reading, deployment, execution_secrets(context))
    target_ids = {row.storage_id: _evaluate_target(row.target_deployment_func, lookups) for row in computed}
    problems: list[str] = []  # logged afterwards: the log may need a transaction of its own
    with context.writing("inter_deployment_dependency_update") as store:
        source = _get_deployment(store, storage_id)
        for dependency in _find_computed(store, storage_id) if source else []:
            target_id = target_ids.get(dependency.storage_id)
            target = store.find(Deployment, target_id) if target_id else None
            if source and target and target.storage_id != dependency.target_storage_id:
                try:
                    dependencies.set_target(store, source, dependency, target)
                except CfyError as error:
                    problems.append(f"Failed updating dependencies of deployment {source.id}: {error}")
    for problem in problems:
        context.log(problem, "error")


def _function(call: CapabilityCall) -> JsonObject:
    return {"function": call["target_deployment"][1], "context": {**call["context"]}}


def _get_deployment(store: Store, storage_id: int) -> Deployment | None:
    return store.unscoped.get(Deployment, storage_id)  # the execution's own deployment


def _find_computed(store: Store, source_storage_id: int) -> Sequence[Dependency]:
    """Return the dependencies of a deployment whose target is computed."""
    return store.unscoped.scalars(COMPUTED, {"source": source_storage_id}).all()  # of the execution's own deployment


def _evaluate_target(function: Json, lookups: StoreLookups) -> str | None:
    """Return the id of a deployment, or None when it cannot be evaluated yet.

    `function` is {"function", "context"}, or the function alone.
    """
    ids: InstanceIds = {}
    if isinstance(function, dict) and "function" in function:
        ids = cast("InstanceIds", function.get("context") or {})
        function = function["function"]
    try:
        target_id = dsl.evaluate(
            function, lookups, self_id=ids.get("self"), source_id=ids.get("source"), target_id=ids.get("target")
        )
    except (CfyError, KeyError) as error:  # KeyError: a node instance that was deleted
        log.info("The target deployment of %s cannot be evaluated yet: %s", function, error)
        return None
    return target_id if isinstance(target_id, str) else None
