"""The workflow of a deployment that changes its node instances in place of the built-in steps of an update."""

import uuid
from collections.abc import Callable

from sqlalchemy import select

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.states import ENDED, ExecutionState
from cfy_cli.errors import Invalid
from cfy_cli.manager.services.executions import executions
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext
from cfy_cli.manager.services.runtime.wait import wait_until
from cfy_cli.manager.store.models import Execution


def run(
    context: ExecutionContext, workflow_id: str, parameters: JsonObject, *, should_continue: Callable[[], bool]
) -> None:
    """Start the workflow, unless it was started before an interruption, and wait for its end.

    Raises Invalid when it fails, or when it does not take the parameters.
    """
    own = context.execution
    execution_id = str(uuid.uuid5(uuid.UUID(own.id), f"{workflow_id} {len(_former(context, workflow_id))}"))
    execution_id = next((row.id for row in _former(context, workflow_id) if row.status not in ENDED), execution_id)
    with context.writing("execution_start") as store:
        if store.find(Execution, execution_id) is None:
            started = executions.start(
                context.app,
                store,
                str(own.deployment_id),
                workflow_id,
                parameters,
                force=True,  # the update itself is running
                execution_id=execution_id,
            )
            execution_id = started.id

    def status() -> str | None:
        with context.reading_own_rows() as store:
            # an execution started by this one
            return store.unscoped.scalar(select(Execution.status).where(Execution.id == execution_id))

    if wait_until(context, lambda: status() in (None, *ENDED), should_continue=should_continue):
        ended = status()
        if ended != ExecutionState.TERMINATED:
            raise Invalid(f"The workflow {workflow_id}, execution {execution_id}, ended as {ended}")


def _former(context: ExecutionContext, workflow_id: str) -> list[Execution]:
    """Return the executions of the workflow that this update has started before."""
    own = select(Execution).where(
        Execution.deployment_storage_id == context.execution.deployment_storage_id, Execution.workflow_id == workflow_id
    )
    update_id = context.parameters.get("update_id")
    with context.reading_own_rows() as store:
        rows = store.unscoped.scalars(own).all()  # of the execution's own deployment
    return [row for row in rows if row.parameters.get("update_id") == update_id]
