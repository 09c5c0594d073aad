"""Execution groups at the terminal: how many of their executions are in which state, and how a group has ended."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from cfy_cli.contract.exit_codes import is_ended
from cfy_cli.contract.resources import WORKFLOWS
from cfy_cli.contract.states import ExecutionState
from cfy_cli.errors import CfyError, ErrorCode, ExecutionCancelled
from cfy_cli.shell.polling import poll_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from cfy_cli.client.client import Client
    from cfy_cli.client.collection import Item
    from cfy_cli.contract.json import JsonObject
    from cfy_cli.contract.plan import Schema
    from cfy_cli.shell.app import App

CREATION = "create_deployment_environment"  # workflow
# Errors of workflows on deployments whose environment is not created yet, or could not be.
WITHOUT_ENVIRONMENT = frozenset(
    {
        ErrorCode.NONEXISTENT_WORKFLOW,
        ErrorCode.DEPLOYMENT_ENVIRONMENT_CREATION_IN_PROGRESS,
        ErrorCode.DEPLOYMENT_ENVIRONMENT_CREATION_PENDING,
    }
)
# Fields that are read again and again: there may be thousands of execution ids.
POLLED = "id,status,workflow_id,deployment_group_id,concurrency,created_at,created_by"


def count_states(client: Client, group_id: str) -> dict[str, int]:
    """Return the number of executions of the group in each state."""
    items = client.executions.summary("status", execution_group_id=group_id)
    return {str(item["status"]): int(item["executions"]) for item in items}


def describe_progress(group: Item, counts: dict[str, int]) -> str:
    """Return a line such as `12 of 40 executions ended, 1 failed; 5 running`."""
    ended = sum(count for state, count in counts.items() if is_ended(state))
    parts = [f"{ended} of {sum(counts.values())} executions ended"]
    parts += [
        f"{counts[state]} {state}" for state in (ExecutionState.FAILED, ExecutionState.CANCELLED) if state in counts
    ]
    running = counts.get(ExecutionState.STARTED, 0)
    more = f"; {running} running" if running else ""
    return ", ".join(parts) + more + ("; the group is paused" if group.get("concurrency") == 0 else "")


def check_cancelled(client: Client, group: Item) -> None:
    """Raise ExecutionCancelled when executions of an ended group were cancelled, though the status does not tell."""
    if group["status"] == ExecutionState.TERMINATED:
        counts = count_states(client, str(group["id"]))
        if cancelled := counts.get(ExecutionState.CANCELLED, 0):
            were = "was" if cancelled == 1 else "were"
            raise ExecutionCancelled(
                f"{cancelled} of the {sum(counts.values())} executions of group {group['id']} {were} cancelled",
                hint=f"Resume them: cfy executions groups resume {group['id']}",
            )


def declared_parameters(app: App, deployment_group_id: str, workflow_id: str) -> Schema:
    """Return what the workflow declares in the deployments of a group; nothing where the manager does not tell."""
    try:
        found = app.client.collection(WORKFLOWS).list(deployment_group_id=deployment_group_id)
    except CfyError:
        return {}
    return next((item.get("parameters") or {} for item in found if item.get("name") == workflow_id), {})


def start_group(
    app: App, deployment_group_id: str, workflow_id: str, read_defaults: Callable[[], JsonObject], **fields: object
) -> Item:
    """Start the workflow on the group; wait first while the environments of new deployments are created.

    `read_defaults` returns the parameters of all; their types are known once there are environments.
    """
    start = app.client.execution_groups.start
    try:
        return start(deployment_group_id, workflow_id, default_parameters=read_defaults(), **fields)
    except CfyError as error:
        if error.code not in WITHOUT_ENVIRONMENT or not _wait_for_environments(app, deployment_group_id):
            raise
    return start(deployment_group_id, workflow_id, default_parameters=read_defaults(), **fields)


def _wait_for_environments(app: App, deployment_group_id: str) -> bool:
    """Wait for the creation of environments; return whether there was any."""
    groups = app.client.execution_groups
    found = [
        group
        for group in groups.list(deployment_group_id=deployment_group_id, _include=POLLED)
        if group["workflow_id"] == CREATION
    ]
    for group in found:
        if not is_ended(group["status"]):
            app.note(f"Waiting for the creation of deployments in group {deployment_group_id}")
            read = partial(groups.get, group["id"], _include=POLLED)
            poll_until(app, read, lambda item: is_ended(item["status"]), timeout=None)
    return bool(found)
