"""`update_plugin`: a new plan with other plugins, and the update of each deployment of the blueprint to it.

Deployments move to a hidden blueprint first, one after another, so that those that fail stay as they are. When all have
moved, the plan moves to the blueprint itself, and the hidden one is deleted. A worker that is started after a crash
goes on where the records say.
"""

import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

from sqlalchemy import select, update

from cfy_cli import dsl
from cfy_cli.contract.plan import Plan
from cfy_cli.contract.states import (
    ENDED,
    STOPPING,
    BlueprintState,
    ExecutionState,
    PluginsUpdateState,
    Visibility,
)
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import CfyError, ExecutionCancelled, Failed, Invalid
from cfy_cli.manager.services.blueprints import blueprint_imports, unpacked
from cfy_cli.manager.services.blueprints.import_resolver import ManagerResolver
from cfy_cli.manager.services.deployments.deployments import SLIM
from cfy_cli.manager.services.executions import executions
from cfy_cli.manager.services.labels import replace
from cfy_cli.manager.services.plugins_updates import records
from cfy_cli.manager.services.plugins_updates.choice import Choice, used_versions
from cfy_cli.manager.services.runtime.db_retry import retry_until_available
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext
from cfy_cli.manager.services.runtime.wait import wait_until
from cfy_cli.manager.services.system_workflows import deployment_requests, deployment_update_requests
from cfy_cli.manager.services.system_workflows.deployment_update_requests import UpdateRequest
from cfy_cli.manager.services.system_workflows.plugins_update_requests import UpdateParameters
from cfy_cli.manager.store.files import CHUNK_SIZE
from cfy_cli.manager.store.models import (
    Blueprint,
    BlueprintLabel,
    Deployment,
    DeploymentUpdate,
    Execution,
    Node,
    PluginsUpdate,
)
from cfy_cli.manager.store.store import Store

MAX_LISTED = 10  # deployments in an error
PERMISSION = "deployment_update_create"


@dataclass(frozen=True, slots=True)
class _Target:
    """A deployment to update, as it was when the update began."""

    storage_id: int
    id: str
    tenant: str


def update_plugin(context: ExecutionContext) -> None:
    """Raise CfyError when the new plan cannot be made, or a deployment could not be updated."""
    context.check_start()
    with context.reading_own_rows() as store:
        record = records.get_of_execution(store.unscoped, context.execution)  # of the execution
    if record.state not in records.ACTIVE:
        return  # a worker has done all and crashed before it completed the execution
    if record.temp_blueprint_storage_id is None:
        plan = _compile(context, record)
        if plan is None:
            _set_state(context, PluginsUpdateState.NO_CHANGES_REQUIRED)
            context.log("The plugins of the blueprint are those that it should have: nothing is changed")
            return
        record = _add_temporary_blueprint(context, record, plan)
    temporary = cast(int, record.temp_blueprint_storage_id)
    failures = [] if record.state == PluginsUpdateState.FINALIZING else _update_deployments(context, record)
    if failures:
        raise Invalid(_describe(failures))
    _finish(context, temporary)


def _compile(context: ExecutionContext, record: PluginsUpdate) -> Plan | None:
    """Return the plan with the chosen plugins; None when they are those of the blueprint. Raises BlueprintInvalid."""
    parameters = cast(UpdateParameters, context.parameters)
    choice = Choice(
        plugin_names=parameters["plugin_names"],
        to_latest=parameters["to_latest"],
        to_minor=parameters["to_minor"],
        all_to_latest=parameters["all_to_latest"],
        all_to_minor=parameters["all_to_minor"],
        mapping=parameters["mapping"],
    )
    with context.reading_own_rows() as store:
        blueprint = _get_blueprint(store, record.blueprint_storage_id)
        present = used_versions(cast(Plan, blueprint.plan))
    root = context.until_end.enter_context(unpacked.use(context.app.files, record.blueprint_storage_id))
    main = root / str(blueprint.main_file_name)
    resolver = ManagerResolver(
        context.app,
        context.until_end,
        lambda: context.reading(context.permission),
        main,
        lambda store, text: choice.select(store, text, present),
    )
    try:
        plan = dsl.compile_blueprint(main, root=root, resolver=resolver)
    except dsl.BlueprintInvalid as error:
        raise dsl.BlueprintInvalid(list(map(resolver.conceal, error.problems))) from error
    chosen = used_versions(plan)
    if chosen == present:
        return None
    for name in sorted(chosen.keys() | present.keys()):
        before, after = (", ".join(versions.get(name, ["none"])) for versions in (present, chosen))
        if before != after:
            context.log(f"Plugin {name}: {before} -> {after}")
    return plan


