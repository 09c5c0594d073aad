"""`cfy managers`: the manager nodes of a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cfy_cli.contract.manager_resources import MANAGERS
from cfy_cli.shell import options
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import CommandGroup

if TYPE_CHECKING:
    from typing import Unpack

    from cfy_cli.shell.option_types import ListOptions


@click.group("managers", cls=CommandGroup)
def cli() -> None:
    """Manage the manager nodes of a cluster."""


@cli.command("list")
@options.listing(MANAGERS)
@pass_app
def list_managers(app: App, **query: Unpack[ListOptions]) -> None:
    """List the manager nodes of the cluster."""
    app.show_list(app.client.managers, **query)
