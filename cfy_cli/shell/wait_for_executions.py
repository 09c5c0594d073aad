"""Waiting for several executions, until each has ended or reached a state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfy_cli.contract.exit_codes import error_for_state, has_reached, is_ended
from cfy_cli.contract.resources import EXECUTION_GROUPS, EXECUTIONS
from cfy_cli.errors import CfyError, StillRunning
from cfy_cli.output.progress import StatusLine
from cfy_cli.shell.execution_groups import POLLED, check_cancelled
from cfy_cli.shell.follow_execution import describe_state
from cfy_cli.shell.polling import poll_until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cfy_cli.client.collection import Item
    from cfy_cli.shell.app import App


def wait_for(
    app: App, keys: Sequence[str], state: str | None, timeout: float | None, *, fail_fast: bool, groups: bool
) -> None:
    """Wait for executions, by default until they end, and print them. Raises the error of the worst state."""
    collection = app.client.execution_groups if groups else app.client.executions
    status_line = StatusLine(shown=app.options.verbosity >= 0)
    latest: dict[str, Item] = {}

    def poll() -> list[Item]:
        for key in dict.fromkeys(keys):
            if key not in latest or not _is_settled(latest[key], state):
                latest[key] = collection.get(key, _include=POLLED if groups else None)
        settled = sum(_is_settled(item, state) for item in latest.values())
        status_line.show(f"{settled} of {len(latest)} executions done")
        return list(latest.values())

    def is_done(items: list[Item]) -> bool:
        has_failed = fail_fast and any(_is_failed(item, state) for item in items)
        return has_failed or all(_is_settled(item, state) for item in items)

    try:
        items, done = poll_until(app, poll, is_done, timeout=timeout)
    finally:
        status_line.clear()
    _report(app, items, groups=groups)
    _raise_failure(items, state, groups=groups)
    for item in items if groups else ():
        check_cancelled(app.client, item)
    if not done:
        _raise_timeout(items, state, timeout or 0, groups=groups)


def _is_settled(execution: Item, state: str | None) -> bool:
    return is_ended(execution["status"]) or (state is not None and has_reached(execution["status"], state))


def _is_failed(execution: Item, state: str | None) -> bool:
    return is_ended(execution["status"]) and not has_reached(execution["status"], state or "terminated")


def _report(app: App, items: list[Item], *, groups: bool) -> None:
    if app.as_data:
        app.answer(items, EXECUTION_GROUPS if groups else EXECUTIONS)
        return
    for item in items:
        owner = item.get("deployment_group_id") or item.get("deployment_id")
        where = f" on `{owner}`" if owner else ""
        app.say(f"{item['id']}  {item.get('workflow_id')}{where}: {describe_state(item)}")


def _raise_failure(items: list[Item], state: str | None, *, groups: bool) -> None:
    failed = [item for item in items if _is_failed(item, state)]
    for worst in ("failed", "cancelled", "terminated"):
        for item in failed:
            if item["status"] == worst:
                error = error_for_state(worst) or CfyError
                reason = f" before it was {state}" if state else ""
                hint = f"Show its events: cfy events list {'--execution-group ' if groups else ''}{item['id']}"
                raise error(f"Execution {item['id']} {describe_state(item)}{reason}", hint=hint)


def _raise_timeout(items: list[Item], state: str | None, timeout: float, *, groups: bool) -> None:
    waiting = [str(item["id"]) for item in items if not _is_settled(item, state)]
    raise StillRunning(
        f"Stopped waiting after {timeout:g} seconds; still running: {', '.join(waiting)}",
        hint=f"Continue waiting: cfy executions wait {'--groups ' if groups else ''}{' '.join(waiting)}",
    )