def _add_temporary_blueprint(context: ExecutionContext, record: PluginsUpdate, plan: Plan) -> PluginsUpdate:
    """Store the hidden blueprint with its archive, and which deployments are to move to it."""
    files, source = context.app.files, (Blueprint.FOLDER, record.blueprint_storage_id)
    name = files.find_archive(record.blueprint_storage_id)
    if name is None:
        raise Failed("The archive of the blueprint is missing: upload the blueprint again")
    with files.open_temporary() as (file, path), files.open(source, name) as archive:
        shutil.copyfileobj(archive, file, CHUNK_SIZE)
        file.flush()
        files.storage.prepare(path)
        return _store_temporary_blueprint(context, plan, name, path)


def _store_temporary_blueprint(context: ExecutionContext, plan: Plan, name: str, path: Path) -> PluginsUpdate:
    with context.writing_own_rows() as store:
        record = records.get_of_execution(store.unscoped, context.execution)  # of the execution
        blueprint = _get_blueprint(store, record.blueprint_storage_id)
        temporary = store.add(
            Blueprint(
                id=str(uuid.uuid4()),
                main_file_name=blueprint.main_file_name,
                description=plan.get("description"),
                requirements=plan.get("requirements"),
                plan=plan,
                state=BlueprintState.UPLOADED,
                is_hidden=True,
                tenant_name=blueprint.tenant_name,
                visibility=blueprint.visibility,
                created_by=blueprint.created_by,
            )
        )
        replace(
            temporary.labels,
            BlueprintLabel,
            [(label.key, label.value) for label in blueprint.labels],
            blueprint.created_by,
        )
        store.add_files(temporary, {name: path})
        blueprint_imports.add(store, temporary, plan["namespaces_mapping"])
        record.temp_blueprint_id, record.temp_blueprint_storage_id = temporary.id, temporary.storage_id
        targets = _find_targets(context, store, record)
        per_tenant: dict[str, list[str]] = {}
        for target in targets:
            per_tenant.setdefault(target.tenant, []).append(target.id)
        record.deployments_per_tenant = per_tenant
        record.deployments_to_update = per_tenant.get(record.tenant_name, [])
        record.state = PluginsUpdateState.EXECUTING_WORKFLOW
        others = _count_others(store, record, targets)
    if others:
        context.log(f"{others} deployments of other tenants or users are left as they are", "warning")
    return record


def _find_targets(context: ExecutionContext, store: Store, record: PluginsUpdate) -> list[_Target]:
    """Return the deployments of the blueprint that the user may update, in the order of their creation."""
    visible = context.as_user(store, PERMISSION).visible(Deployment, all_tenants=record.all_tenants)
    own = visible.where(Deployment.blueprint_storage_id == record.blueprint_storage_id)
    if not record.all_tenants:
        own = own.where(Deployment.tenant_name == record.tenant_name)
    columns = own.with_only_columns(Deployment.storage_id, Deployment.id, Deployment.tenant_name)
    rows = store.unscoped.execute(columns.order_by(Deployment.storage_id))  # of visible deployments
    return [_Target(*row) for row in rows]


def _count_others(store: Store, record: PluginsUpdate, targets: Sequence[_Target]) -> int:
    chosen = {target.storage_id for target in targets}
    own = select(Deployment.storage_id).where(Deployment.blueprint_storage_id == record.blueprint_storage_id)
    return sum(storage_id not in chosen for storage_id in store.unscoped.scalars(own))  # only their number


