"""Running a workflow in the deployment that a node stands for."""

import uuid
from typing import Any

from sqlalchemy import select

from cfy_cli.contract.states import ENDED, ExecutionState
from cfy_cli.manager.services.executions import executions
from cfy_cli.manager.services.extensions.subject import Subject
from cfy_cli.manager.services.extensions.wait import follow
from cfy_cli.manager.store.models import Execution
from cfy_cli.manager.store.store import Store

BEGUN = "_begun_execution"  # runtime property, while it is not done: {"by": an operation, "id": what it began}


def run(
    subject: Subject,
    workflow_id: str,
    parameters: dict[str, Any] | None = None,
    *,
    timeout: float | None = None,
    logs: bool = True,
    creator: str | None = None,
    **more: Any,
) -> None:
    """To its end; raises Invalid when that is not a good one. What was begun before a worker died is not begun again.

    `creator` is the dependency in whose name it is run, if there is one.
    """
    by = f"{subject.ctx.job.execution_id}/{subject.ctx.task_id}"
    kept = subject.runtime.get(BEGUN) or {}
    execution_id = kept["id"] if kept.get("by") == by else str(uuid.uuid4())
    with subject.reading() as store:
        if _is_lost(store, execution_id):  # this is another try
            execution_id = str(uuid.uuid4())
    subject.keep(**{BEGUN: {"by": by, "id": execution_id}})
    with subject.acting("execution_start") as store:
        if store.unscoped.scalar(_of(execution_id)) is None:
            executions.start(
                subject.app,
                store,
                str(subject.deployment_id),
                workflow_id,
                parameters or {},
                queue=True,
                execution_id=execution_id,
                creator=creator,
                **more,
            )
    follow(subject, execution_id, timeout=timeout, logs=logs)
    subject.keep(BEGUN)


def _is_lost(store: Store, execution_id: str) -> bool:
    execution = store.unscoped.scalar(_of(execution_id))
    return execution is not None and execution.status in ENDED and execution.status != ExecutionState.TERMINATED


def _of(execution_id: str) -> Any:
    return select(Execution).where(Execution.id == execution_id)
