"""Waiting for several executions at once, until each has ended or come to a given state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfy_cli.contract.exit_codes import error_for_state, has_reached, is_ended
from cfy_cli.contract.resources import EXECUTION_GROUPS, EXECUTIONS
from cfy_cli.errors import CfyError, StillRunning
from cfy_cli.output.progress import StatusLine
from cfy_cli.shell.follow_execution import told
from cfy_cli.shell.polling import poll

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cfy_cli.client.collection import Item
    from cfy_cli.shell.app import App


def wait_for(
    app: App, keys: Sequence[str], state: str | None, timeout: float | None, *, fail_fast: bool, groups: bool
) -> None:
    """Answers with all of them as they are then. Raises what their ends mean, the worst of them first."""
    collection = app.client.execution_groups if groups else app.client.executions
    line = StatusLine(shown=app.verbosity >= 0)
    now: dict[str, Item] = {}

    def look() -> list[Item]:
        for key in dict.fromkeys(keys):
            if key not in now or not _settled(now[key], state):
                now[key] = collection.get(key)
        waiting = sum(not _settled(item, state) for item in now.values())
        line.show(f"{len(now) - waiting} of {len(now)} executions; waiting for the others")
        return list(now.values())

    def over(items: list[Item]) -> bool:
        failed = fail_fast and any(_failed(item, state) for item in items)
        return failed or all(_settled(item, state) for item in items)

    try:
        items, done = poll(app, look, over, seconds=timeout)
    finally:
        line.clear()
    _tell(app, items, groups=groups)
    _judge(items, state, timeout if not done else None, groups=groups)


def _settled(execution: Item, state: str | None) -> bool:
    return is_ended(execution["status"]) or (state is not None and has_reached(execution["status"], state))


def _failed(execution: Item, state: str | None) -> bool:
    return is_ended(execution["status"]) and not has_reached(execution["status"], state or "terminated")


def _tell(app: App, items: list[Item], *, groups: bool) -> None:
    if app.as_data:
        app.answer(items, EXECUTION_GROUPS if groups else EXECUTIONS)
        return
    for item in items:
        place = item.get("deployment_group_id") or item.get("deployment_id")
        app.say(f"{item['id']}  {item.get('workflow_id')} on `{place}`: {told(item)}")


def _judge(items: list[Item], state: str | None, timeout: float | None, *, groups: bool) -> None:
    failed = [item for item in items if _failed(item, state)]
    for worst in ("failed", "cancelled", "terminated"):
        for item in failed:
            if item["status"] == worst:
                kind = error_for_state(worst) or CfyError
                reason = f" and did not come to be {state}" if state else ""
                hint = f"Its events: cfy events list {'--execution-group ' if groups else ''}{item['id']}"
                raise kind(f"Execution {item['id']} {told(item)}{reason}", hint=hint)
    waiting = [item["id"] for item in items if not _settled(item, state)]
    if waiting and timeout is not None:
        raise StillRunning(
            f"Stopped waiting after {timeout:g} seconds; still running: {', '.join(waiting)}",
            hint=f"Wait on: cfy executions wait {'--groups ' if groups else ''}{' '.join(waiting)}",
        )
