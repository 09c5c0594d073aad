"""Hints under empty lists: the command that creates an item."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfy_cli.shell.examples import EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Mapping

CREATING = ("create", "upload", "add", "start")  # commands beside `list`
DEPLOYMENT = "cfy deployments create web-1 -b web"
# How the items of a list come about that no command beside it creates, by the command or its group.
ORIGINS = {
    "agents": "They are on hosts of deployments, of managers with a broker: cfy manager start -h",
    "auditlog": "Every change is recorded: cfy sites create tlv",
    "plugins history": "Create one: cfy plugins update web",
    "plugins list_updates": "Create one: cfy plugins update web",
    "deployments history": "Update a deployment: cfy deployments update web-1 -b web-2",
    "license environments": f"They are deployments: {DEPLOYMENT}",
    "metrics": "Clients store them: cfy api PUT metrics/1 --input metric.json",
    "node-instances": f"They are in deployments: {DEPLOYMENT}",
    "nodes": f"They are in deployments: {DEPLOYMENT}",
}
# Parameters that select no items, or those that the list is about.
PAGING = frozenset({"_sort", "_size", "_offset", "_get_data", "_all_tenants", "_environments_only", "descending"})


def hint(command_path: str, query: Mapping[str, object]) -> str | None:
    """Return how to create an item when a list of all items is empty; None when only some were asked for."""
    if any(value for name, value in query.items() if name not in PAGING):
        return None
    command = " ".join(command_path.split(" ")[1:])
    group = command.rpartition(" ")[0]
    origin = ORIGINS.get(command) or ORIGINS.get(group)
    if origin:
        return origin
    creating = (EXAMPLES.get(f"{group} {verb}") for verb in CREATING)
    return next((f"Create one: {examples[0]}" for examples in creating if examples), None)
