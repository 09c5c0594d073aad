"""`cfy maintenance-mode`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cfy_cli.contract.resources import EXECUTIONS
from cfy_cli.errors import CfyError, StillRunning, Usage
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import CommandGroup

if TYPE_CHECKING:
    from cfy_cli.client.collection import Item

COLUMNS = ("id", "deployment_id", "workflow_id", "status")
FIELDS = ("status", "activated_at", "activation_requested_at", "requested_by")
BLOCKED = "While in maintenance mode most requests will be blocked."


@click.group("maintenance-mode", cls=CommandGroup)
def cli() -> None:
    """Manage the maintenance mode of the manager."""


@cli.command("activate")
@click.option("--wait", is_flag=True, help="Wait until all executions have ended and the mode is activated.")
@click.option(
    "--timeout", type=click.IntRange(0), default=0, show_default=True,
    help="Stop waiting after this many seconds; 0 waits without limit.",
)  # fmt: skip
@pass_app
def activate(app: App, wait: bool, timeout: int) -> None:
    """Turn the maintenance mode on: no work begins, and once nothing runs, most requests are refused."""
    if timeout and not wait:
        raise Usage("`--timeout` was used without `--wait`", hint="Add --wait in order to wait.")
    app.note("Entering maintenance mode...")
    state = app.client.set_maintenance("activate")
    if not state:
        raise CfyError("Maintenance mode is already on", hint="Show it: cfy maintenance-mode status")
    if wait:
        state = _wait(app, state, timeout)
    if app.as_data:
        app.answer(state)
    elif state["status"] == "activated":
        app.say(f"Manager is in maintenance mode.\n{BLOCKED}")
    else:
        app.say("The manager enters maintenance mode once nothing runs any more.\n"
                "Run `cfy maintenance-mode status` to see what remains.")  # fmt: skip


@cli.command("deactivate")
@pass_app
def deactivate(app: App) -> None:
    """Turn the maintenance mode off; what was queued or scheduled meanwhile starts."""
    app.note("Turning off maintenance mode...")
    state = app.client.set_maintenance("deactivate")
    if not state:
        raise CfyError("Maintenance mode is already off", hint="Show it: cfy maintenance-mode status")
    app.result("Maintenance mode is off.", state)


@cli.command("status")
@pass_app
def show_status(app: App) -> None:
    """Show the maintenance mode, and the executions that it waits for."""
    state = app.client.maintenance_state()
    if app.as_data:
        app.answer(state)
        return
    app.show_details({name: state[name] for name in FIELDS if state.get(name)}, "Maintenance mode status:")
    remaining = state.get("remaining_executions") or []
    if remaining:
        app.say(_describe_remaining(len(remaining)))
        app.show_items(remaining, EXECUTIONS, COLUMNS, "Remaining executions:")
    if state["status"] == "activated":
        app.say("The manager is in maintenance mode. Most requests will be blocked.")


def _wait(app: App, state: Item, timeout: int) -> Item:
    """Return the state once the mode is activated. Raises StillRunning after the timeout."""
    from cfy_cli.shell.polling import poll_until

    remaining = state.get("remaining_executions") or []
    if remaining:
        app.note(_describe_remaining(len(remaining)))
    state, in_time = poll_until(
        app, app.client.maintenance_state, lambda answer: answer["status"] != "activating", timeout=timeout or None
    )
    if not in_time:
        raise StillRunning(
            f"The manager has not entered maintenance mode within {timeout} seconds; it goes on in the background",
            hint="See what remains: cfy maintenance-mode status",
        )
    return state


def _describe_remaining(count: int) -> str:
    if count == 1:
        return "The manager has one running or pending execution. It enters\nmaintenance mode when that ends."
    return f"The manager has {count} running or pending executions. It enters\nmaintenance mode when all of them end."
