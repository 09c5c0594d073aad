"""Creation of resources that may exist already: `--if-exists fail|skip|update`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cfy_cli.errors import Conflict, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    from cfy_cli.client.collection import Item
    from cfy_cli.contract.resource import Resource
    from cfy_cli.shell.app import App
    from cfy_cli.shell.options import Decorator

FAIL, SKIP, UPDATE = "fail", "skip", "update"


def if_exists_option(*, update: bool = True) -> Decorator:
    """Add --if-exists; without the choice `update` for resources that have no update."""
    choices = [FAIL, SKIP, UPDATE] if update else [FAIL, SKIP]
    return click.option(
        "--if-exists", type=click.Choice(choices), default=FAIL, show_default=True, help="What to do if it exists."
    )


def add_hint(error: Conflict, resource: Resource, key: str) -> None:
    """Say what to type when the item exists and --if-exists is `fail`."""
    types = [parameter.type for parameter in click.get_current_context().command.params]
    can_update = any(isinstance(kind, click.Choice) and UPDATE in kind.choices for kind in types)
    change = "; change it: --if-exists update" if can_update else ""
    show = f"Show it: cfy {resource.name} get {key}"
    error.hint = error.hint or f"{show}; continue with the existing one: --if-exists skip{change}"


def create_unless_exists(
    app: App,
    resource: Resource,
    key: str,
    if_exists: str,
    create: Callable[[], Item],
    get: Callable[[], Item],
    update: Callable[[], Item] | None = None,
    *,
    sentence: str = "",
) -> bool:
    """Create the resource, or get or update the existing one, and report it; return whether it was created.

    Raises the errors of `create`.
    """
    title = f"{resource.noun.capitalize()} `{key}`"
    try:
        app.result(sentence or f"{title} created", create(), resource)
        return True
    except Conflict as error:
        if if_exists == FAIL:
            add_hint(error, resource, key)
            raise
        try:
            item = get()
        except NotFound:
            raise error from None
    if if_exists == UPDATE and update:
        app.result(f"{title} updated", update(), resource)
    else:
        app.result(f"{title} already exists", item, resource)
    return False
