"""Waiting, in an operation, for an execution elsewhere to end, and telling here what happens there."""

import time
from typing import Any

from sqlalchemy import select

from cfy_cli.contract.states import ENDED, ExecutionState
from cfy_cli.errors import Failed, Invalid
from cfy_cli.manager.engine.ports import Steering
from cfy_cli.manager.services.extensions.subject import Subject
from cfy_cli.manager.store.models import Deployment, Event, Execution

TIMEOUT = 1800.0  # seconds
LOOK_EVERY = 0.3


def follow(subject: Subject, execution_id: str, *, timeout: float | None = None, logs: bool = True) -> None:
    """Raises Invalid when it ends in any other way than well, or takes too long."""
    deadline = time.monotonic() + (TIMEOUT if timeout is None else timeout)
    told = 0
    while True:
        with subject.reading() as store:
            execution = store.session.scalar(select(Execution).where(Execution.id == execution_id))
        told = _tell(subject, execution_id, told) if logs else 0
        if execution is None:  # it deleted its own deployment
            return
        if execution.status in ENDED:
            if execution.status != ExecutionState.TERMINATED:
                why = f": {execution.error}" if execution.error else ""
                raise Invalid(
                    f'The execution "{execution_id}" ({execution.workflow_id}) of the deployment '
                    f'"{execution.deployment_id}" ended as {execution.status}{why}'
                )
            return
        _pause(subject, deadline, f'The execution "{execution_id}" has not ended in time; it is {execution.status}')


def until_gone(subject: Subject, deployment_id: str) -> None:
    """Wait until a deployment is deleted."""
    deadline = time.monotonic() + TIMEOUT
    while True:
        with subject.reading() as store:
            if store.find(Deployment, deployment_id) is None:
                return
        _pause(subject, deadline, f'The deployment "{deployment_id}" was not deleted in time')


def _pause(subject: Subject, deadline: float, sentence: str) -> None:
    if time.monotonic() > deadline:
        raise Invalid(sentence)
    if subject.scope.records.steering() in (Steering.KILL, Steering.FORCE_CANCEL):
        raise Failed("The execution was stopped while it waited for another one")
    time.sleep(LOOK_EVERY)


def _tell(subject: Subject, execution_id: str, told: int) -> int:
    """Repeat the lines that came since; returns the place of the last."""
    with subject.reading() as store:
        lines = store.session.scalars(
            select(Event).where(Event.execution_id == execution_id, Event.storage_id > told).order_by(Event.storage_id)
        ).all()
    for line in lines:
        subject.say(f"{line.reported_timestamp} {_place(line)}{line.message}")
    return lines[-1].storage_id if lines else told


def _place(line: Any) -> str:
    if not line.node_instance_id:
        return ""
    operation = f".{line.operation.rpartition('.')[2]}" if line.operation else ""
    return f"[{line.node_instance_id}{operation}] "
