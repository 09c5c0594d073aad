"""Running of an execution, from its claim to its completion."""

import logging
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from cfy_cli.contract.limits import active_limits
from cfy_cli.contract.plan import DeploymentPlan
from cfy_cli.contract.states import SYSTEM_WORKFLOWS, ExecutionState
from cfy_cli.errors import CfyError, ExecutionCancelled, Forbidden
from cfy_cli.manager.engine.context.server import shared_server
from cfy_cli.manager.engine.ports import BlueprintFiles, ExecutionEvent, Job, Records, ResumingExecutor, WorkflowResult
from cfy_cli.manager.engine.run import run_workflow
from cfy_cli.manager.engine.tasks import ErrorCause, Retries
from cfy_cli.manager.services.blueprints import blueprint_imports, unpacked
from cfy_cli.manager.services.configuration.configuration import Configuration
from cfy_cli.manager.services.deployment_updates import records as updates
from cfy_cli.manager.services.deployments import capability_dependencies
from cfy_cli.manager.services.deployments.deployments import WITHOUT_RELATED
from cfy_cli.manager.services.deployments.lookups import plan_node
from cfy_cli.manager.services.machines import find_server
from cfy_cli.manager.services.runtime.db_retry import retry_until_available
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext, StoreResult
from cfy_cli.manager.services.runtime.journal import StoreJournal
from cfy_cli.manager.services.runtime.working_folders import WorkingFolder
from cfy_cli.manager.services.system_workflows import deployment_update_requests
from cfy_cli.manager.services.system_workflows.deployment_environment import (
    create_deployment_environment,
    delete_deployment_environment,
)
from cfy_cli.manager.services.system_workflows.log_bundles import create_log_bundle
from cfy_cli.manager.services.system_workflows.plugins_updates import update_plugin
from cfy_cli.manager.services.system_workflows.snapshots import create_snapshot, restore_snapshot
from cfy_cli.manager.services.system_workflows.upload_blueprint import upload_blueprint
from cfy_cli.manager.services.worker.completion import complete_execution
from cfy_cli.manager.services.worker.manager_records import ManagerRecords
from cfy_cli.manager.services.worker.update_rows import blueprints_of, former_blueprints
from cfy_cli.manager.services.worker.updates import read_plan
from cfy_cli.manager.store.models import Blueprint, Deployment, Node
from cfy_cli.manager.store.store import Store

log = logging.getLogger(__name__)
DELETE = "delete_deployment_environment"

# A system workflow may return a function that stores its result when the execution is completed.
SYSTEM_WORKFLOW_FUNCTIONS: dict[str, Callable[[ExecutionContext], StoreResult | None]] = {
    "upload_blueprint": upload_blueprint,
    "create_deployment_environment": create_deployment_environment,
    DELETE: delete_deployment_environment,
    "update_plugin": update_plugin,
}
# One of the whole manager, which has no deployment, may return a function that changes rows in that transaction.
MANAGER_WORKFLOW_FUNCTIONS: dict[str, Callable[[ExecutionContext], Callable[[Store], None] | None]] = {
    "create_log_bundle": create_log_bundle,
    "create_snapshot": create_snapshot,
    "restore_snapshot": restore_snapshot,
}


def run(context: ExecutionContext) -> None:
    """Run a claimed execution to its end and store the result; never raises.

    When the worker stops before, the execution stays as it is, and the next start of the worker recovers it.
    """
    execution = context.execution
    try:
        if execution.workflow_id in SYSTEM_WORKFLOWS:
            _run_system_workflow(context)
        else:
            _run_on_deployment(context)
    except CfyError as error:
        is_cancelled = isinstance(error, ExecutionCancelled)
        _fail(context, str(error), ExecutionState.CANCELLED if is_cancelled else ExecutionState.FAILED)
    except Exception:
        log.exception("Execution %s (%s) failed", execution.id, execution.workflow_id)
        _fail(context, traceback.format_exc())
    finally:
        context.until_end.close()


def _fail(context: ExecutionContext, reason: str, state: ExecutionState = ExecutionState.FAILED) -> None:
    if context.stopping.is_set():
        return
    try:
        complete_execution(context, WorkflowResult(state, reason))
    except Exception:
        log.exception("Storing the end of execution %s failed", context.execution.id)


