"""Commands for resource tags: names and values that a plugin gives to the resources that it creates."""

from __future__ import annotations

import click

from cfy_cli.contract.key_values import format_mapping, parse_mapping
from cfy_cli.shell.app import App, pass_app


def add_tag_commands(cli: click.Group) -> None:
    """Add the commands `resource-tags list`, `resource-tags add` and `resource-tags delete`."""

    @cli.group("resource-tags", help="Manage the resource tags of a plugin.")
    def tags() -> None: ...

    @tags.command("list", help="List the resource tags of the plugin PLUGIN_ID.")
    @click.argument("plugin_id")
    @pass_app
    def list_tags(app: App, plugin_id: str) -> None:
        present = _load_tags(app, plugin_id)
        if app.as_data:
            app.answer({key: [value] for key, value in present.items()})
            return
        from cfy_cli.output import render

        rows = [{"key": key, "value": value} for key, value in present.items()]
        render.records(rows, ("key", "value"), "Plugin resource tags:")

    @tags.command("add", help="Add resource tags to the plugin PLUGIN_ID: key:value,key:value; a key has one value.")
    @click.argument("tags", type=parse_mapping, metavar="TAGS")
    @click.argument("plugin_id")
    @pass_app
    def add_tags(app: App, tags: dict[str, str], plugin_id: str) -> None:
        plugin = app.client.plugins.set_tags(plugin_id, _load_tags(app, plugin_id) | tags)
        app.result(f"Resource tags added to plugin `{plugin_id}`: {format_mapping(tags)}", plugin)

    @tags.command("delete", help="Delete resource tags from the plugin PLUGIN_ID: keys, separated by commas.")
    @click.argument("keys", metavar="KEYS")
    @click.argument("plugin_id")
    @pass_app
    def delete_tags(app: App, keys: str, plugin_id: str) -> None:
        present = _load_tags(app, plugin_id)
        deleted = [key for key in (part.strip() for part in keys.split(",")) if key in present]
        remaining = {key: value for key, value in present.items() if key not in deleted}
        plugin = app.client.plugins.set_tags(plugin_id, remaining) if deleted else app.client.plugins.get(plugin_id)
        if deleted:
            sentence = f"Resource tags deleted from plugin `{plugin_id}`: {', '.join(deleted)}"
        else:
            sentence = f"No resource tags deleted from plugin `{plugin_id}`: it has none of them"
        app.result(sentence, plugin)


def _load_tags(app: App, plugin_id: str) -> dict[str, object]:
    tags: dict[str, object] = app.client.plugins.get(plugin_id).get("resource_tags") or {}
    return tags
