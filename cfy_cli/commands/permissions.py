"""`cfy permissions`."""

from __future__ import annotations

import click

from cfy_cli.contract.resources import PERMISSIONS
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import CommandGroup
from cfy_cli.shell.options import Decorator

COLUMNS = ("permission", "roles")


@click.group("permissions", cls=CommandGroup)
def cli() -> None:
    """Manage the permissions of roles."""


@cli.command("list")
@click.option("--role", help="Only the permissions of this role.")
@pass_app
def list_permissions(app: App, role: str | None) -> None:
    """List the permissions that roles have."""
    permissions = app.client.permissions
    roles: dict[str, list[str]] = {}
    for pair in permissions.of_role(role) if role else permissions.list():
        roles.setdefault(pair["permission"], []).append(pair["role"])
    items: list[dict[str, object]] = [{"permission": name, "roles": having} for name, having in roles.items()]
    app.show_items(items, PERMISSIONS, COLUMNS)


def of_role() -> Decorator:
    return click.option("--role", required=True, help="The role, such as viewer.")


def permission() -> Decorator:
    return click.option("--permission", required=True, help="The permission, such as blueprint_list.")


@cli.command("allow")
@of_role()
@permission()
@pass_app
def allow_permission(app: App, role: str, permission: str) -> None:
    """Give a role a permission. It is effective at once."""
    app.result(f"Allowed role {role} the permission {permission}", app.client.permissions.allow(role, permission))


@cli.command("disallow")
@of_role()
@permission()
@pass_app
def disallow_permission(app: App, role: str, permission: str) -> None:
    """Take a permission from a role. It is effective at once."""
    app.client.permissions.disallow(role, permission)
    message = f"Disallowed role {role} the permission {permission}"
    app.result(message, {"role": role, "permission": permission})
