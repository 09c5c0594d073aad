"""`cfy node-instances`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cfy_cli.contract.resources import NODE_INSTANCES
from cfy_cli.shell import options, summaries
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import CommandGroup

if TYPE_CHECKING:
    from typing import Unpack

    from cfy_cli.client.collection import Item
    from cfy_cli.shell.option_types import ListOptions


@click.group("node-instances", cls=CommandGroup)
def cli() -> None:
    """Manage node instances of deployments."""


summaries.add_summary_command(
    cli, NODE_INSTANCES, "deployment_id", "node_id", "state", "host_id", "index", "tenant_name", "visibility"
)


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
    _show(app, instance)


@cli.command("update-runtime")
@click.argument("node_instance_id")
@click.option(
    "-p", "--properties", multiple=True, required=True,
    help="Runtime properties: a.b=value, a YAML or JSON file, or JSON text; may be repeated.",
)  # fmt: skip
@pass_app
def update_runtime_properties(app: App, node_instance_id: str, properties: tuple[str, ...]) -> None:
    """Set runtime properties of the node instance NODE_INSTANCE_ID; the others stay as they are."""
    from cfy_cli.shell.runtime_properties import update_properties

    _show(app, update_properties(app, node_instance_id, properties))


@cli.command("delete-runtime")
@click.argument("node_instance_id")
@click.option(
    "-p", "--properties", multiple=True, required=True,
    help="The runtime property to delete: a.b, or a file of such; may be repeated.",
)  # fmt: skip
@pass_app
def delete_runtime_properties(app: App, node_instance_id: str, properties: tuple[str, ...]) -> None:
    """Delete runtime properties of the node instance NODE_INSTANCE_ID."""
    from cfy_cli.shell.runtime_properties import delete_properties

    _show(app, delete_properties(app, node_instance_id, properties))


def _show(app: App, instance: Item) -> None:
    app.show(NODE_INSTANCES, instance)
    app.show_details(instance.get("runtime_properties") or {}, "Instance runtime properties:")
    if instance.get("system_properties"):
        app.show_details(instance["system_properties"], "Instance system properties:")
