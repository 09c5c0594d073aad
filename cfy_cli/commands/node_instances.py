"""`cfy node-instances`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cfy_cli.contract.resources import NODE_INSTANCES
from cfy_cli.shell import options
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import CommandGroup

if TYPE_CHECKING:
    from typing import Unpack

    from cfy_cli.shell.option_types import ListOptions


@click.group("node-instances", cls=CommandGroup)
def cli() -> None:
    """Manage node instances of deployments."""


@cli.command("list")
@options.deployment_id()
@click.option("-n", "--node-name", "node_id", help="List only instances of this node.")
@options.listing(NODE_INSTANCES)
@pass_app
def list_node_instances(app: App, deployment_id: str | None, node_id: str | None, **query: Unpack[ListOptions]) -> None:
    """List node instances, of one deployment or of all."""
    app.show_list(app.client.node_instances, deployment_id=deployment_id, node_id=node_id, **query)


@cli.command("get")
@click.argument("node_instance_id")
@click.option("--evaluate-functions", is_flag=True, help="Evaluate intrinsic functions in properties.")
@pass_app
def get_node_instance(app: App, node_instance_id: str, evaluate_functions: bool) -> None:
    """Show the node instance NODE_INSTANCE_ID."""
    query = {"_evaluate_functions": True} if evaluate_functions else {}
    instance = app.client.node_instances.get(node_instance_id, **query)
    app.show(NODE_INSTANCES, instance)
    app.show_details(instance.get("runtime_properties") or {}, "Instance runtime properties:")
    if instance.get("system_properties"):
        app.show_details(instance["system_properties"], "Instance system properties:")
