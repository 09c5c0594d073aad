"""`cfy types`."""

from __future__ import annotations

import click

from cfy_cli.contract.resource import Resource
from cfy_cli.shell import options
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import CommandGroup

TYPES = Resource(name="types", noun="type", key="name", columns=("name", "kind", "derived_from"), tenanted=False)


@click.group("types", cls=CommandGroup)
def cli() -> None:
    """Show the types that blueprints may use."""


@cli.command("list")
@click.option("--blueprint-path", metavar="PATH", help="List what this blueprint and its imports define too.")
@click.option("--plugin", metavar="NAME", help="List only the types of this plugin.")
@options.plugin_yaml()
@pass_app
def list_types(app: App, blueprint_path: str | None, plugin: str | None, plugin_yaml: tuple[str, ...]) -> None:
    """List node types, relationships and data types; no manager is needed for those of the language.

    The types of imported plugins are read from --plugin-yaml, or from the manager in use.
    """
    from cfy_cli.shell.definitions import load_definitions

    found = load_definitions(app, blueprint_path, plugin, plugin_yaml)
    known = load_definitions(app) if plugin else None
    rows: list[dict[str, object]] = []
    for kind, types in (("node type", found.node_types), ("relationship", found.relationships)):
        rows += [
            {"name": name, "kind": kind, "derived_from": each.hierarchy[-2] if len(each.hierarchy) > 1 else None}
            for name, each in types.items()
        ]
    rows += [
        {"name": name, "kind": "data type", "derived_from": each["derived_from"]}
        for name, each in found.data_types.items()
    ]
    if known:
        names = {*known.node_types, *known.relationships, *known.data_types}
        rows = [row for row in rows if row["name"] not in names]
    app.show_items(rows, TYPES, TYPES.columns)
    if not app.as_data:
        app.note("To see one: cfy explain NAME")
