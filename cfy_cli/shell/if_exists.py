"""Creating what may be there already: an error, a shrug, or a change."""

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
    """What to do about it; without `update` where things cannot be changed in this way."""
    choices = [FAIL, SKIP, UPDATE] if update else [FAIL, SKIP]
    return click.option(
        "--if-exists", type=click.Choice(choices), default=FAIL, show_default=True, help="What to do if it is there."
    )


def create_unless_exists(
    app: App,
    resource: Resource,
    key: str,
    wanted: str,
    new: Callable[[], Item],
    present: Callable[[], Item],
    changed: Callable[[], Item] | None = None,
    *,
    sentence: str = "",
) -> bool:
    """Create it, or do as is wanted, and say which; whether it is new. Raises what `new` raises."""
    name = f"{resource.noun.capitalize()} `{key}`"
    try:
        app.result(sentence or f"{name} created", new(), resource)
        return True
    except Conflict as error:
        if wanted == FAIL:
            raise
        try:
            item = present()
        except NotFound:
            raise error from None
    if wanted == UPDATE and changed:
        app.result(f"{name} updated", changed(), resource)
    else:
        app.result(f"{name} exists already", item, resource)
    return False
