"""Executions of the whole manager: each runs alone, and no other execution starts until it has ended."""

import uuid
from collections.abc import Sequence

from sqlalchemy import Select, select

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.states import RUNNING, ExecutionState, Visibility
from cfy_cli.errors import ErrorCode, Invalid
from cfy_cli.manager.store.models import Execution
from cfy_cli.manager.store.store import Store

MAX_LISTED = 10  # executions in an error
ALL_RUNNING = select(Execution.id).where(Execution.status.in_(RUNNING)).order_by(Execution.storage_id).limit(MAX_LISTED)
EXCLUSIVE_RUNNING = ALL_RUNNING.where(Execution.is_system_workflow)


def start(store: Store, workflow_id: str, parameters: JsonObject, *, queue: bool = False) -> Execution:
    """Start an execution that runs alone. Raises Invalid while others run, unless it may be queued.

    The caller notifies `work_available`.
    """
    others = _find_running(store, ALL_RUNNING)
    if others and not queue:
        raise _error(others)
    return store.add(
        Execution(
            id=str(uuid.uuid4()),
            workflow_id=workflow_id,
            parameters=parameters,
            is_system_workflow=True,
            allow_custom_parameters=True,
            status=ExecutionState.QUEUED if others else ExecutionState.PENDING,
            visibility=Visibility.TENANT,  # it belongs to nothing but the tenant
            owned_by=store.scope.user,
        )
    )


def must_wait(store: Store, *, queue: bool = False) -> bool:
    """Return whether an exclusive execution runs. Raises Invalid then, unless the new execution may be queued."""
    running = _find_running(store, EXCLUSIVE_RUNNING)
    if running and not queue:
        raise _error(running)
    return bool(running)


def release_next(store: Store) -> bool:
    """Make the oldest queued exclusive execution pending if nothing runs; return whether there was one."""
    session = store.unscoped  # executions of all tenants
    queued = session.scalar(
        select(Execution)
        .where(Execution.is_system_workflow, Execution.status == ExecutionState.QUEUED)
        .order_by(Execution.storage_id)
        .limit(1)
    )
    if queued is None or _find_running(store, ALL_RUNNING):
        return False
    queued.status = ExecutionState.PENDING
    store.flush()
    return True


def select_compatible(due: Sequence[Execution]) -> Sequence[Execution]:
    """Return the executions that may start together: the first if it is exclusive, otherwise all that are not."""
    if due and due[0].is_system_workflow:
        return due[:1]
    return [execution for execution in due if not execution.is_system_workflow]


def _find_running(store: Store, statement: Select[str]) -> Sequence[str]:
    return store.unscoped.scalars(statement).all()  # of all tenants


def _error(running: Sequence[str]) -> Invalid:
    return Invalid(
        f"Cannot start execution because there are other executions running e.g.: {', '.join(running)}",
        hint=f"Wait for them to end: cfy executions wait {' '.join(running)}; or queue it: --queue",
        code=ErrorCode.EXISTING_RUNNING_EXECUTION,
    )
