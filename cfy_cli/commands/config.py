"""`cfy config`: values that the manager reads while it runs."""

import click

from cfy_cli.contract.resources import CONFIG
from cfy_cli.errors import Usage
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import CommandGroup

HIDDEN = "********"
NOTES = {"workflow": "Executions that run already keep the former value."}  # by scope


@click.group("config", cls=CommandGroup)
def cli() -> None:
    """Manage the configuration of the manager."""


@cli.command("list")
@pass_app
def list_config(app: App) -> None:
    """List the configuration of the manager."""
    app.show_items(app.client.config.entries(), CONFIG, CONFIG.columns)


@cli.command("update")
@click.argument("inputs", nargs=-1)
@pass_app
def update_config(app: App, inputs: tuple[str, ...]) -> None:
    """Change values of the configuration.

    INPUTS are NAME=VALUE, a YAML or JSON file, or JSON text such as '{"rest.default_page_size": 500}'. A name that
    several scopes have needs its scope in front. Values are effective at once, without a restart.
    """
    from cfy_cli.shell.inputs import read_inputs

    values = read_inputs(inputs, dict, any_key=True)
    if not values:
        raise Usage("There is nothing to update", hint="Give NAME=VALUE; list the names: cfy config list")
    updated = [(name, app.client.config.set(name, value)) for name, value in values.items()]
    if app.as_data:
        app.answer([item for _, item in updated], CONFIG)
        return
    for name, item in updated:
        app.say(f"Updated {name} to {HIDDEN if item['admin_only'] else item['value']}")
        if item["scope"] in NOTES:
            app.say(NOTES[item["scope"]])
