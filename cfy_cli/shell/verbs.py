"""Commands that resources have in common, made from the description of the resource."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from cfy_cli.shell import options, param_types
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import CommandGroup
from cfy_cli.shell.if_exists import create_unless_exists

if TYPE_CHECKING:
    from typing import Any, Unpack

    from cfy_cli.contract.resource import Resource
    from cfy_cli.shell.option_types import ListOptions


def group_of(resource: Resource, summary: str, *verbs: str, **settings: Any) -> CommandGroup:
    """Make the group of commands of a resource, with the given commands of this module, and other settings."""
    group = CommandGroup(resource.name.rpartition(" ")[2], help=summary, **settings)
    for verb in verbs:
        _ADD[verb](group, resource)
    return group


def new_key(resource: Resource) -> options.Decorator:
    """Add the argument that names a new item."""
    name = resource.argument
    return click.argument(name, type=param_types.name_of(resource), metavar=name.upper())


def create(app: App, resource: Resource, key: str, if_exists: str, **fields: object) -> None:
    """Create an item, or do with an existing one what --if-exists says, and report it.

    An update leaves alone what no option gives, such as the visibility.
    """
    items = app.client.collection(resource)
    source = click.get_current_context().get_parameter_source
    given = {name: value for name, value in fields.items() if source(name) != ParameterSource.DEFAULT}
    new, update = partial(items.create, key, **fields), partial(items.update, key, **given)
    create_unless_exists(app, resource, key, if_exists, new, partial(items.get, key), update)


def add_list(group: CommandGroup, resource: Resource) -> None:
    @group.command("list", help=f"List {resource.plural}.")
    @options.listing(resource)
    @pass_app
    def list_items(app: App, **query: Unpack[ListOptions]) -> None:
        app.show_list(app.client.collection(resource), **query)


def add_get(group: CommandGroup, resource: Resource) -> None:
    @group.command("get", help=f"Show the {resource.noun} {resource.argument.upper()}.")
    @click.argument(resource.argument)
    @pass_app
    def get(app: App, **arguments: str) -> None:
        app.show(resource, app.client.collection(resource).get(arguments[resource.argument]))


def add_delete(group: CommandGroup, resource: Resource) -> None:
    @group.command("delete", help=f"Delete the {resource.noun} {resource.argument.upper()}.")
    @click.argument(resource.argument)
    @pass_app
    def delete(app: App, **arguments: str) -> None:
        key = arguments[resource.argument]
        app.client.collection(resource).delete(key)
        app.result(f"{resource.noun.capitalize()} `{key}` deleted", {resource.key: key})


def add_set_visibility(group: CommandGroup, resource: Resource) -> None:
    @group.command("set-visibility", help=f"Set the visibility of the {resource.noun} {resource.argument.upper()}.")
    @click.argument(resource.argument)
    @options.new_visibility(required=True)
    @pass_app
    def set_visibility(app: App, visibility: str, **arguments: str) -> None:
        _set_visibility(app, resource, arguments[resource.argument], visibility)


def add_set_global(group: CommandGroup, resource: Resource) -> None:
    summary = f"Set the visibility of the {resource.noun} {resource.argument.upper()} to global."

    @group.command("set-global", help=summary)
    @click.argument(resource.argument)
    @pass_app
    def set_global(app: App, **arguments: str) -> None:
        _set_visibility(app, resource, arguments[resource.argument], "global")


def add_set_owner(group: CommandGroup, resource: Resource) -> None:
    @group.command("set-owner", help=f"Change the owner of the {resource.noun} {resource.argument.upper()}.")
    @click.argument(resource.argument)
    @click.option("-s", "--username", required=True, help="The new owner.")
    @pass_app
    def set_owner(app: App, username: str, **arguments: str) -> None:
        key = arguments[resource.argument]
        item = app.client.collection(resource).patch(key, creator=username)
        app.result(f"{resource.noun.capitalize()} `{key}` is now owned by user `{item['created_by']}`", item)


def _set_visibility(app: App, resource: Resource, key: str, visibility: str) -> None:
    item = app.client.collection(resource).set_visibility(key, visibility)
    app.result(f"{resource.noun.capitalize()} `{key}` was set to {visibility}", item)


_ADD = {
    "list": add_list,
    "get": add_get,
    "delete": add_delete,
    "set-visibility": add_set_visibility,
    "set-global": add_set_global,
    "set-owner": add_set_owner,
}
