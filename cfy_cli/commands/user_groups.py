"""`cfy user-groups`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from cfy_cli.contract.resources import USER_GROUPS
from cfy_cli.errors import Conflict, NotFound
from cfy_cli.shell import options, verbs
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.if_exists import create_unless_exists, if_exists_option
from cfy_cli.shell.memberships import nothing_to_do
from cfy_cli.shell.options import Decorator

if TYPE_CHECKING:
    from typing import Unpack

    from cfy_cli.shell.option_types import ListOptions


cli = verbs.group_of(USER_GROUPS, "Manage groups of users, who share roles.", "delete")


@cli.command("list")
@options.get_data()
@options.listing(USER_GROUPS)
@pass_app
def list_groups(app: App, _get_data: bool, **query: Unpack[ListOptions]) -> None:
    """List user groups."""
    app.show_list(app.client.user_groups, _get_data=_get_data, **query)


@cli.command("get")
@click.argument("user_group_name")
@options.get_data()
@pass_app
def get_group(app: App, user_group_name: str, _get_data: bool) -> None:
    """Show the user group USER_GROUP_NAME."""
    app.show(USER_GROUPS, app.client.user_groups.get(user_group_name, _get_data=_get_data))


@cli.command("create")
@verbs.new_key(USER_GROUPS)
@click.option(
    "-l", "--ldap-distinguished-name", help="The name of the group in LDAP, such as cn=ops,dc=example,dc=com."
)
@options.security_role("The role of the members on the manager.")
@if_exists_option(update=False)
@pass_app
def create_group(
    app: App, user_group_name: str, ldap_distinguished_name: str | None, security_role: str, if_exists: str
) -> None:
    """Create the user group USER_GROUP_NAME."""
    groups = app.client.user_groups
    new = partial(groups.create, user_group_name, ldap_group_dn=ldap_distinguished_name, role=security_role)
    present = partial(groups.get, user_group_name)
    message = f"Group `{user_group_name}` created"
    create_unless_exists(app, USER_GROUPS, user_group_name, if_exists, new, present, sentence=message)


@cli.command("set-role")
@click.argument("user_group_name")
@options.security_role("The role of the members on the manager.")
@pass_app
def set_role(app: App, user_group_name: str, security_role: str) -> None:
    """Set the security role of the user group USER_GROUP_NAME."""
    group = app.client.user_groups.update(user_group_name, role=security_role)
    app.result(f"New role `{security_role}` set", group, USER_GROUPS)


def of_group() -> Decorator:
    return click.option("-g", "--group-name", "user_group_name", required=True, help="The user group.")


@cli.command("add-user")
@click.argument("username")
@of_group()
@pass_app
def add_user(app: App, username: str, user_group_name: str) -> None:
    """Add the user USERNAME to a user group."""
    present = f"User `{username}` is already associated with user group `{user_group_name}`"
    with nothing_to_do(app, Conflict, present, {"username": username, "group_name": user_group_name}):
        group = app.client.user_groups.add_user(user_group_name, username)
        app.result(f"User `{username}` added successfully to user group `{user_group_name}`", group, USER_GROUPS)


@cli.command("remove-user")
@click.argument("username")
@of_group()
@pass_app
def remove_user(app: App, username: str, user_group_name: str) -> None:
    """Remove the user USERNAME from a user group."""
    data = {"username": username, "group_name": user_group_name}
    absent = f"User `{username}` is not associated with user group `{user_group_name}`"
    with nothing_to_do(app, NotFound, absent, data):
        app.client.user_groups.remove_user(user_group_name, username)
        app.result(f"User `{username}` removed successfully from user group `{user_group_name}`", data)
