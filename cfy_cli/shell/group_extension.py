"""Making of many deployments in a group, in requests of many each: an interrupted command can be repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfy_cli.client.deployment_groups import BATCH
from cfy_cli.config.unfinished import Unfinished
from cfy_cli.errors import Conflict, Forbidden, Invalid, NotFound, Unauthorized
from cfy_cli.output.progress import StatusLine
from cfy_cli.shell.error_handler import Interrupted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cfy_cli.client.collection import Item
    from cfy_cli.shell.app import App

ENVIRONMENT_TYPE = ("csys-obj-type", "environment")  # a label
PARENT = "csys-obj-parent"
REFUSALS = (Conflict, Forbidden, Invalid, NotFound, Unauthorized)  # after others, a request may have been served


def create_many(app: App, group_id: str, count: int) -> Item:
    """Make `count` deployments, or those that an interrupted command with the same count has not made."""
    groups, unfinished = app.client.deployments_groups, Unfinished(app.home)
    name = f"{app.connection.url} {app.connection.tenant} {group_id}"
    # A request that changes nothing: the answer comes after that of a request which still runs.
    group = groups.change(group_id, "add")
    made = int(group.get("creation_counter") or 0)
    goal = unfinished.find(name, count)
    if goal is None or not goal - count <= made <= goal:
        goal = made + count
    done = count - (goal - made)
    if done:
        app.note(f"Continuing the interrupted command: {done} of {count} deployments were created")
    unfinished.add(name, count, goal)
    try:
        group = create_deployments(app, group_id, [{}] * (count - done), done=done) or group
    except KeyboardInterrupt:
        hint = "It has all deployments of a request, or none. The same command again creates the others."
        raise Interrupted(f"The creation of deployments in group {group_id} was interrupted", hint=hint) from None
    except REFUSALS:
        unfinished.remove(name)
        raise
    unfinished.remove(name)
    return group


def create_deployments(app: App, group_id: str, specifications: Sequence[Item], *, done: int = 0) -> Item | None:
    """Make deployments with a line of progress, and return the group; `done` were made earlier."""
    status_line = StatusLine(shown=app.options.verbosity >= 0)
    total, group = done + len(specifications), None
    try:
        status_line.show(f"{done} of {total} deployments created")
        for answer in app.client.deployments_groups.create_deployments(group_id, specifications):
            group = answer
            done = min(done + BATCH, total)
            status_line.show(f"{done} of {total} deployments created")
    finally:
        status_line.clear()
    return group


def specifications_in_environments(app: App, group_id: str) -> list[Item]:
    """Return the specifications of a deployment in each of the environments of another group."""
    found = app.client.deployments.list(_group_id=group_id, _include="id,labels")
    return [
        {
            "id": "{uuid}",
            "display_name": "{blueprint_id}-{uuid}",
            "labels": [{PARENT: deployment["id"]}],
        }
        for deployment in found
        if any((label["key"], label["value"]) == ENVIRONMENT_TYPE for label in deployment.get("labels") or ())
    ]
