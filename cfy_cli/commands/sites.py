"""`cfy sites`."""

import click

from cfy_cli.contract.resources import SITES
from cfy_cli.errors import Usage
from cfy_cli.shell import options, param_types, verbs
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.if_exists import if_exists_option

cli = verbs.group_of(SITES, "Manage sites of deployments.", "list", "get", "delete")
location = click.option("--location", help="The coordinates of the site: LATITUDE,LONGITUDE.")


@cli.command("create")
@verbs.new_key(SITES)
@location
@options.visibility()
@if_exists_option()
@pass_app
def create_site(app: App, name: str, if_exists: str, **fields: str | None) -> None:
    """Create the site NAME."""
    verbs.create(app, SITES, name, if_exists, **fields)


@cli.command("update")
@click.argument("name")
@location
@click.option("-n", "--new-name", type=param_types.name_of(SITES), metavar="TEXT", help="The new name of the site.")
@options.new_visibility()
@pass_app
def update_site(app: App, name: str, **fields: str | None) -> None:
    """Update the site NAME."""
    if not any(value is not None for value in fields.values()):
        raise Usage("There is nothing to update", hint="Give --location, --new-name or --visibility.")
    app.result(f"Site `{name}` updated", app.client.collection(SITES).update(name, **fields))
