"""Commands for modifications of deployments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cfy_cli.contract.resources import DEPLOYMENT_MODIFICATIONS
from cfy_cli.shell import options
from cfy_cli.shell.app import App, pass_app

if TYPE_CHECKING:
    from typing import Unpack

    from cfy_cli.client.collection import Item
    from cfy_cli.shell.option_types import ListOptions

KINDS = {
    "before_modification": ("Node instances before modifications:", False),
    "before_rollback": ("Node instances before rollback:", False),
    "added_and_related": ("Added node instances:", True),
    "removed_and_related": ("Removed node instances:", True),
}  # titles, and whether only the modified ones are shown


def add_modification_commands(cli: click.Group) -> None:
    """Add the commands `modifications list`, `modifications get` and `modifications rollback`."""

    @cli.group("modifications", help="Manage modifications of the numbers of node instances of deployments.")
    def modifications() -> None: ...

    @modifications.command("list", help="List the modifications of the deployment DEPLOYMENT_ID.")
    @click.argument("deployment_id")
    @options.listing(DEPLOYMENT_MODIFICATIONS)
    @pass_app
    def list_modifications(app: App, deployment_id: str, **query: Unpack[ListOptions]) -> None:
        app.client.deployments.get(deployment_id, _include="id")
        app.show_list(app.client.collection(DEPLOYMENT_MODIFICATIONS), deployment_id=deployment_id, **query)

    @modifications.command("get", help="Show the deployment modification DEPLOYMENT_MODIFICATION_ID.")
    @click.argument("deployment_modification_id")
    @pass_app
    def get_modification(app: App, deployment_modification_id: str) -> None:
        _show(app, app.client.collection(DEPLOYMENT_MODIFICATIONS).get(deployment_modification_id))

    @modifications.command(
        "rollback", help="Restore the node instances as they were before DEPLOYMENT_MODIFICATION_ID."
    )
    @click.argument("deployment_modification_id")
    @pass_app
    def roll_back_modification(app: App, deployment_modification_id: str) -> None:
        items = app.client.collection(DEPLOYMENT_MODIFICATIONS)
        _show(app, items.act("POST", deployment_modification_id, "rollback"))


def _show(app: App, modification: Item) -> None:
    app.show(DEPLOYMENT_MODIFICATIONS, modification)
    if app.as_data:
        return
    app.say(f"Modified nodes: {', '.join(modification.get('modified_nodes') or {})}")
    for kind, (title, is_modified) in KINDS.items():
        instances = (modification.get("node_instances") or {}).get(kind) or []
        shown = [each for each in instances if not is_modified or each.get("modification")]
        if shown:
            app.say("\n".join([title, *(f"  {each['id']} ({each['node_id']})" for each in shown)]))
