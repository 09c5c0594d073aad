"""`cfy cluster`: managers, brokers and database nodes, and whether they work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cfy_cli.contract.manager_resources import BROKERS, CLUSTER_NODES, CLUSTER_SERVICES
from cfy_cli.errors import Conflict, NotFound
from cfy_cli.shell import options
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.cluster_profile import add_update_profile
from cfy_cli.shell.command_tree import CommandGroup

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Unpack

    from cfy_cli.client.collection import Item
    from cfy_cli.contract.resource import Resource
    from cfy_cli.shell.option_types import ListOptions


class _ClusterGroup(CommandGroup):
    """Group that also has the commands of `cfy managers` and `cfy db-nodes`, under their names."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), "db-nodes", "managers"])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        from cfy_cli.commands.db_nodes import cli as db_nodes
        from cfy_cli.commands.managers import cli as managers

        others: Mapping[str, click.Command] = {"db-nodes": db_nodes, "managers": managers}
        return others.get(cmd_name) or super().get_command(ctx, cmd_name)


@click.group("cluster", cls=_ClusterGroup)
def cli() -> None:
    """Manage the cluster of managers."""


add_update_profile(cli)


@cli.command("status")
@pass_app
def show_status(app: App) -> None:
    """Show whether manager, broker and database work."""
    status = app.client.http.item("GET", "cluster-status")
    if app.as_data:
        app.answer(status)
        return
    app.say(f"Current cluster status is {status['status']}:")
    parts: Mapping[str, Any] = status["services"]
    rows = [{"service": name, "status": part["status"]} for name, part in parts.items()]
    app.show_items(rows, CLUSTER_SERVICES, CLUSTER_SERVICES.columns, "Cluster status services:")
    if any(len(part["nodes"]) > 1 for part in parts.values()):
        nodes = [
            _describe_node(name, node, each) for name, part in parts.items() for node, each in part["nodes"].items()
        ]
        app.show_items(nodes, CLUSTER_NODES, CLUSTER_NODES.columns, "Nodes:")
    for name, part in parts.items():
        for node, details in part["nodes"].items():
            metrics = {metric["metric_name"]: metric["value"] for metric in details["metrics"]}
            if metrics.get("waiting_executions"):
                age = metrics.get("oldest_waiting_seconds", 0)
                app.say(f"{metrics['waiting_executions']} executions wait for a worker, the oldest for {age} seconds.")
            if "replay_lag_bytes" in metrics:
                app.say(f"The replica {node} is {metrics['replay_lag_bytes']} bytes behind.")
            for failure in details["failures"]:
                app.note(f"{name} {node}: {failure}")


def _describe_node(part: str, name: str, node: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of the table; a public manager tells nothing of its processes."""
    services = node["services"].values()
    processes = [each for service in services for each in service["extra_info"].get("systemd", {}).get("instances", ())]
    started = [each["started_at"] for each in processes if each.get("started_at")]
    seen = [each["seen_at"] for each in processes if each.get("seen_at")]
    return {
        "service": part,
        "node": name,
        "status": node["status"],
        "processes": len({each.get("MainPID") for each in processes}),
        "since": min(started, default=None),
        "last_seen": max(seen, default=None),
        "version": node["version"],
    }


@cli.command("remove")
@click.argument("hostname")
@pass_app
def remove_manager(app: App, hostname: str) -> None:
    """Remove the manager HOSTNAME from the cluster."""
    app.client.managers.delete(hostname)
    app.result(f"Manager `{hostname}` removed from the cluster", {"hostname": hostname})


@cli.group("brokers", cls=CommandGroup)
def brokers() -> None:
    """Manage the message brokers of the cluster."""


@brokers.command("list")
@options.listing(BROKERS)
@pass_app
def list_brokers(app: App, **query: Unpack[ListOptions]) -> None:
    """List the brokers of the cluster."""
    app.show_list(app.client.collection(BROKERS), **query)


@brokers.command("get")
@click.argument("name")
@pass_app
def get_broker(app: App, name: str) -> None:
    """Show the broker NAME."""
    app.show(BROKERS, _find(app, BROKERS, name))


@brokers.command("add")
@click.argument("name")
@click.argument("address")
@click.option("--port", type=click.IntRange(1, 65535), help="The port of the broker, if it is not 5671.")
@click.option("-n", "--networks", multiple=True, help="Networks and addresses: NAME=ADDRESS; may be repeated.")
@pass_app
def add_broker(app: App, name: str, address: str, port: int | None, networks: tuple[str, ...]) -> None:
    """Add the existing broker NAME at ADDRESS to the cluster."""
    if any(broker["name"] == name for broker in app.client.collection(BROKERS).list()):
        raise Conflict(f"Broker `{name}` is in the cluster already", hint="Show it: cfy cluster brokers list")
    fields = {"name": name, "address": address, "port": port, "networks": _parse_networks(networks) or None}
    body = {field: value for field, value in fields.items() if value is not None}
    app.result(f"Broker `{name}` added", app.client.http.item("POST", "brokers", json=body))


@brokers.command("update")
@click.argument("name")
@click.option(
    "-n", "--networks", multiple=True, required=True, help="Networks and addresses: NAME=ADDRESS; may be repeated."
)
@pass_app
def update_broker(app: App, name: str, networks: tuple[str, ...]) -> None:
    """Add or change networks of the broker NAME."""
    _find(app, BROKERS, name)
    answer = app.client.collection(BROKERS).create(name, networks=_parse_networks(networks))
    app.result(f"Broker `{name}` updated", answer)


@brokers.command("remove")
@click.argument("name")
@pass_app
def remove_broker(app: App, name: str) -> None:
    """Remove the broker NAME from the cluster; it is not uninstalled."""
    _find(app, BROKERS, name)
    app.client.collection(BROKERS).delete(name)
    app.result(f"Broker `{name}` removed", {"name": name})


def _find(app: App, resource: Resource, key: str) -> Item:
    """Return a node of the cluster. Raises NotFound with the names that there are."""
    items = app.client.collection(resource).list()
    for item in items:
        if item[resource.key] == key:
            return item
    names = ", ".join(str(item[resource.key]) for item in items)
    raise NotFound(f"There is no {resource.noun} `{key}` in the cluster", hint=f"There are: {names}")


def _parse_networks(texts: tuple[str, ...]) -> dict[str, str]:
    """Parse NAME=ADDRESS, and objects of JSON. Raises Usage."""
    from cfy_cli.shell.inputs import read_inputs

    return {name: str(address) for name, address in read_inputs(texts, dict, any_key=True).items()}
