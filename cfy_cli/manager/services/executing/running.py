"""An execution from a worker's claim to its end."""

import logging
import traceback
from collections.abc import Callable

from sqlalchemy import and_, bindparam, or_, select, update
from sqlalchemy.orm import Session

from cfy_cli.contract.clock import now
from cfy_cli.contract.states import ExecutionState
from cfy_cli.errors import CfyError
from cfy_cli.manager.engine.context.storable import readable
from cfy_cli.manager.engine.ports import Beginning, Ending, Job
from cfy_cli.manager.engine.run import run_workflow
from cfy_cli.manager.services import asking, deployments, executions, family
from cfy_cli.manager.services.environment import create_deployment_environment, delete_deployment_environment
from cfy_cli.manager.services.executing.journal import StoreJournal
from cfy_cli.manager.services.executing.patience import patiently
from cfy_cli.manager.services.executing.records import StoreRecords
from cfy_cli.manager.services.executing.work import Work
from cfy_cli.manager.services.intake.uploading import upload_blueprint
from cfy_cli.manager.services.lookups import plan_node
from cfy_cli.manager.services.manager import Manager
from cfy_cli.manager.store.models import Deployment, Execution, Node
from cfy_cli.manager.store.store import Store

log = logging.getLogger(__name__)
DUE = or_(
    Execution.status == ExecutionState.PENDING,
    and_(Execution.status == ExecutionState.SCHEDULED, Execution.scheduled_for <= bindparam("now")),
)
OLDEST = select(Execution).where(DUE).order_by(Execution.created_at, Execution.storage_id).limit(1)

SYSTEM: dict[str, Callable[[Work], None]] = {
    "upload_blueprint": upload_blueprint,
    "create_deployment_environment": create_deployment_environment,
    "delete_deployment_environment": delete_deployment_environment,
}


def claim(manager: Manager, worker: str) -> tuple[Execution, Beginning] | None:
    """Take the oldest execution that may start now, so that nobody else does."""
    with manager.database.read() as session:
        if session.scalar(OLDEST.with_only_columns(Execution.storage_id), {"now": now()}) is None:
            return None  # the usual answer, without disturbing those who write
    with manager.database.write() as session:
        execution = session.scalar(OLDEST.with_for_update(skip_locked=True), {"now": now()})
        if execution is None:
            return None
        beginning = _beginning(execution)
        execution.status, execution.started_at, execution.worker = ExecutionState.STARTED, now(), worker
        _note_start(session, execution)
    return execution, beginning


def run(work: Work) -> None:
    """Run what was claimed to its end and store how it ended; never raises.

    When the worker must end before, the execution stays as it is: it goes on when that worker starts again.
    """
    execution = work.execution
    try:
        ending = _run_system(work) if execution.workflow_id in SYSTEM else _run_unless_deadly(work)
    except CfyError as error:
        ending = Ending(ExecutionState.FAILED, str(error))
    except Exception:
        log.exception("Execution %s (%s) failed", execution.id, execution.workflow_id)
        ending = Ending(ExecutionState.FAILED, traceback.format_exc())
    if work.stopping.is_set() and ending.state != ExecutionState.TERMINATED:
        return
    try:
        patiently(work.stopping, lambda: asking.follow_targets(work))
    except Exception:
        log.exception("The dependencies after execution %s could not be followed", execution.id)
    try:
        patiently(work.stopping, work.history.flush)  # whoever sees it ended finds its last line too
        patiently(work.stopping, lambda: _store_end(work, ending))
    except Exception:
        log.exception("The end of execution %s could not be stored", execution.id)


def _beginning(execution: Execution) -> Beginning:
    if execution.started_at is None:
        return Beginning.ANEW
    return Beginning.GOES_ON if execution.worker else Beginning.RESUMED


def _run_system(work: Work) -> Ending:
    name = work.execution.workflow_id
    if name == "delete_deployment_environment":  # its history goes with it
        SYSTEM[name](work)
        return Ending(ExecutionState.TERMINATED)
    work.tell("workflow_started", f"Starting '{name}' workflow execution")
    try:
        SYSTEM[name](work)
    except CfyError as error:
        cause = {"message": str(error), "type": type(error).__name__, "traceback": ""}
        work.tell("workflow_failed", f"'{name}' workflow execution failed: {error}", [cause])
        raise
    work.tell("workflow_succeeded", f"'{name}' workflow execution succeeded")
    return Ending(ExecutionState.TERMINATED)


def _run_unless_deadly(work: Work) -> Ending:
    try:
        work.check_deaths()
    except CfyError as error:
        work.tell("workflow_failed", f"'{work.execution.workflow_id}' workflow execution failed: {error}")
        raise
    return _run_workflow(work)


def _run_workflow(work: Work) -> Ending:
    execution, manager = work.execution, work.manager
    with manager.reading(work.scope) as store:
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


def _note_start(session: Session, execution: Execution) -> None:
    if execution.deployment_storage_id is not None:
        session.execute(
            update(Deployment)
            .where(Deployment.storage_id == execution.deployment_storage_id)
            .values(deployment_status="in_progress")
        )
        if family.has_parents(session, execution.deployment_storage_id):
            family.refresh_above(session, session.get_one(Deployment, execution.deployment_storage_id))


def _store_end(work: Work, ending: Ending) -> None:
    error = readable(work.masking.masked(ending.error))
    with work.manager.writing(work.scope) as store:
        # By its id: when it deleted itself with its deployment, its number may already be another's.
        ended = store.session.execute(
            update(Execution)
            .where(Execution.id == work.execution.id)
            .values(status=ending.state, error=error, ended_at=now())
            .execution_options(synchronize_session=False)
        )
        if not ended.rowcount:  # type: ignore[attr-defined]
            return
        note_end(store, work.execution)
        store.after_commit(work.manager.bell.ring)


def note_end(store: Store, execution: Execution) -> None:
    """What an end means for others: who waits in the queue, and what is told of the deployment."""
    executions.release_next(store, execution)
    deployment = store.session.get(Deployment, execution.deployment_storage_id or 0, options=deployments.SLIM)
    if deployment is not None:
        deployments.refresh_status(store, deployment)
