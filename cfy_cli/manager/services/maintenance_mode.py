"""Maintenance mode: no work begins, and once nothing runs any more, nearly all requests are refused.

The mode is kept in the database with the configuration, so that it outlives a restart. Requests and claims read it in
their own transaction.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Literal, TypedDict, cast

from sqlalchemy import SQLColumnExpression, select
from sqlalchemy.orm import Session

from cfy_cli.contract.json import Json
from cfy_cli.contract.states import RUNNING, ExecutionState
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import CfyError, ErrorCode
from cfy_cli.manager.services.configuration.catalogue import MAINTENANCE_MODE
from cfy_cli.manager.services.configuration.configuration import Configuration
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.store.advisory_locks import Lock, LockKey, acquire_lock
from cfy_cli.manager.store.models import ConfigValue, Execution
from cfy_cli.manager.store.store import Store

NOT_ENDED = (*RUNNING, ExecutionState.QUEUED)
_ROW = select(ConfigValue).where(ConfigValue.scope == MAINTENANCE_MODE.scope, ConfigValue.name == MAINTENANCE_MODE.name)
_MODE = _ROW.with_only_columns(ConfigValue.value)
MODE = cast("SQLColumnExpression[Mode | None]", _MODE.scalar_subquery())
_REMAINING = select(Execution.id, Execution.status, Execution.deployment_id, Execution.workflow_id).where(
    Execution.status.in_(NOT_ENDED)
)
_ANY_REMAINING = select(Execution.storage_id).where(Execution.status.in_(NOT_ENDED)).limit(1)


class Gate(Enum):
    """When an endpoint is refused."""

    NEVER = "never"
    ACTIVATED = "activated"
    ACTIVATING = "activating"  # it starts work, so already while other work ends


class Mode(TypedDict):
    """The mode as it is stored; there is none while it is off."""

    requested_by: str
    activation_requested_at: str
    activated_at: str | None  # None until nothing runs any more


class RemainingExecution(TypedDict):
    """An execution that has to end before the mode is activated."""

    id: str
    status: str
    deployment_id: str | None
    workflow_id: str


class MaintenanceState(TypedDict):
    """The mode as the API answers it."""

    status: Literal["deactivated", "activating", "activated"]
    activated_at: str | None
    activation_requested_at: str
    remaining_executions: Sequence[RemainingExecution] | None
    requested_by: str


class InMaintenance(CfyError):
    """A request was refused because of the mode; a repetition would be refused too."""

    status = 503


def read(session: Session) -> Mode | None:
    """Return the mode as of this transaction; None while it is off."""
    return cast("Mode | None", session.scalar(_MODE))


def is_on(app: AppContext) -> bool:
    """Return whether the mode is on, as this process knows it."""
    return app.service(Configuration).get(MAINTENANCE_MODE.full_name) is not None


def describe(session: Session) -> MaintenanceState:
    mode = read(session)
    if mode is None:
        return {
            "status": "deactivated",
            "activated_at": "",
            "activation_requested_at": "",
            "remaining_executions": None,
            "requested_by": "",
        }
    remaining = cast("list[RemainingExecution]", [dict(row._mapping) for row in session.execute(_REMAINING)])
    return {
        "status": "activated" if mode["activated_at"] else "activating",
        "activated_at": mode["activated_at"],
        "activation_requested_at": mode["activation_requested_at"],
        "remaining_executions": remaining,
        "requested_by": mode["requested_by"],
    }


def activate(app: AppContext, store: Store) -> bool:
    """Turn the mode on; it is activated at once when nothing runs. Return False when it is on already."""
    session = store.unscoped  # the mode is in no tenant, and executions of all users count
    acquire_lock(session, LockKey.CONFIGURATION)
    if read(session) is not None:
        return False
    requested_at = now()
    is_idle = session.scalar(_ANY_REMAINING) is None
    mode: Mode = {
        "requested_by": store.scope.user,
        "activation_requested_at": requested_at,
        "activated_at": requested_at if is_idle else None,
    }
    row = session.scalar(_ROW)
    if row is None:
        row = ConfigValue(scope=MAINTENANCE_MODE.scope, name=MAINTENANCE_MODE.name)
        session.add(row)
    row.value = cast(Json, mode)
    row.updated_at, row.updater_name = requested_at, store.scope.user
    store.flush()
    store.after_commit(app.service(Configuration).on_change)
    return True


def deactivate(app: AppContext, store: Store) -> bool:
    """Turn the mode off. Return False when it is off already."""
    session = store.unscoped  # the mode is in no tenant
    acquire_lock(session, LockKey.CONFIGURATION)
    row = session.scalar(_ROW)
    if row is None or row.value is None:
        return False
    row.value, row.updated_at, row.updater_name = None, now(), store.scope.user
    store.flush()
    store.after_commit(app.service(Configuration).on_change)
    store.after_commit(app.work_available.notify)
    return True


def finish_activation(app: AppContext) -> None:
    """Store that the mode is activated, once nothing runs any more."""
    with app.database.read() as session:
        mode = read(session)
        if mode is None or mode["activated_at"] or session.scalar(_ANY_REMAINING) is not None:
            return
    with app.database.write() as session:
        acquire_lock(session, LockKey.CONFIGURATION)
        row = session.scalar(_ROW)
        mode = cast("Mode | None", row and row.value)
        if row is None or mode is None or mode["activated_at"] or session.scalar(_ANY_REMAINING) is not None:
            return
        row.value = cast(Json, {**mode, "activated_at": now()})
    app.service(Configuration).on_change()


def locks_of(gate: Gate) -> tuple[Lock, ...]:
    """Return the locks of a transaction that starts work: the mode is not turned on before it ends."""
    return (Lock(LockKey.CONFIGURATION, is_shared=True),) if gate is Gate.ACTIVATING else ()


def check(mode: Mode | None, gate: Gate, *, may_bypass: bool) -> None:
    """Raise InMaintenance for a request that the mode refuses; its transaction has read it with `locks_of` the gate."""
    if mode is None or gate is Gate.NEVER or may_bypass:
        return
    is_activated = mode["activated_at"] is not None
    if is_activated or gate is Gate.ACTIVATING:
        raise InMaintenance(
            "Your request was rejected since Cloudify manager is currently in maintenance mode",
            hint="An administrator can turn it off: cfy maintenance-mode deactivate",
            code=ErrorCode.MAINTENANCE_MODE_ACTIVE if is_activated else ErrorCode.ENTERING_MAINTENANCE_MODE,
        )
