"""Waiting for executions of other deployments."""

import logging
from typing import TYPE_CHECKING, cast

from ..polling import poll_with_timeout as poll_with_timeout
from .constants import EXECUTIONS_TIMEOUT, PAGINATION_SIZE, POLLING_INTERVAL

if TYPE_CHECKING:
    from cfy_cli.manager.engine.python.cloudify import ctx
    from cfy_cli.manager.engine.python.cloudify.exceptions import NonRecoverableError
    from cfy_cli.manager.engine.python.cloudify.instance import NodeInstanceContext
    from cfy_cli.manager.engine.python.cloudify.models_states import ExecutionState
    from cfy_cli.manager.engine.python.cloudify_rest_client.client import CloudifyClient
else:
    from cloudify import ctx
    from cloudify.exceptions import NonRecoverableError
    from cloudify.models_states import ExecutionState

RECEIVED_EVENTS = "received_events"  # a runtime property: the number of events that were logged, by execution


def is_all_executions_finished(client: "CloudifyClient", deployment_id: str | None = None) -> bool:
    """Return whether no execution of the deployment is running, and no system workflow of any other."""
    filters = {"deployment_id": deployment_id} if deployment_id else {}
    executions = client.executions.list(include_system_workflows=True, **filters)
    return not any(
        execution.status not in ExecutionState.END_STATES
        for execution in executions
        if deployment_id or execution.is_system_workflow
    )


def redirect_logs(
    client: "CloudifyClient", execution_id: str, instance_ctx: "NodeInstanceContext | None" = None
) -> None:
    """Log the events of an execution that were not logged before."""
    properties = (instance_ctx or ctx.instance).runtime_properties
    counts = cast("dict[str, int]", properties.setdefault(RECEIVED_EVENTS, {}))
    while True:
        page = client.events.list(
            execution_id=execution_id,
            include_logs=True,
            sort="reported_timestamp",
            _offset=counts.get(execution_id, 0),
            _size=PAGINATION_SIZE,
        )
        for event in page:
            level = logging.getLevelName(str(event.get("level") or "info").upper())
            place = f"[{event['node_instance_id']}] " if event.get("node_instance_id") else ""
            ctx.logger.log(level if isinstance(level, int) else logging.INFO, "%s%s", place, event.get("message"))
        counts[execution_id] = counts.get(execution_id, 0) + len(page)
        if not page or counts[execution_id] >= page.metadata.pagination.total:
            return


def is_deployment_execution_at_state(
    client: "CloudifyClient",
    dep_id: str,
    state: str,
    execution_id: str,
    log_redirect: bool = False,
    instance_ctx: "NodeInstanceContext | None" = None,
) -> bool:
    """Return whether an execution has this state. Raises NonRecoverableError when it failed or was cancelled."""
    if not execution_id:
        raise NonRecoverableError(f"There is no execution of the deployment {dep_id} to wait for")
    execution = client.executions.get(execution_id)
    if log_redirect:
        redirect_logs(client, execution_id, instance_ctx)
    if execution.status == state:
        return True
    if execution.status in (ExecutionState.FAILED, ExecutionState.CANCELLED):
        raise NonRecoverableError(f"The execution {execution_id} of {dep_id} ended as {execution.status}")
    return False


def verify_execution_state(
    client: "CloudifyClient",
    execution_id: str,
    deployment_id: str,
    redirect_log: bool,
    workflow_state: str,
    timeout: float = EXECUTIONS_TIMEOUT,
    interval: float = POLLING_INTERVAL,
    instance_ctx: "NodeInstanceContext | None" = None,
) -> bool:
    """Wait until an execution has this state. Raises NonRecoverableError when it takes too long."""

    def is_reached() -> bool:
        return is_deployment_execution_at_state(
            client, deployment_id, workflow_state, execution_id, redirect_log, instance_ctx
        )

    if not poll_with_timeout(is_reached, timeout, interval):
        raise NonRecoverableError(f"The execution {execution_id} of {deployment_id} took longer than {timeout} seconds")
    return True
