"""`cfy tokens`."""

import click

from cfy_cli.contract.resources import TOKENS
from cfy_cli.shell import verbs
from cfy_cli.shell.app import App, pass_app

cli = verbs.group_of(TOKENS, "Manage authentication tokens.", "get", "delete")


@cli.command("create")
@click.option("-e", "--expiry", "expiration_date", help="When the token expires: +10h, or 2121-03-09 14:52 (UTC).")
@click.option("-d", "--description", help="The description of the token.")
@pass_app
def create_token(app: App, **fields: object) -> None:
    """Create a token for yourself; its value is shown only once."""
    app.show(TOKENS, app.client.tokens.issue(**fields), (*TOKENS.columns, "value"))


@cli.command("list")
@pass_app
def list_tokens(app: App) -> None:
    """List your tokens; administrators see the tokens of all users."""
    app.show_list(app.client.tokens)