def _update_deployments(context: ExecutionContext, record: PluginsUpdate) -> list[tuple[str, str]]:
    """Update one deployment after another; return the ids of those that failed, with the reasons."""
    targets = [
        (tenant, deployment_id)
        for tenant, ids in (record.deployments_per_tenant or {}).items()
        for deployment_id in ids
    ]
    failures = []
    for position, (tenant, deployment_id) in enumerate(targets, 1):
        shown = _shown_name(context, record, tenant, deployment_id)
        is_named = shown == f"deployment {deployment_id}"
        try:
            if _read_status(context, context.execution.id) in STOPPING:
                raise _cancelled(context)
            start = partial(_start_update, context, record, tenant, deployment_id)
            execution_id = retry_until_available(context.stopping, start)
            if execution_id is not None:
                context.log(f"Updating {shown} ({position} of {len(targets)})")
                _wait_for_update(context, execution_id, with_error=is_named)
        except ExecutionCancelled:
            raise
        except CfyError as error:
            reason = error.message if is_named else error.message.replace(deployment_id, "it")
            context.log(f"Not updated: {shown}: {reason}", "error")
            failures.append((shown.removeprefix("deployment "), reason))
    return failures


def _shown_name(context: ExecutionContext, record: PluginsUpdate, tenant: str, deployment_id: str) -> str:
    """Return how logs call a deployment, which everybody reads who sees the blueprint."""
    own = select(Deployment.visibility).where(Deployment.tenant_name == tenant, Deployment.id == deployment_id)
    with context.reading_own_rows() as store:
        visibility = store.unscoped.scalar(own)  # of a deployment that the user may update
    if tenant != record.tenant_name and visibility != Visibility.GLOBAL:
        return f"a deployment of tenant `{tenant}`"
    if visibility == Visibility.PRIVATE and record.visibility != Visibility.PRIVATE:
        return "a private deployment"
    return f"deployment {deployment_id}"


def _start_update(context: ExecutionContext, record: PluginsUpdate, tenant: str, deployment_id: str) -> str | None:
    """Start the update of a deployment unless it was started before a crash; return the id of the execution.

    None stands for a deployment that was deleted, or that uses another blueprint by now.
    """
    parameters = cast(UpdateParameters, context.parameters)
    temporary = cast(int, record.temp_blueprint_storage_id)
    with context.writing(PERMISSION) as store:
        store = store.in_tenant(tenant)
        deployment = store.find(Deployment, deployment_id)
        if deployment is None or deployment.blueprint_storage_id not in (record.blueprint_storage_id, temporary):
            context.log("A deployment has another blueprint by now, or was deleted", "warning")
            return None
        begun = select(DeploymentUpdate.execution_id).where(
            DeploymentUpdate.deployment_storage_id == deployment.storage_id,
            DeploymentUpdate.new_blueprint_storage_id == temporary,
        )
        execution_id = store.unscoped.scalars(begun.order_by(DeploymentUpdate.storage_id)).first()  # of the same
        if execution_id is not None or deployment.blueprint_storage_id == temporary:
            return execution_id
        blueprint = _get_blueprint(store, temporary)
        deployment_requests.check_plugins(store, cast(Plan, blueprint.plan))
        request = UpdateRequest(
            blueprint_id=blueprint.id,
            skip_install=True,
            skip_uninstall=True,
            skip_reinstall=True,
            force=parameters["force"],
            auto_correct_types=parameters["auto_correct_types"],
            reevaluate_active_statuses=parameters["reevaluate_active_statuses"],
        )
        return deployment_update_requests.start(context.app, store, deployment_id, request).execution_id


def _wait_for_update(context: ExecutionContext, execution_id: str, *, with_error: bool) -> None:
    """Wait for the end of an execution. Raises Invalid unless it succeeds, and ExecutionCancelled.

    When this execution is cancelled, so is that one, and its end is waited for.
    """
    own_status = partial(_read_status, context, context.execution.id)
    status = partial(_read_status, context, execution_id)

    def has_ended() -> bool:
        return status() in (None, *ENDED)

    def is_stopping() -> bool:
        return context.stopping.is_set()

    if not wait_until(context, has_ended, should_continue=lambda: not is_stopping() and own_status() not in STOPPING):
        if not is_stopping():
            _cancel(context, execution_id)
            wait_until(context, has_ended, should_continue=lambda: not is_stopping())
        raise _cancelled(context)
    if status() != ExecutionState.TERMINATED:
        with context.reading_own_rows() as store:
            own = select(Execution.status, Execution.error).where(Execution.id == execution_id)
            row = store.unscoped.execute(own).one_or_none()  # started by this execution
        error = f": {row.error}" if row and with_error else ""
        raise Invalid(f"its update {execution_id} {f'is {row.status}' if row else 'was deleted'}{error}")