def _run_system_workflow(context: ExecutionContext) -> None:
    name = context.execution.workflow_id
    has_events = name != DELETE  # it deletes the events of the deployment, its own too
    if has_events:
        context.emit_event("workflow_started", f"Starting '{name}' workflow execution")
    try:
        store_result, change_rows = None, None
        if name in MANAGER_WORKFLOW_FUNCTIONS:
            change_rows = MANAGER_WORKFLOW_FUNCTIONS[name](context)
        else:
            store_result = SYSTEM_WORKFLOW_FUNCTIONS[name](context)
        succeeded = ExecutionEvent("cloudify_event", f"'{name}' workflow execution succeeded", "workflow_succeeded")
        complete_execution(
            context,
            WorkflowResult(ExecutionState.TERMINATED),
            store_result=store_result,
            change_rows=change_rows,
            final_events=[succeeded] if has_events else [],
        )
    except CfyError as error:
        if not context.stopping.is_set():
            cause: ErrorCause = {"message": str(error), "type": type(error).__name__, "traceback": ""}
            kind = "cancelled" if isinstance(error, ExecutionCancelled) else "failed"
            context.emit_event(f"workflow_{kind}", f"'{name}' workflow execution {kind}: {error}", [cause])
        raise


def _run_on_deployment(context: ExecutionContext) -> None:
    _check_start(context)
    result, records = _run_workflow(context)
    if context.stopping.is_set() and result.state != ExecutionState.TERMINATED:
        retry_until_available(context.stopping, records.store_progress)
        return
    try:
        retry_until_available(context.stopping, lambda: capability_dependencies.update_targets(context))
    except Forbidden as error:
        context.log(f"The dependencies of the deployment are not updated: {error}", "error")
    except Exception:
        log.exception("Updating the dependencies after execution %s failed", context.execution.id)
    complete_execution(context, result, progress=records.unstored_progress())


def _check_start(context: ExecutionContext) -> None:
    try:
        context.check_start()
        if context.execution.workflow_id == updates.UPDATE_OF_GROUP:
            with context.writing(context.permission) as store:
                deployment_update_requests.add_to_execution(context.app, store, context.execution)
    except CfyError as error:
        context.emit_event("workflow_failed", f"'{context.execution.workflow_id}' workflow execution failed: {error}")
        raise


def _run_workflow(context: ExecutionContext) -> tuple[WorkflowResult, ManagerRecords]:
    execution, app = context.execution, context.app
    definitions = read_definitions(context)
    deployment = definitions.deployment
    working_folder = WorkingFolder(app, deployment.storage_id, lambda message: context.log(message, "warning"))
    workdir = retry_until_available(context.stopping, working_folder.fetch)
    records, server = ManagerRecords(context, deployment), find_server(app)
    result = run_workflow(
        Job(
            execution_id=execution.id,
            workflow_id=execution.workflow_id,
            parameters=execution.parameters,
            plan=definitions.plan,
            deployment_id=deployment.id,
            deployment_display_name=deployment.display_name,
            blueprint_id=definitions.files.blueprint_id,
            tenant_name=deployment.tenant_name,
            created_by=execution.created_by,
            resources=definitions.files.resources,
            workdir=workdir,
            dry_run=execution.is_dry_run,
            start_mode=context.start_mode,
            resource_tags=deployment.resource_tags,
            imported=definitions.files.imported,
            is_update=definitions.is_update,
            former=definitions.former,
            former_nodes=definitions.former_nodes,
            environment={
                **(app.operation_user.environment if app.operation_user else {}),
                "REST_HOST": server.host,
                "REST_PORT": str(server.port),
            },
            retries=_read_retries(app.service(Configuration)),
            user=app.operation_user,
        ),
        records,
        StoreJournal(context, deployment.storage_id, working_folder.store),
        wait_after_fail=float(execution.wait_after_fail),
        server=shared_server(active_limits()),
        choose_executor=partial(_choose_executor, context),
    )
    if not context.stopping.is_set():
        retry_until_available(context.stopping, records.revoke_tokens)
    return result, records


def _choose_executor(
    context: ExecutionContext, job: Job, records: Records, local: ResumingExecutor
) -> ResumingExecutor:
    """Return an executor that sends operations to the broker, if there is one."""
    app = context.app
    if not app.settings.broker:
        return local
    from cfy_cli.manager.engine.broker.executor import CeleryExecutor
    from cfy_cli.manager.services.worker.broker import Broker, queue_of_operations

    return CeleryExecutor(
        job,
        records,
        app.service(Broker).client,
        local,
        app.settings.data_dir,
        stopping=context.stopping,
        holds_secret=lambda value: context.masking.mask(value) != value,
        queue=queue_of_operations(app),
    )


def _read_retries(configuration: Configuration) -> Retries:
    return Retries(
        configuration.integer("workflow.task_retries"),
        configuration.number("workflow.task_retry_interval"),
        configuration.integer("workflow.subgraph_retries"),
    )


