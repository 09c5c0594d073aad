"""`cfy tenants`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from cfy_cli.contract.resources import TENANTS
from cfy_cli.errors import Conflict, NotFound
from cfy_cli.shell import options, param_types, verbs
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.if_exists import create_unless_exists, if_exists_option
from cfy_cli.shell.memberships import nothing_to_do
from cfy_cli.shell.options import Decorator

if TYPE_CHECKING:
    from typing import Unpack

    from cfy_cli.shell.option_types import ListOptions


DETAILS = ("name", "groups", "direct users", "group users")


cli = verbs.group_of(TENANTS, "Manage tenants, their users and their user groups.", "delete")


@cli.command("list")
@options.get_data()
@options.listing(TENANTS)
@pass_app
def list_tenants(app: App, _get_data: bool, **query: Unpack[ListOptions]) -> None:
    """List tenants."""
    app.show_list(app.client.tenants, DETAILS if _get_data else None, _get_data=_get_data, **query)


@cli.command("get")
@click.argument("tenant_name")
@options.get_data()
@pass_app
def get_tenant(app: App, tenant_name: str, _get_data: bool) -> None:
    """Show the tenant TENANT_NAME."""
    app.show(TENANTS, app.client.tenants.get(tenant_name, _get_data=_get_data), DETAILS if _get_data else None)


@cli.command("create")
@click.argument("tenant_name", type=param_types.name_of(TENANTS), metavar="TENANT_NAME")
@if_exists_option(update=False)
@pass_app
def create_tenant(app: App, tenant_name: str, if_exists: str) -> None:
    """Create the tenant TENANT_NAME."""
    tenants = app.client.tenants
    new, present = partial(tenants.create, tenant_name), partial(tenants.get, tenant_name)
    create_unless_exists(app, TENANTS, tenant_name, if_exists, new, present)


def in_tenant() -> Decorator:
    return click.option("-t", "--tenant-name", required=True, help="The tenant.")


def with_role(of: str = "user") -> Decorator:
    return click.option("-r", "--role", required=True, help=f"The role of the {of} in the tenant.")


@cli.command("add-user")
@click.argument("username")
@in_tenant()
@with_role()
@pass_app
def add_user(app: App, username: str, tenant_name: str, role: str) -> None:
    """Add the user USERNAME to a tenant."""
    present = f"User `{username}` is already associated with tenant `{tenant_name}`"
    with nothing_to_do(app, Conflict, present, {"username": username, "tenant_name": tenant_name}):
        tenant = app.client.tenants.add_user(tenant_name, username, role)
        app.result(f"User `{username}` added successfully to tenant `{tenant_name}` with `{role}` role", tenant)


@cli.command("update-user")
@click.argument("username")
@in_tenant()
@with_role()
@pass_app
def update_user(app: App, username: str, tenant_name: str, role: str) -> None:
    """Change the role of the user USERNAME in a tenant."""
    tenant = app.client.tenants.update_user(tenant_name, username, role)
    app.result(f"User `{username}` updated successfully in tenant `{tenant_name}`", tenant)


@cli.command("remove-user")
@click.argument("username")
@in_tenant()
@pass_app
def remove_user(app: App, username: str, tenant_name: str) -> None:
    """Remove the user USERNAME from a tenant."""
    data = {"username": username, "tenant_name": tenant_name}
    absent = f"User `{username}` is not associated with tenant `{tenant_name}`"
    with nothing_to_do(app, NotFound, absent, data):
        app.client.tenants.remove_user(tenant_name, username)
        app.result(f"User `{username}` removed successfully from tenant `{tenant_name}`", data)


@cli.command("add-user-group")
@click.argument("user_group_name")
@in_tenant()
@with_role("members of the group")
@pass_app
def add_user_group(app: App, user_group_name: str, tenant_name: str, role: str) -> None:
    """Add the user group USER_GROUP_NAME to a tenant."""
    present = f"User group `{user_group_name}` is already associated with tenant `{tenant_name}`"
    with nothing_to_do(app, Conflict, present, {"group_name": user_group_name, "tenant_name": tenant_name}):
        tenant = app.client.tenants.add_user_group(tenant_name, user_group_name, role)
        sentence = f"User group `{user_group_name}` added successfully to tenant `{tenant_name}` with `{role}` role"
        app.result(sentence, tenant)


@cli.command("update-user-group")
@click.argument("user_group_name")
@in_tenant()
@with_role("members of the group")
@pass_app
def update_user_group(app: App, user_group_name: str, tenant_name: str, role: str) -> None:
    """Change the role of the user group USER_GROUP_NAME in a tenant."""
    tenant = app.client.tenants.update_user_group(tenant_name, user_group_name, role)
    app.result(f"User group `{user_group_name}` updated successfully in tenant `{tenant_name}`", tenant)


@cli.command("remove-user-group")
@click.argument("user_group_name")
@in_tenant()
@pass_app
def remove_user_group(app: App, user_group_name: str, tenant_name: str) -> None:
    """Remove the user group USER_GROUP_NAME from a tenant."""
    data = {"group_name": user_group_name, "tenant_name": tenant_name}
    absent = f"User group `{user_group_name}` is not associated with tenant `{tenant_name}`"
    with nothing_to_do(app, NotFound, absent, data):
        app.client.tenants.remove_user_group(tenant_name, user_group_name)
        app.result(f"User group `{user_group_name}` removed successfully from tenant `{tenant_name}`", data)
