"""The nodes of a cluster, as its manager lists them and as profiles keep them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cfy_cli.errors import CfyError, Usage
from cfy_cli.shell.app import App, pass_app

if TYPE_CHECKING:
    import click

    from cfy_cli.client.collection import Item

KINDS = ("manager", "broker", "db")


@dataclass(frozen=True, slots=True)
class ClusterNodes:
    """Hold what a manager answers about its machines."""

    managers: list[Item]
    brokers: list[Item]
    databases: list[Item]

    @property
    def is_one_program(self) -> bool:
        """Return whether it is a manager without machines of its own, such as the one of this program."""
        return all(manager.get("distribution") is None for manager in self.managers)

    def of_kind(self, kind: str) -> list[Item]:
        return {"manager": self.managers, "broker": self.brokers, "db": self.databases}[kind]


def read_nodes(app: App) -> ClusterNodes:
    http = app.client.http
    return ClusterNodes(*(list(http.item("GET", path)["items"]) for path in ("managers", "brokers", "db-nodes")))


def add_update_profile(cli: click.Group) -> None:
    """Add the command `update-profile`."""

    @cli.command("update-profile")
    @pass_app
    def update_profile(app: App) -> None:
        """Store the nodes of the cluster in the profile in use, so that commands find another manager."""
        nodes, profile = read_nodes(app), app.profile
        if nodes.is_one_program or profile is None:
            raise CfyError(
                "This manager runs on one machine: its profile has no nodes of a cluster, and nothing was changed",
                hint="Use the profile of a cluster first: cfy profiles use NAME",
            )
        if not app.profiles.exists(profile.name):
            raise Usage(f"There is no profile `{profile.name}` to update", hint="Create one: cfy profiles use ADDRESS")
        for kind in KINDS:
            profile.cluster[kind] = _merge(kind, profile.cluster.get(kind) or [], nodes.of_kind(kind))
        app.profiles.write(profile)
        count = sum(len(profile.cluster[kind]) for kind in KINDS)
        app.result(f"Profile `{profile.name}` is up to date with {count} nodes", profile.cluster)


def _merge(kind: str, stored: list[Item], found: list[Item]) -> list[Item]:
    """Return the nodes that the manager lists: with the settings that are stored of them, such as certificates."""
    known = {node["hostname"]: node for node in stored}
    return [known.get(_name(node)) or _describe(kind, node) for node in found]


def _name(node: Item) -> str:
    return str(node.get("hostname") or node.get("name"))


def _describe(kind: str, node: Item) -> Item:
    address = (node.get("public_ip") or node.get("private_ip")) if kind == "manager" else node.get("host")
    return {"hostname": _name(node), "host_type": kind, "host_ip": address}
