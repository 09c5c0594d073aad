"""Executions of groups: events of their changes of state, and the groups that their deployments join at the end."""

import logging
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, select

from cfy_cli.contract.states import ExecutionState
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import Conflict, Forbidden, Invalid, NotFound
from cfy_cli.manager.services.deployment_groups import members
from cfy_cli.manager.services.runtime.batch import INSERT_EVENT, EventRow
from cfy_cli.manager.store.advisory_locks import LockKey
from cfy_cli.manager.store.compiled_query import CompiledQuery
from cfy_cli.manager.store.models import Deployment, DeploymentGroup, Execution, ExecutionGroup
from cfy_cli.manager.store.models.owned import inherited_columns
from cfy_cli.manager.store.store import Store

log = logging.getLogger(__name__)
EVENT_TYPE = "execution_state_change"
Target = tuple[str, int | None]  # a name and a storage id, which is None once the group is deleted
TARGETS = {
    state.value: CompiledQuery(
        select(name, storage_id).where(ExecutionGroup.id == bindparam("group_id"), name.is_not(None))
    )
    for state, name, storage_id in (
        (ExecutionState.TERMINATED, ExecutionGroup.success_group_id, ExecutionGroup.success_group_storage_id),
        (ExecutionState.FAILED, ExecutionGroup.failure_group_id, ExecutionGroup.failure_group_storage_id),
    )
}


class StateChange(NamedTuple):
    execution: Execution
    state: str
    error: str | None = None


def event_row(execution: Execution, message: str) -> EventRow:
    """Return an event of the group of an execution."""
    time = now()
    return {
        **inherited_columns(execution),
        "created_by": execution.created_by,
        "type": "cloudify_event",
        "timestamp": time,
        "reported_timestamp": time,
        "execution_id": None,
        "execution_group_id": execution.execution_group_id,
        "workflow_id": None,
        "deployment_id": None,
        "deployment_display_name": None,
        "blueprint_id": None,
        "message": message,
        "event_type": EVENT_TYPE,
        "level": None,
        "logger": None,
        "operation": None,
        "node_instance_id": None,
        "node_name": None,
        "source_id": None,
        "target_id": None,
        "error_causes": None,
        "manager_name": None,
        "agent_name": None,
    }


def describe_change(execution_id: str, state: str, error: str | None = None) -> str:
    """Return the message of the event for a change of state."""
    reason = f" with error '{error}'" if state == ExecutionState.FAILED and error else ""
    return f"execution '{execution_id}' changed state to '{state}'{reason}"


def on_state_change(store: Store, execution: Execution, state: str, error: str | None = None) -> None:
    """Store the event of a change of state, and add the deployment to the target group when its execution has ended.

    Does nothing for an execution without a group.
    """
    if execution.execution_group_id is not None:
        store.acquire_lock(LockKey.EVENTS)
        events = add_to_targets(store, [StateChange(execution, state, error)])
        INSERT_EVENT.execute(store.unscoped.connection(), events)  # of an execution that the caller changes


def add_to_targets(store: Store, changes: Sequence[StateChange]) -> list[EventRow]:
    """Add deployments to the target groups of executions that have ended; return the events of all the changes.

    The changes of executions without a group have none.
    """
    of_groups = [change for change in changes if change.execution.execution_group_id is not None]
    targets = _find_targets(store, of_groups)
    if targets:
        store.acquire_lock(LockKey.EVENT_IDS)  # before rows of deployments, which others change when they hold it
    rows: list[EventRow] = []
    for change in of_groups:
        execution, state, error = change
        rows.append(event_row(execution, describe_change(execution.id, state, error)))
        target = targets.get((execution.execution_group_id, state))
        problem = _add_to_target(store, execution, *target) if target else None
        rows += [event_row(execution, problem)] if problem else []
    return rows


def store_events(store: Store, executions: Sequence[Execution], states: Sequence[str]) -> None:
    """Store the events of changes of state of many executions of a group without target groups."""
    rows = [event_row(each, describe_change(each.id, state)) for each in executions for state in states]
    INSERT_EVENT.execute(store.unscoped.connection(), rows)  # of executions that the caller changes


def _find_targets(store: Store, changes: Sequence[StateChange]) -> dict[tuple[str | None, str], Target]:
    """Return the target groups by execution group and state, for those that have any."""
    targets: dict[tuple[str | None, str], Target] = {}
    for group_id, state in {(change.execution.execution_group_id, change.state) for change in changes}:
        if state in TARGETS:
            # of executions that the caller changes
            for name, storage_id in TARGETS[state].fetch(store.unscoped.connection(), {"group_id": group_id}):
                targets[group_id, state] = name, storage_id
    return targets


def _add_to_target(store: Store, execution: Execution, name: str, target_storage_id: int | None) -> str | None:
    """Add the deployment of an execution to the target group; return why that failed, if it did."""
    session = store.unscoped  # of an execution that the caller changes
    deployment = select(Deployment.storage_id).where(Deployment.storage_id == execution.deployment_storage_id)
    storage_id = session.scalar(deployment)
    if storage_id is None:  # the execution may have deleted it
        return None
    # The user was permitted to change the deployment group when it became the target.
    target = session.get(DeploymentGroup, target_storage_id) if target_storage_id is not None else None
    if target is None:
        return f"deployment '{execution.deployment_id}' joins no group: the deployment group '{name}' is deleted"
    store.acquire_lock(LockKey.DEPLOYMENT, storage_id)  # before its row is locked
    try:
        with session.begin_nested():
            members.add(store, target, [storage_id])
    except (Conflict, Forbidden, Invalid, NotFound) as error:  # of the labels that it would get
        log.warning("Deployment %s did not join group %s: %s", execution.deployment_id, name, error)
        return f"deployment '{execution.deployment_id}' did not join the group '{name}': {error.message}"
    return None