def _cancelled(context: ExecutionContext) -> ExecutionCancelled:
    return ExecutionCancelled(f"The update of the plugins was cancelled ({context.execution.id})")


def _cancel(context: ExecutionContext, execution_id: str) -> None:
    with context.writing_own_rows() as store:
        execution = store.unscoped.scalar(select(Execution).where(Execution.id == execution_id))  # started by this one
        if execution is not None and execution.status not in ENDED:
            executions.apply_action(context.app, store.in_tenant(execution.tenant_name), execution_id, "cancel")


def _read_status(context: ExecutionContext, execution_id: str) -> str | None:
    with context.reading_own_rows() as store:
        # this execution, or one that it has started
        return store.unscoped.scalar(select(Execution.status).where(Execution.id == execution_id))


def _finish(context: ExecutionContext, temporary_storage_id: int) -> None:
    """Move the plan to the blueprint and the deployments back to it, then delete the hidden one."""
    context.log("Finalizing plugins update...")
    with context.writing_own_rows() as store:
        record = records.get_of_execution(store.unscoped, context.execution)  # of the execution
        blueprint = _get_blueprint(store, record.blueprint_storage_id)
        temporary = _get_blueprint(store, temporary_storage_id)
        record.state = PluginsUpdateState.FINALIZING
        blueprint.plan, blueprint.requirements = temporary.plan, temporary.requirements
        blueprint.description, blueprint.updated_at = temporary.description, now()
        store.flush()
        _move_deployments(store, temporary, blueprint)
        temporary_id = temporary.id
    # An execution that began meanwhile on a deployment of the hidden blueprint reads scripts from its folder.
    running = select(Execution.id).where(
        Execution.blueprint_id == temporary_id, Execution.status.in_((ExecutionState.STARTED, *STOPPING))
    )

    def are_done() -> bool:
        with context.reading_own_rows() as store:
            return store.unscoped.scalar(running.limit(1)) is None  # of deployments that were updated

    if not wait_until(context, are_done, should_continue=lambda: not context.stopping.is_set()):
        raise _cancelled(context)
    with context.writing_own_rows() as store:
        record = records.get_of_execution(store.unscoped, context.execution)  # of the execution
        temporary = _get_blueprint(store, temporary_storage_id)
        _move_deployments(store, temporary, _get_blueprint(store, record.blueprint_storage_id))
        record.state = PluginsUpdateState.SUCCESSFUL
        record.temp_blueprint_id = record.temp_blueprint_storage_id = None
        store.delete(temporary)


def _move_deployments(store: Store, source: Blueprint, target: Blueprint) -> None:
    """Let all deployments of a blueprint use another one, also as the records of their updates tell."""
    session = store.unscoped  # deployments of the execution's own blueprint
    own = Deployment.blueprint_storage_id == source.storage_id
    of_deployments = Node.deployment_storage_id.in_(select(Deployment.storage_id).where(own))
    session.execute(update(Node).where(of_deployments).values(blueprint_id=target.id))
    for deployment in session.scalars(select(Deployment).where(own).options(*SLIM)):
        deployment.blueprint_storage_id, deployment.blueprint_id = target.storage_id, target.id
    session.flush()
    session.execute(
        update(DeploymentUpdate)
        .where(DeploymentUpdate.new_blueprint_storage_id == source.storage_id)
        .values(new_blueprint_storage_id=target.storage_id, new_blueprint_id=target.id)
    )


def _set_state(context: ExecutionContext, state: PluginsUpdateState) -> None:
    with context.writing_own_rows() as store:
        records.get_of_execution(store.unscoped, context.execution).state = state  # of the execution


def _get_blueprint(store: Store, storage_id: int) -> Blueprint:
    """Return the blueprint of the update, or the hidden one. Raises Invalid when it was deleted."""
    blueprint = store.unscoped.get(Blueprint, storage_id)  # of the execution
    if blueprint is None:
        raise Invalid("The blueprint was deleted while its plugins were updated")
    return blueprint


def _describe(failures: Sequence[tuple[str, str]]) -> str:
    shown = "; ".join(f"{deployment_id}: {reason}" for deployment_id, reason in failures[:MAX_LISTED])
    more = f"; and {len(failures) - MAX_LISTED} more" if len(failures) > MAX_LISTED else ""
    return f"{len(failures)} deployments could not be updated: {shown}{more}"
