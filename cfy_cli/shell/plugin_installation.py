"""Waiting for the installation of a plugin."""

from collections.abc import Collection, Mapping

from cfy_cli.client.collection import Item
from cfy_cli.errors import CfyError, StillRunning
from cfy_cli.shell.app import App
from cfy_cli.shell.polling import poll_until


def wait_until_installed(app: App, plugin_id: str, targets: Collection[str], timeout: float) -> Item:
    """Return the plugin when it is installed on all managers and agents named by `targets`.

    Raises CfyError when an installation fails, StillRunning after `timeout` seconds.
    """

    def is_installed(plugin: Item) -> bool:
        states = _states(plugin)
        errors = [f"{name}: {states[name].get('error')}" for name in targets if _is_in(states, name, "error")]
        if errors:
            raise CfyError(f"Plugin `{plugin_id}` could not be installed on {'; '.join(errors)}")
        return all(_is_in(states, name, "installed") for name in targets)

    plugin, done = poll_until(app, lambda: app.client.plugins.get(plugin_id), is_installed, timeout=timeout)
    if not done:
        raise StillRunning(
            f"Plugin `{plugin_id}` was not installed within {timeout:g} seconds",
            hint=f"Show its state: cfy plugins get {plugin_id}",
        )
    return plugin


def _states(plugin: Item) -> dict[str | None, Item]:
    """Return the state of the installation by the name of the manager or agent."""
    return {state.get("manager") or state.get("agent"): state for state in plugin.get("installation_state") or ()}


def _is_in(states: Mapping[str | None, Item], name: str, state: str) -> bool:
    return bool(states.get(name, {}).get("state") == state)
