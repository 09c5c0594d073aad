"""Waiting in an operation for executions of other deployments, whose events can be repeated in the own execution."""

from collections.abc import Callable

from sqlalchemy import select

from cfy_cli.contract.states import ENDED, ExecutionState
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.ports import CancelRequest
from cfy_cli.manager.engine.tasks import Abandoned
from cfy_cli.manager.services.extensions.extension_context import ExtensionContext
from cfy_cli.manager.services.runtime.wait import wait_until
from cfy_cli.manager.store.models import Deployment, Event, Execution

DEFAULT_TIMEOUT = 1800.0  # seconds


def wait_for_execution(
    extension: ExtensionContext, execution_id: str, *, timeout: float | None = None, repeat_events: bool = True
) -> None:
    """Wait for the end of an execution. Raises Invalid when it does not succeed in time."""
    repeated = _count_repeated(extension).get(execution_id, 0)
    execution: Execution | None = None

    def has_ended() -> bool:
        nonlocal repeated, execution
        with extension.reading("execution_get") as store:
            execution = store.find(Execution, execution_id)
        repeated = _repeat_events(extension, execution_id, repeated) if repeat_events else repeated
        return execution is None or execution.status in ENDED  # it may have deleted its own deployment

    try:
        _wait(extension, has_ended, timeout, f'The execution "{execution_id}" has not ended in time')
    finally:
        if repeated:
            extension.set_runtime_properties(received_events={**_count_repeated(extension), execution_id: repeated})
    if execution is not None and execution.status != ExecutionState.TERMINATED:
        reason = f": {execution.error}" if execution.error else ""
        raise Invalid(
            f'The execution "{execution_id}" ({execution.workflow_id}) of the deployment '
            f'"{execution.deployment_id}" ended as {execution.status}{reason}'
        )


def wait_until_idle(extension: ExtensionContext, deployment_id: str, *, timeout: float | None = None) -> None:
    """Wait until no execution of a deployment runs, or the deployment is deleted."""

    def is_idle() -> bool:
        with extension.reading() as store:
            deployment = store.find(Deployment, deployment_id)
            if deployment is None:
                return True
            own = select(Execution.id).where(Execution.deployment_storage_id == deployment.storage_id)
            running = own.where(Execution.status.not_in(ENDED)).limit(1)
            return store.unscoped.scalar(running) is None  # executions of the deployment

    _wait(extension, is_idle, timeout, f'The executions of the deployment "{deployment_id}" have not ended in time')


def wait_until_deleted(extension: ExtensionContext, deployment_id: str) -> None:
    def is_deleted() -> bool:
        return not extension.exists(deployment_id)

    _wait(extension, is_deleted, None, f'The deployment "{deployment_id}" was not deleted in time')


def _wait(extension: ExtensionContext, condition: Callable[[], bool], timeout: float | None, message: str) -> None:
    """Wait for a condition. Raises Invalid with the message at the timeout, Abandoned when the execution must end."""
    limit = DEFAULT_TIMEOUT if timeout is None else timeout
    try:
        is_met = wait_until(
            extension.context, condition, should_continue=lambda: _may_continue(extension), timeout=limit
        )
    except TimeoutError:
        raise Invalid(message) from None
    if not is_met:
        raise Abandoned


def _may_continue(extension: ExtensionContext) -> bool:
    return extension.ctx.records.cancel_request() not in (CancelRequest.KILL, CancelRequest.FORCE_CANCEL)


def _count_repeated(extension: ExtensionContext) -> dict[str, int]:
    """Return, by execution, the number of events that were repeated already."""
    return extension.runtime_properties.get("received_events") or {}


def _repeat_events(extension: ExtensionContext, execution_id: str, repeated: int) -> int:
    """Repeat the new events of an execution in the own one; return the number of events that are repeated by then."""
    with extension.reading("event_list") as store:
        own = store.visible(Event).where(Event.execution_id == execution_id).order_by(Event.storage_id)
        events = store.unscoped.scalars(own.offset(repeated)).all()  # visible ones
    for event in events:
        extension.log(f"{event.reported_timestamp} {_origin(event)}{event.message}", event.level or "info")
    return repeated + len(events)


def _origin(event: Event) -> str:
    if not event.node_instance_id:
        return ""
    operation = f".{event.operation.rpartition('.')[2]}" if event.operation else ""
    return f"[{event.node_instance_id}{operation}] "
