"""Waiting until a plugin is installed where it is wanted."""

import time
from collections.abc import Collection

from cfy_cli.client.collection import Item
from cfy_cli.client.plugins import Plugins
from cfy_cli.errors import CfyError, StillRunning

LOOK_EVERY = 1.0  # seconds


def installed(plugins: Plugins, plugin_id: str, places: Collection[str], timeout: float) -> Item:
    """The plugin, once it is installed in all places. Raises CfyError with what went wrong in any of them."""
    deadline = time.monotonic() + timeout
    while True:
        plugin = plugins.get(plugin_id)
        states = {state.get("manager") or state.get("agent"): state for state in plugin.get("installation_state") or ()}
        wrong = [f"{place}: {states[place].get('error')}" for place in places if _is(states, place, "error")]
        if wrong:
            raise CfyError(f"Plugin `{plugin_id}` could not be installed on {'; '.join(wrong)}")
        if all(_is(states, place, "installed") for place in places):
            return plugin
        if time.monotonic() > deadline:
            raise StillRunning(f"Plugin `{plugin_id}` was not installed within {timeout:g} seconds")
        time.sleep(LOOK_EVERY)


def _is(states: dict[str | None, Item], place: str, state: str) -> bool:
    return bool(states.get(place, {}).get("state") == state)
