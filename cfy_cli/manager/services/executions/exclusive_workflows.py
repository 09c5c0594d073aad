"""Executions that are about the whole manager: each runs alone, and nothing else begins before it has ended."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from cfy_cli.contract.states import RUNNING, ExecutionState
from cfy_cli.errors import ErrorCode, Invalid
from cfy_cli.manager.store.models import Execution
from cfy_cli.manager.store.store import Store

MOST_NAMED = 10  # executions in a sentence
ALL = select(Execution.id).where(Execution.status.in_(RUNNING)).order_by(Execution.storage_id).limit(MOST_NAMED)
ALONE = ALL.where(Execution.is_system_workflow)


def start(store: Store, workflow_id: str, parameters: dict[str, Any], *, queue: bool = False) -> Execution:
    """Raises Invalid while anything runs, unless it may wait for that. The caller notifies `work_available`."""
    others = store.unscoped.scalars(ALL).all()
    if others and not queue:
        raise _refusal(others)
    return store.add(
        Execution(
            id=str(uuid.uuid4()),
            workflow_id=workflow_id,
            parameters=parameters,
            is_system_workflow=True,
            allow_custom_parameters=True,
            status=ExecutionState.QUEUED if others else ExecutionState.PENDING,
        )
    )


def must_wait(store: Store, *, queue: bool = False) -> bool:
    """Whether another execution has to wait for one of these. Raises Invalid when it may not wait."""
    running = store.unscoped.scalars(ALONE).all()
    if running and not queue:
        raise _refusal(running)
    return bool(running)


def release_next(store: Store) -> bool:
    """Let the oldest that is queued have its turn once nothing runs; whether one has it."""
    queued = store.unscoped.scalar(
        select(Execution)
        .where(Execution.is_system_workflow, Execution.status == ExecutionState.QUEUED)
        .order_by(Execution.storage_id)
        .limit(1)
    )
    if queued is None or store.unscoped.scalars(ALL).first() is not None:
        return False
    queued.status = ExecutionState.PENDING
    store.flush()
    return True


def compatible(due: Sequence[Execution]) -> Sequence[Execution]:
    """Of these, the ones that may begin together: one that runs alone, or all that do not."""
    if due and due[0].is_system_workflow:
        return due[:1]
    return [each for each in due if not each.is_system_workflow]


def _refusal(running: Sequence[str]) -> Invalid:
    return Invalid(
        f"Cannot start execution because there are other executions running e.g.: {', '.join(running)}",
        hint="Wait for them to end (cfy executions wait), or queue it.",
        code=ErrorCode.EXISTING_RUNNING_EXECUTION,
    )
