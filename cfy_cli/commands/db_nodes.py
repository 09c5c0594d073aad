"""`cfy db-nodes`: the nodes of the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cfy_cli.contract.manager_resources import DB_NODES
from cfy_cli.shell import options
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import CommandGroup

if TYPE_CHECKING:
    from typing import Unpack

    from cfy_cli.shell.option_types import ListOptions


@click.group("db-nodes", cls=CommandGroup)
def cli() -> None:
    """Manage the nodes of the database."""


@cli.command("list")
@options.listing(DB_NODES)
@pass_app
def list_database_nodes(app: App, **query: Unpack[ListOptions]) -> None:
    """List the nodes of the database."""
    app.show_list(app.client.collection(DB_NODES), **query)


@cli.command("update")
@pass_app
def update_database_nodes(app: App) -> None:
    """Let the manager act upon changes of the database nodes, and list them."""
    answer = app.client.http.item("POST", "db-nodes", json={"action": "update"})
    app.show_items(answer["items"], DB_NODES, DB_NODES.columns)
