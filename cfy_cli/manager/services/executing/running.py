"""An execution from a worker's claim to its end."""

import logging
import traceback
from collections.abc import Callable

from sqlalchemy import select

from cfy_cli.contract.states import ExecutionState
from cfy_cli.errors import CfyError
from cfy_cli.manager.engine.ports import Ending, Event, Job
from cfy_cli.manager.engine.run import run_workflow
from cfy_cli.manager.services import asking
from cfy_cli.manager.services.environment import create_deployment_environment, delete_deployment_environment
from cfy_cli.manager.services.executing.ends import Finish, store_end
from cfy_cli.manager.services.executing.journal import StoreJournal
from cfy_cli.manager.services.executing.patience import patiently
from cfy_cli.manager.services.executing.records import StoreRecords
from cfy_cli.manager.services.executing.work import Work
from cfy_cli.manager.services.intake.uploading import upload_blueprint
from cfy_cli.manager.services.lookups import plan_node
from cfy_cli.manager.store.models import Deployment, Node

log = logging.getLogger(__name__)
DELETE = "delete_deployment_environment"

# Each returns what is left to be stored with its end, if anything is.
SYSTEM: dict[str, Callable[[Work], Finish | None]] = {
    "upload_blueprint": upload_blueprint,
    "create_deployment_environment": create_deployment_environment,
    DELETE: delete_deployment_environment,
}


def run(work: Work) -> None:
    """Run what was claimed to its end and store how it ended; never raises.

    When the worker must end before, the execution stays as it is: it goes on when that worker starts again.
    """
    execution = work.execution
    try:
        if execution.workflow_id in SYSTEM:
            _run_system(work)
        else:
            _run_on_deployment(work)
    except CfyError as error:
        _fail(work, str(error))
    except Exception:
        log.exception("Execution %s (%s) failed", execution.id, execution.workflow_id)
        _fail(work, traceback.format_exc())


def _fail(work: Work, reason: str) -> None:
    if work.stopping.is_set():
        return
    try:
        store_end(work, Ending(ExecutionState.FAILED, reason))
    except Exception:
        log.exception("The end of execution %s could not be stored", work.execution.id)


def _run_system(work: Work) -> None:
    name = work.execution.workflow_id
    told = name != DELETE  # whose history goes with it
    if told:
        work.tell("workflow_started", f"Starting '{name}' workflow execution")
    try:
        finish = SYSTEM[name](work)
        done = Event("cloudify_event", f"'{name}' workflow execution succeeded", "workflow_succeeded")
        store_end(work, Ending(ExecutionState.TERMINATED), finish=finish, last=[done] if told else [])
    except CfyError as error:
        if not work.stopping.is_set():
            cause = {"message": str(error), "type": type(error).__name__, "traceback": ""}
            work.tell("workflow_failed", f"'{name}' workflow execution failed: {error}", [cause])
        raise


def _run_on_deployment(work: Work) -> None:
    ending = _run_unless_deadly(work)
    if work.stopping.is_set() and ending.state != ExecutionState.TERMINATED:
        return
    try:
        patiently(work.stopping, lambda: asking.follow_targets(work))
    except Exception:
        log.exception("The dependencies after execution %s could not be followed", work.execution.id)
    store_end(work, ending)


def _run_unless_deadly(work: Work) -> Ending:
    try:
        work.check_deaths()
    except CfyError as error:
        work.tell("workflow_failed", f"'{work.execution.workflow_id}' workflow execution failed: {error}")
        raise
    return _run_workflow(work)


def _run_workflow(work: Work) -> Ending:
    execution, manager = work.execution, work.manager
    with work.reading() as store:
        deployment = store.session.get_one(Deployment, execution.deployment_storage_id)
        nodes = store.session.scalars(
            select(Node).where(Node.deployment_storage_id == deployment.storage_id).order_by(Node.storage_id)
        ).all()
    workdir = manager.files.deployment(deployment.storage_id)
    workdir.mkdir(mode=0o700, parents=True, exist_ok=True)
    records = StoreRecords(work, deployment)
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
            resources=manager.files.resources(deployment.blueprint_storage_id),
            workdir=workdir,
            dry_run=execution.is_dry_run,
            beginning=work.beginning,
            environment={"REST_HOST": manager.settings.host, "REST_PORT": str(manager.settings.port)},
        ),
        records,
        StoreJournal(work, deployment.storage_id),
        wait_after_fail=float(execution.wait_after_fail),
    )
    patiently(work.stopping, records.store_progress)
    return ending
