"""`cfy community`."""

import click

from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import CommandGroup


@click.group("community", cls=CommandGroup)
def cli() -> None:
    """Register with the community edition of the manager."""


@cli.command("register")
@click.option("-f", "--first-name", required=True, help="Your first name.")
@click.option("-l", "--last-name", required=True, help="Your last name.")
@click.option("-e", "--email", required=True, help="Your email address.")
@click.option("-p", "--phone", required=True, help="Your phone number.")
@click.option(
    "-a", "--accept-eula", "is_eula", is_flag=True,
    help="Accept the End User License Agreement, https://cloudify.co/license-community.",
)  # fmt: skip
@pass_app
def register(app: App, **contact: object) -> None:
    """Register yourself at the manager; the manager on this machine needs no registration."""
    if app.uses_embedded(app.profile):
        sentence = "Nothing to register: the manager on this machine needs neither a registration nor a license"
        app.result(sentence, {"customer_id": None})
        return
    customer_id = app.client.license.register(contact)
    app.result(f"Registered. Customer id: {customer_id}", {"customer_id": customer_id})
