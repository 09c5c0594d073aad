"""`cfy nodes`."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from cfy_cli.contract.resource import Resource
from cfy_cli.contract.resources import NODES
from cfy_cli.errors import NotFound, Usage
from cfy_cli.shell import options, summaries
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import CommandGroup

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Unpack

    from cfy_cli.client.collection import Item
    from cfy_cli.shell.option_types import ListOptions

OPERATIONS = Resource(
    name="operations", noun="operation", key="name",
    columns=("name", "inputs", "plugin", "executor", "operation"), narrow=("name", "operation", "plugin", "inputs"),
)  # fmt: skip
COUNTS = ("drifted_instances", "unavailable_instances")  # of instances, in lists of one deployment
CHECKS = ("check_drift", "check_status")


@click.group("nodes", cls=CommandGroup)
def cli() -> None:
    """Manage nodes of deployments."""


summaries.add_summary_command(cli, NODES, "deployment_id", "tenant_name", "visibility")


@cli.command("list")
@options.deployment_id()
@click.option("--run-checks", is_flag=True, help="Run the check_drift and check_status workflows first.")
@click.option(
    "--evaluate-functions", "_evaluate_functions", is_flag=True, help="Evaluate intrinsic functions in properties."
)
@options.listing(NODES)
@pass_app
def list_nodes(
    app: App,
    deployment_id: str | None,
    run_checks: bool,
    _evaluate_functions: bool,
    **query: Unpack[ListOptions],
) -> None:
    """List nodes, of one deployment or of all."""
    if run_checks:
        _run_checks(app, deployment_id)
    app.show_list(
        app.client.nodes,
        deployment_id=deployment_id,
        more=COUNTS if deployment_id else (),
        _instance_counts=True if deployment_id else None,
        _evaluate_functions=_evaluate_functions,
        **query,
    )


@cli.command("get")
@click.argument("node_id")
@options.deployment_id(required=True)
@click.option("--evaluate-functions", is_flag=True, help="Evaluate intrinsic functions in properties.")
@pass_app
def get_node(app: App, node_id: str, deployment_id: str, evaluate_functions: bool) -> None:
    """Show the node NODE_ID of a deployment."""
    page = app.client.nodes.list(deployment_id=deployment_id, id=node_id, _evaluate_functions=evaluate_functions)
    if not page.items:
        raise NotFound(
            f"There is no node `{node_id}` in deployment `{deployment_id}`",
            hint=f"List them: cfy nodes list -d {shlex.quote(deployment_id)}",
        )
    node = page.items[0]
    page = app.client.node_instances.list(deployment_id=deployment_id, node_id=node_id, _include="id")
    instances = [instance["id"] for instance in page]
    app.show(NODES, node | {"instances": instances})
    if app.as_data or app.options.columns:
        return
    app.say("Type hierarchy:\n" + "\n".join(f"\t{name}" for name in node.get("type_hierarchy") or ()) + "\n")
    app.show_details(node.get("properties") or {}, "Node properties:")
    if operations := _implemented_operations(node):
        app.show_items(operations, OPERATIONS, OPERATIONS.columns)
    app.say("Node instance IDs:\n" + "\n".join(f"\t{key}" for key in instances))


def _implemented_operations(node: Item) -> list[Item]:
    """Return the operations that do something, each by its longest name."""
    operations: Mapping[str, Item] = node.get("operations") or {}
    long_names = {name.rpartition(".")[2] for name in operations if "." in name}
    return [
        {"name": name, **fields}
        for name, fields in operations.items()
        if fields.get("operation") and name not in long_names
    ]


def _run_checks(app: App, deployment_id: str | None) -> None:
    from cfy_cli.shell.follow_execution import follow_execution
    from cfy_cli.shell.follow_options import FollowOptions
    from cfy_cli.shell.workflows import start_workflow

    if not deployment_id:
        raise Usage("--run-checks requires --deployment-id")
    follow = FollowOptions(show_events=False)
    for workflow_id in CHECKS:  # a failed check shows in the list of nodes as well
        follow_execution(app, start_workflow(app, deployment_id, workflow_id, (), follow), follow)
