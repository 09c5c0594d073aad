"""`cfy groups`: the groups of nodes in a deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cfy_cli.contract.execution_resources import NODE_GROUPS
from cfy_cli.shell import options
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import CommandGroup

if TYPE_CHECKING:
    from cfy_cli.client.collection import Item

SCALING_POLICY = "cloudify.policies.scaling"


@click.group("groups", cls=CommandGroup)
def cli() -> None:
    """Show the groups of nodes in deployments."""


@cli.command("list")
@options.deployment_id(required=True)
@pass_app
def list_groups(app: App, deployment_id: str) -> None:
    """List the groups of nodes in a deployment, with their members and policies."""
    deployment = app.client.deployments.get(deployment_id, _include="groups,scaling_groups")
    groups, scaling = deployment.get("groups") or {}, deployment.get("scaling_groups") or {}
    rows = [_describe(name, group, is_scaled=name in scaling) for name, group in sorted(groups.items())]
    app.show_items(rows, NODE_GROUPS, NODE_GROUPS.columns, f"Groups of deployment {deployment_id}:")
    if not rows:
        app.note(f"The blueprint of deployment `{deployment_id}` has no `groups`")


def _describe(name: str, group: Item, *, is_scaled: bool) -> Item:
    policies = [SCALING_POLICY] if is_scaled else []
    policies += [policy["type"] for policy in (group.get("policies") or {}).values()]
    return {"name": name, "members": group.get("members") or [], "policies": policies}
