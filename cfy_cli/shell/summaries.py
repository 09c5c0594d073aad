"""The command `summary` of a resource."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cfy_cli.shell import options
from cfy_cli.shell.app import App, pass_app

if TYPE_CHECKING:
    from cfy_cli.contract.resource import Resource


def add_summary_command(
    cli: click.Group, resource: Resource, *fields: str, group: options.Decorator | None = None
) -> None:
    """Add `summary`, which counts items by the values of one field or of two; `group` is one more option of it."""
    choice = click.Choice(fields)
    decorate = options.combine(
        click.argument("target_field", type=choice),
        click.argument("sub_field", type=choice, required=False),
        *((group,) if group else ()),
        options.all_tenants(),
    )

    @cli.command("summary", help=f"Count {resource.plural} by the values of TARGET_FIELD, and then of SUB_FIELD.")
    @decorate
    @pass_app
    def summary(app: App, target_field: str, sub_field: str | None, **query: str | bool | None) -> None:
        show_summary(app, resource, target_field, sub_field, **query)


def show_summary(
    app: App, resource: Resource, target_field: str, sub_field: str | None, **query: str | bool | None
) -> None:
    """Print the number of items for each value; with a second field, for each pair of values and then their total."""
    from dataclasses import replace

    name = resource.attribute
    items = app.client.collection(resource).summary(target_field, sub_field, **query)
    rows = items
    if sub_field is not None:
        total = None if app.as_data else "TOTAL"
        rows = [
            {target_field: item[target_field], sub_field: part[sub_field], name: part[name]}
            for item in items
            for part in (*item[f"by {sub_field}"], {sub_field: total, name: item[name]})
        ]
    columns = tuple(dict.fromkeys(column for column in (target_field, sub_field, name) if column))
    counted = replace(resource, name="summary", key=target_field, columns=columns, narrow=(), sources={})
    title = f"{resource.noun.capitalize()} summary by {target_field}"
    app.show_items(rows, counted, columns, title)