@dataclass(frozen=True, slots=True)
class Definitions:
    """Definitions and files of a deployment; `former` are files of blueprints before an update, by node."""

    deployment: Deployment
    plan: DeploymentPlan
    files: BlueprintFiles
    former: Mapping[str, BlueprintFiles]
    former_nodes: frozenset[str]
    is_update: bool = False


class _Blueprints:
    """The blueprints whose files an execution may need."""

    def __init__(self, context: ExecutionContext) -> None:
        self._context, self._storage_ids = context, set[int]()

    def files(self, session: Session, blueprint_id: str, storage_id: int) -> BlueprintFiles:
        """Return where the files of a blueprint will be, and those that it imports."""
        imported = blueprint_imports.find_imported(session, storage_id)
        folders = {namespace: self._folder(imported_id) for namespace, imported_id in imported.items()}
        return BlueprintFiles(blueprint_id, self._folder(storage_id), folders)

    def _folder(self, storage_id: int) -> Path:
        self._storage_ids.add(storage_id)
        return unpacked.resources_folder(self._context.app.files, storage_id)

    def unpack(self, own: int) -> None:
        """Have the files on this machine until the execution ends. Raises Invalid when those of its own are missing."""
        context = self._context
        for storage_id in sorted(self._storage_ids):
            unpacking = unpacked.use(context.app.files, storage_id)
            try:
                retry_until_available(context.stopping, partial(context.until_end.enter_context, unpacking))
            except unpacked.ArchiveMissing:  # the blueprint was deleted
                if storage_id == own:
                    raise


def read_definitions(context: ExecutionContext) -> Definitions:
    """Return what the deployment of an execution consists of, as the execution has to see it."""
    blueprints = _Blueprints(context)
    definitions = _read_rows(context, blueprints)
    blueprints.unpack(definitions.deployment.blueprint_storage_id)
    return definitions


def _read_rows(context: ExecutionContext, blueprints: _Blueprints) -> Definitions:
    with context.reading_own_rows() as store:
        session = store.unscoped  # rows of the execution's own deployment
        deployment = session.get_one(Deployment, context.execution.deployment_storage_id, options=WITHOUT_RELATED)
        nodes = session.scalars(
            select(Node).where(Node.deployment_storage_id == deployment.storage_id).order_by(Node.storage_id)
        ).all()
        plan: DeploymentPlan = {
            "nodes": [plan_node(node) for node in nodes],
            "workflows": deployment.workflow_definitions,
            "scaling_groups": deployment.scaling_groups,
        }
        present = blueprints.files(session, deployment.blueprint_id, deployment.blueprint_storage_id)
        update = updates.find_of_execution(session, context.execution)
        if update is None:
            former = _former_files(
                blueprints, session, deployment, blueprints_of(nodes), {deployment.blueprint_id: present}
            )
            former = {name: files for name, files in former.items() if files is not present}
            return Definitions(deployment, plan, present, former, frozenset(former))
        files = blueprints.files(session, update.new_blueprint_id, update.new_blueprint_storage_id)
        old = blueprints.files(session, update.old_blueprint_id, update.old_blueprint_storage_id)
        known = {update.new_blueprint_id: files, update.old_blueprint_id: old}
        blueprint_ids = former_blueprints(update) or blueprints_of(nodes)
        former = _former_files(blueprints, session, deployment, blueprint_ids, known)
    former_nodes = frozenset(former)
    if update.changes is not None:  # it is continued
        continued = read_plan(context)
        plan, former_nodes = continued.latest, continued.removed_nodes
    # In this copy of the row only: the sources of plugins are those of the new blueprint.
    deployment.blueprint_storage_id = update.new_blueprint_storage_id
    return Definitions(deployment, plan, files, former, former_nodes, is_update=True)


def _former_files(
    blueprints: _Blueprints,
    session: Session,
    deployment: Deployment,
    blueprint_ids: Mapping[str, str],
    known: dict[str, BlueprintFiles],
) -> dict[str, BlueprintFiles]:
    """Return the files of the blueprint that each node or relationship is of, as far as one of its name is left."""
    for blueprint_id in {*blueprint_ids.values()} - known.keys():
        named = select(Blueprint.storage_id).where(
            Blueprint.id == blueprint_id, Blueprint.tenant_name == deployment.tenant_name
        )
        storage_id = session.scalar(named)
        if storage_id is not None:
            known[blueprint_id] = blueprints.files(session, blueprint_id, storage_id)
    return {node: known[blueprint_id] for node, blueprint_id in blueprint_ids.items() if blueprint_id in known}
