"""`cfy users`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from cfy_cli.contract.resources import USERS
from cfy_cli.errors import Usage
from cfy_cli.shell import options, verbs
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.if_exists import create_unless_exists, if_exists_option

if TYPE_CHECKING:
    from typing import Unpack

    from cfy_cli.client.collection import Item
    from cfy_cli.shell.option_types import ListOptions

DETAILS = (*USERS.columns[:-1], "user_tenants", "group_tenants")


cli = verbs.group_of(USERS, "Manage users.", "delete")


@cli.command("list")
@options.get_data()
@options.listing(USERS)
@pass_app
def list_users(app: App, _get_data: bool, **query: Unpack[ListOptions]) -> None:
    """List users."""
    app.show_list(app.client.users, DETAILS if _get_data else None, _get_data=_get_data, **query)


@cli.command("get")
@click.argument("username", required=False)
@options.get_data()
@pass_app
def get_user(app: App, username: str | None, _get_data: bool) -> None:
    """Show the user USERNAME, by default yourself."""
    users = app.client.users
    user = users.get(username, _get_data=_get_data) if username else users.myself(_get_data=_get_data)
    app.show(USERS, user, DETAILS if _get_data else None)


@cli.command("create")
@click.argument("username")
@options.security_role()
@options.password()
@click.option("-t", "--tenant-name", help="Add the user to this tenant; requires --user-tenant-role.")
@click.option("-l", "--user-tenant-role", help="The role of the user in that tenant.")
@if_exists_option()
@pass_app
def create_user(
    app: App,
    username: str,
    security_role: str,
    password: str,
    tenant_name: str | None,
    user_tenant_role: str | None,
    if_exists: str,
) -> None:
    """Create the user USERNAME."""
    if bool(tenant_name) != bool(user_tenant_role):
        raise Usage("--tenant-name and --user-tenant-role require each other")
    users = app.client.users
    new, present = partial(users.create, username, password=password, role=security_role), partial(users.get, username)
    message = f"User `{username}` created with `{security_role}` security role"
    is_new = create_unless_exists(
        app,
        USERS,
        username,
        if_exists,
        new,
        present,
        partial(_update, app, username, password, security_role),
        sentence=message,
    )
    if tenant_name and user_tenant_role:
        add = app.client.tenants.add_user if is_new else app.client.tenants.put_user
        add(tenant_name, username, user_tenant_role)
        app.say(f"User `{username}` added successfully to tenant `{tenant_name}` with `{user_tenant_role}` role")


def _update(app: App, username: str, password: str, role: str) -> Item:
    app.client.users.update(username, password=password)
    return app.client.users.update(username, role=role)


@cli.command("set-password")
@click.argument("username")
@options.password()
@pass_app
def set_password(app: App, username: str, password: str) -> None:
    """Set the password of the user USERNAME.

    Users may set their own passwords; the new one replaces that in the profile in use.
    """
    from cfy_cli.shell.profile_changes import replace_password

    app.result("New password set", app.client.users.update(username, password=password), USERS)
    if profile := replace_password(app, username, password):
        app.note(f"Profile `{profile}` logs in with it")


@cli.command("set-role")
@click.argument("username")
@options.security_role()
@pass_app
def set_role(app: App, username: str, security_role: str) -> None:
    """Set the security role of the user USERNAME."""
    app.result(f"New role `{security_role}` set", app.client.users.update(username, role=security_role), USERS)


@cli.command("activate")
@click.argument("username")
@pass_app
def activate_user(app: App, username: str) -> None:
    """Activate the user USERNAME: the user may log in again."""
    app.result("User activated", app.client.users.set_active(username, True), USERS)


@cli.command("deactivate")
@click.argument("username")
@pass_app
def deactivate_user(app: App, username: str) -> None:
    """Deactivate the user USERNAME: the user cannot log in any more."""
    app.result("User deactivated", app.client.users.set_active(username, False), USERS)


@cli.command("unlock")
@click.argument("username")
@pass_app
def unlock_user(app: App, username: str) -> None:
    """Unlock the user USERNAME after too many failed logins."""
    app.result("User unlocked", app.client.users.unlock(username), USERS)
