"""Dependencies of deployments that ask others for capabilities (`get_capability`), found in their plans."""

import logging
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select

from cfy_cli import dsl
from cfy_cli.contract.json import JsonObject
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


def wanted(
    plan: PreparedPlan, instances: list[InstancePlan], lookups: StoreLookups
) -> list[tuple[str | None, CapabilityCall]]:
    """The calls in the plan of a new deployment, each with the name of the deployment it means, if that can be told."""
    calls = dsl.find_capability_calls(plan, instances)
    return [(_meant(_function(call), lookups), call) for call in calls]


def keep(store: Store, deployment: Deployment, calls: Iterable[tuple[str | None, CapabilityCall]]) -> None:
    """Keep what was found `wanted`; what cannot be told yet, and names nobody has yet, are looked for again later."""
    for name, call in calls:
        target = store.find(Deployment, name) if name else None
        is_said = call["target_deployment"][0] is not None
        function = None if target and is_said else _function(call)
        dependencies.create(store, call["function_identifier"], deployment, target, function=function)


def _function(call: CapabilityCall) -> JsonObject:
    return {"function": call["target_deployment"][1], "context": {**call["context"]}}


def follow_targets(context: ExecutionContext) -> None:
    """Once something has run: ask again which deployments the calls mean that only then can be answered."""
    number = context.execution.deployment_storage_id
    if number is None or context.execution.is_dry_run:
        return
    with context.reading() as store:
        open_ones = _open(store, number)
        deployment = store.unscoped.get(Deployment, number) if open_ones else None
    if deployment is None:
        return
    lookups = StoreLookups(context.reading, deployment, execution_secrets(context))
    meant = {each.storage_id: _meant(each.target_deployment_func, lookups) for each in open_ones}
    with context.app.writing(context.scope) as store:
        source = store.unscoped.get(Deployment, number)
        for each in _open(store, number) if source else []:
            name = meant.get(each.storage_id)
            target = store.find(Deployment, name) if name else None
            if source and target and target.storage_id != each.target_storage_id:
                _aim(context, store, source, each, target)


def _open(store: Store, source: int) -> Sequence[Dependency]:
    """By the storage id of a deployment."""
    return store.unscoped.scalars(
        select(Dependency)
        .where(Dependency.source_storage_id == source, Dependency.target_deployment_func.is_not(None))
        .order_by(Dependency.storage_id)
    ).all()


def _meant(function: Any, lookups: StoreLookups) -> str | None:
    """The name of a deployment, as far as it can be told now."""
    is_pair = isinstance(function, dict) and "function" in function
    written, ids = (function["function"], function.get("context") or {}) if is_pair else (function, {})
    try:
        name = dsl.evaluate(
            written, lookups, self_id=ids.get("self"), source_id=ids.get("source"), target_id=ids.get("target")
        )
    except (CfyError, KeyError) as error:  # such as an instance that is no more
        log.info("Which deployment %s means is not known: %s", written, error)
        return None
    return name if isinstance(name, str) else None


def _aim(
    context: ExecutionContext, store: Store, source: Deployment, dependency: Dependency, target: Deployment
) -> None:
    try:
        dependencies.aim(store, source, dependency, target)
    except CfyError as error:
        context.log(f"Failed updating dependencies of deployment {source.id}: {error}", "error")
