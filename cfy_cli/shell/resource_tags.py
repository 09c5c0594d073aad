"""The verbs of resource tags: names with values that a plugin gives to what it makes."""

from __future__ import annotations

from typing import Any

import click

from cfy_cli.contract.key_values import format_mapping, parse_mapping
from cfy_cli.shell.app import App, pass_app


def attach(cli: click.Group) -> None:
    """Give the noun `resource-tags list`, `resource-tags add` and `resource-tags delete`."""

    @cli.group("resource-tags", help="Handle the resource tags of a plugin.")
    def tags() -> None: ...

    @tags.command("list", help="List the resource tags of the plugin PLUGIN_ID.")
    @click.argument("plugin_id")
    @pass_app
    def list_tags(app: App, plugin_id: str) -> None:
        found = _tags(app, plugin_id)
        if app.as_data:
            app.answer(found)
            return
        from cfy_cli.output import render

        rows = [{"key": key, "value": value} for key, value in found.items()]
        render.records(rows, ("key", "value"), "Plugin resource tags:", {})

    @tags.command("add", help="Add resource tags to the plugin PLUGIN_ID: key:value,key:value; a key has one value.")
    @click.argument("tags", type=parse_mapping, metavar="TAGS")
    @click.argument("plugin_id")
    @pass_app
    def add_tags(app: App, tags: dict[str, str], plugin_id: str) -> None:
        plugin = app.client.plugins.set_tags(plugin_id, _tags(app, plugin_id) | tags)
        app.result(f"Resource tags added to plugin `{plugin_id}`: {format_mapping(tags)}", plugin)

    @tags.command("delete", help="Take resource tags from the plugin PLUGIN_ID: their keys, with commas between.")
    @click.argument("keys", metavar="KEYS")
    @click.argument("plugin_id")
    @pass_app
    def delete_tags(app: App, keys: str, plugin_id: str) -> None:
        found = _tags(app, plugin_id)
        gone = [key for key in (part.strip() for part in keys.split(",")) if key in found]
        left = {key: value for key, value in found.items() if key not in gone}
        plugin = app.client.plugins.set_tags(plugin_id, left) if gone else app.client.plugins.get(plugin_id)
        told = f": {', '.join(gone)}" if gone else ": it has none of them"
        app.result(f"{'R' if gone else 'No r'}esource tags deleted from plugin `{plugin_id}`{told}", plugin)


def _tags(app: App, plugin_id: str) -> dict[str, Any]:
    found: dict[str, Any] = app.client.plugins.get(plugin_id).get("resource_tags") or {}
    return found
