"""`cfy tokens`."""

import click

from cfy_cli.contract.resources import TOKENS
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import CommandGroup


@click.group("tokens", cls=CommandGroup)
def cli() -> None:
    """Manage authentication tokens."""


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


@cli.command("get")
@click.argument("token_id")
@pass_app
def get_token(app: App, token_id: str) -> None:
    """Show the token TOKEN_ID, without its value."""
    app.show(TOKENS, app.client.tokens.get(token_id))


@cli.command("delete")
@click.argument("token_id")
@pass_app
def delete_token(app: App, token_id: str) -> None:
    """Delete (revoke) the token TOKEN_ID."""
    app.client.tokens.delete(token_id)
    app.result(f"Token `{token_id}` deleted", {"id": token_id})
