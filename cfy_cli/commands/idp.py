"""`cfy idp`."""

import click

from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import CommandGroup


@click.group("idp", cls=CommandGroup)
def cli() -> None:
    """Show the identity provider of the manager."""


@cli.command("get")
@pass_app
def get_provider(app: App) -> None:
    """Show who verifies the passwords of users: the manager itself (local), or LDAP."""
    provider = app.client.identity_provider()
    app.result(provider, provider)
