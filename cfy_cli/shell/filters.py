"""Commands for stored filters, added to the groups of blueprints and deployments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cfy_cli.errors import Usage
from cfy_cli.shell import options, verbs
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.if_exists import if_exists_option

if TYPE_CHECKING:
    from cfy_cli.contract.filters import Rule
    from cfy_cli.contract.resource import Resource

    Rules = tuple[Rule, ...]

NAME = "filters"


def add_filter_commands(cli: click.Group, resource: Resource) -> None:
    """Add the commands `filters list`, `get`, `create`, `update` and `delete`."""
    filters = verbs.group_of(resource, f"Manage stored {resource.plural}.", "list", "get", "delete")
    cli.add_command(filters, NAME)

    @filters.command(
        "create",
        help=f"Create the {resource.noun} FILTER_ID: rules under a name.\n\nAll rules must match; a filter without "
        "rules matches everything. `--filter-id` of lists applies it.",
    )
    @verbs.new_key(resource)
    @options.rules_of_filter()
    @options.visibility()
    @if_exists_option()
    @pass_app
    def create_filter(
        app: App, filter_id: str, label_rules: Rules, attribute_rules: Rules, visibility: str, if_exists: str
    ) -> None:
        rules = [*label_rules, *attribute_rules]
        verbs.create(app, resource, filter_id, if_exists, filter_rules=rules, visibility=visibility)

    @filters.command(
        "update",
        help=f"Update the {resource.noun} FILTER_ID.\n\nRules about labels replace only its rules about labels, and "
        "rules about attributes only those about attributes.",
    )
    @click.argument("filter_id")
    @options.rules_of_filter()
    @options.new_visibility()
    @pass_app
    def update_filter(
        app: App, filter_id: str, label_rules: Rules, attribute_rules: Rules, visibility: str | None
    ) -> None:
        rules = options.rules(label_rules, attribute_rules)
        if rules is None and visibility is None:
            raise Usage("There is nothing to update", hint="Give --labels-rule, --attrs-rule or --visibility.")
        item = app.client.collection(resource).update(filter_id, filter_rules=rules, visibility=visibility)
        app.result(f"{resource.noun.capitalize()} `{filter_id}` updated", item, resource)
