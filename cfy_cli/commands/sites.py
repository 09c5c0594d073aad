"""`cfy sites`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from cfy_cli.contract.resources import SITES
from cfy_cli.shell import options, param_types
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import CommandGroup
from cfy_cli.shell.if_exists import create_unless_exists, if_exists_option

if TYPE_CHECKING:
    from typing import Unpack

    from cfy_cli.shell.option_types import ListOptions


@click.group("sites", cls=CommandGroup)
def cli() -> None:
    """Manage sites of deployments."""


@cli.command("list")
@options.listing(SITES)
@pass_app
def list_sites(app: App, **query: Unpack[ListOptions]) -> None:
    """List sites."""
    app.show_list(app.client.sites, **query)


@cli.command("get")
@click.argument("name")
@pass_app
def get_site(app: App, name: str) -> None:
    """Show the site NAME."""
    app.show(SITES, app.client.sites.get(name))


@cli.command("create")
@click.argument("name", type=param_types.name, metavar="NAME")
@click.option("--location", help="The coordinates of the site: LATITUDE,LONGITUDE.")
@options.visibility()
@if_exists_option()
@pass_app
def create_site(app: App, name: str, if_exists: str, **fields: str | None) -> None:
    """Create the site NAME."""
    sites = app.client.sites
    new, changed = partial(sites.create, name, **fields), partial(sites.update, name, **fields)
    create_unless_exists(app, SITES, name, if_exists, new, partial(sites.get, name), changed)


@cli.command("update")
@click.argument("name")
@click.option("--location", help="The coordinates of the site: LATITUDE,LONGITUDE.")
@click.option("-n", "--new-name", type=param_types.name, metavar="TEXT", help="The new name of the site.")
@options.visibility(default=None)
@pass_app
def update_site(app: App, name: str, **fields: str | None) -> None:
    """Update the site NAME."""
    app.result(f"Site `{name}` updated", app.client.sites.update(name, **fields))


@cli.command("delete")
@click.argument("name")
@pass_app
def delete_site(app: App, name: str) -> None:
    """Delete the site NAME."""
    app.client.sites.delete(name)
    app.result(f"Site `{name}` deleted", {"name": name})
