"""An execution from a worker's claim to its end."""

import logging
import traceback
from collections.abc import Callable

from sqlalchemy import select

from cfy_cli.contract.states import ExecutionState
from cfy_cli.errors import CfyError
from cfy_cli.manager.engine.ports import ExecutionEvent, Job, WorkflowResult
from cfy_cli.manager.engine.run import run_workflow
from cfy_cli.manager.engine.tasks import ErrorCause
from cfy_cli.manager.services.deployments import capability_dependencies
from cfy_cli.manager.services.deployments.lookups import plan_node
from cfy_cli.manager.services.runtime.db_retry import retry_until_available
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext, OnCompletion
from cfy_cli.manager.services.runtime.journal import StoreJournal
from cfy_cli.manager.services.system_workflows.deployment_environment import (
    create_deployment_environment,
    delete_deployment_environment,
)
from cfy_cli.manager.services.system_workflows.upload_blueprint import upload_blueprint
from cfy_cli.manager.services.worker.completion import complete_execution
from cfy_cli.manager.services.worker.records import StoreRecords
from cfy_cli.manager.store.models import Deployment, Node

log = logging.getLogger(__name__)
DELETE = "delete_deployment_environment"

# Each returns what is left to be stored with its end, if anything is.
SYSTEM: dict[str, Callable[[ExecutionContext], OnCompletion | None]] = {
    "upload_blueprint": upload_blueprint,
    "create_deployment_environment": create_deployment_environment,
    DELETE: delete_deployment_environment,
}


def run(context: ExecutionContext) -> None:
    """Run what was claimed to its end and store how it ended; never raises.

    When the worker must end before, the execution stays as it is: it goes on when that worker starts again.
    """
    execution = context.execution
    try:
        if execution.workflow_id in SYSTEM:
            _run_system(context)
        else:
            _run_on_deployment(context)
    except CfyError as error:
        _fail(context, str(error))
    except Exception:
        log.exception("Execution %s (%s) failed", execution.id, execution.workflow_id)
        _fail(context, traceback.format_exc())


def _fail(context: ExecutionContext, reason: str) -> None:
    if context.stopping.is_set():
        return
    try:
        complete_execution(context, WorkflowResult(ExecutionState.FAILED, reason))
    except Exception:
        log.exception("The end of execution %s could not be stored", context.execution.id)


def _run_system(context: ExecutionContext) -> None:
    name = context.execution.workflow_id
    told = name != DELETE  # whose history goes with it
    if told:
        context.tell("workflow_started", f"Starting '{name}' workflow execution")
    try:
        finish = SYSTEM[name](context)
        done = ExecutionEvent("cloudify_event", f"'{name}' workflow execution succeeded", "workflow_succeeded")
        complete_execution(
            context, WorkflowResult(ExecutionState.TERMINATED), finish=finish, last=[done] if told else []
        )
    except CfyError as error:
        if not context.stopping.is_set():
            cause: ErrorCause = {"message": str(error), "type": type(error).__name__, "traceback": ""}
            context.tell("workflow_failed", f"'{name}' workflow execution failed: {error}", [cause])
        raise


def _run_on_deployment(context: ExecutionContext) -> None:
    ending = _run_unless_deadly(context)
    if context.stopping.is_set() and ending.state != ExecutionState.TERMINATED:
        return
    try:
        retry_until_available(context.stopping, lambda: capability_dependencies.follow_targets(context))
    except Exception:
        log.exception("The dependencies after execution %s could not be followed", context.execution.id)
    complete_execution(context, ending)


def _run_unless_deadly(context: ExecutionContext) -> WorkflowResult:
    try:
        context.check_crashes()
    except CfyError as error:
        context.tell("workflow_failed", f"'{context.execution.workflow_id}' workflow execution failed: {error}")
        raise
    return _run_workflow(context)


def _run_workflow(context: ExecutionContext) -> WorkflowResult:
    execution, app = context.execution, context.app
    with context.reading() as store:
        deployment = store.unscoped.get_one(Deployment, execution.deployment_storage_id)
        nodes = store.unscoped.scalars(
            select(Node).where(Node.deployment_storage_id == deployment.storage_id).order_by(Node.storage_id)
        ).all()
    workdir = app.files.deployment_folder(deployment.storage_id)
    workdir.mkdir(mode=0o700, parents=True, exist_ok=True)
    records = StoreRecords(context, deployment)
    ending = run_workflow(
        Job(
            execution_id=execution.id,
            workflow_id=execution.workflow_id,
            parameters=execution.parameters,
            plan={
                "nodes": [plan_node(node) for node in nodes],
                "workflows": deployment.workflow_definitions,
                "scaling_groups": deployment.scaling_groups,
            },
            deployment_id=deployment.id,
            deployment_display_name=deployment.display_name,
            blueprint_id=deployment.blueprint_id,
            tenant_name=deployment.tenant_name,
            created_by=execution.created_by,
            resources=app.files.resources_folder(deployment.blueprint_storage_id),
            workdir=workdir,
            dry_run=execution.is_dry_run,
            start_mode=context.start_mode,
            resource_tags=deployment.resource_tags,
            environment={"REST_HOST": app.settings.host, "REST_PORT": str(app.settings.port)},
        ),
        records,
        StoreJournal(context, deployment.storage_id),
        wait_after_fail=float(execution.wait_after_fail),
    )
    retry_until_available(context.stopping, records.store_progress)
    return ending
