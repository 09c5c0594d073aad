"""Waiting, in an operation, for an execution elsewhere to end, and telling here what happens there."""

from collections.abc import Callable

from sqlalchemy import select

from cfy_cli.contract.states import ENDED, ExecutionState
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.ports import CancelRequest
from cfy_cli.manager.engine.tasks import Abandoned
from cfy_cli.manager.services.extensions.subject import Subject
from cfy_cli.manager.services.runtime.wait import wait_until
from cfy_cli.manager.store.models import Deployment, Event, Execution

TIMEOUT = 1800.0  # seconds
TOLD = "received_events"  # runtime property: how many lines of each execution were told here


def follow(subject: Subject, execution_id: str, *, timeout: float | None = None, logs: bool = True) -> None:
    """Raises Invalid when it ends in any other way than well, or takes too long."""
    told = (subject.runtime.get(TOLD) or {}).get(execution_id, 0)
    execution: Execution | None = None

    def has_ended() -> bool:
        nonlocal told, execution
        with subject.reading() as store:
            execution = store.unscoped.scalar(select(Execution).where(Execution.id == execution_id))
        told = _tell(subject, execution_id, told) if logs else told
        return execution is None or execution.status in ENDED  # it may have deleted its own deployment

    try:
        _wait(subject, has_ended, timeout, f'The execution "{execution_id}" has not ended in time')
    finally:
        if told:
            subject.keep(**{TOLD: {**(subject.runtime.get(TOLD) or {}), execution_id: told}})
    if execution is not None and execution.status != ExecutionState.TERMINATED:
        why = f": {execution.error}" if execution.error else ""
        raise Invalid(
            f'The execution "{execution_id}" ({execution.workflow_id}) of the deployment '
            f'"{execution.deployment_id}" ended as {execution.status}{why}'
        )


def until_idle(subject: Subject, deployment_id: str, *, timeout: float | None = None) -> None:
    """Wait until nothing runs in a deployment, or it is gone."""
    running = select(Execution.id).where(Execution.status.not_in(ENDED)).limit(1)

    def is_idle() -> bool:
        with subject.reading() as store:
            deployment = store.find(Deployment, deployment_id)
            if deployment is None:
                return True
            return (
                store.unscoped.scalar(running.where(Execution.deployment_storage_id == deployment.storage_id)) is None
            )

    _wait(subject, is_idle, timeout, f'The executions of the deployment "{deployment_id}" have not ended in time')


def until_gone(subject: Subject, deployment_id: str) -> None:
    """Wait until a deployment is deleted."""

    def is_gone() -> bool:
        with subject.reading() as store:
            return store.find(Deployment, deployment_id) is None

    _wait(subject, is_gone, None, f'The deployment "{deployment_id}" was not deleted in time')


def _wait(subject: Subject, well: Callable[[], bool], timeout: float | None, sentence: str) -> None:
    """Raises Invalid with the sentence when the time is up, and Abandoned when we are to end at once."""
    limit = TIMEOUT if timeout is None else timeout
    try:
        has_ended = wait_until(subject.context, well, should_continue=lambda: _goes_on(subject), timeout=limit)
    except TimeoutError:
        raise Invalid(sentence) from None
    if not has_ended:
        raise Abandoned


def _goes_on(subject: Subject) -> bool:
    return subject.ctx.records.cancel_request() not in (CancelRequest.KILL, CancelRequest.FORCE_CANCEL)


def _tell(subject: Subject, execution_id: str, told: int) -> int:
    """Repeat the lines that came since; returns how many there are now."""
    with subject.reading() as store:
        lines = store.unscoped.scalars(
            select(Event).where(Event.execution_id == execution_id).order_by(Event.storage_id).offset(told)
        ).all()
    for line in lines:
        subject.ctx.log(line.level or "info", f"{line.reported_timestamp} {_place(line)}{line.message}")
    return told + len(lines)


def _place(line: Event) -> str:
    if not line.node_instance_id:
        return ""
    operation = f".{line.operation.rpartition('.')[2]}" if line.operation else ""
    return f"[{line.node_instance_id}{operation}] "
