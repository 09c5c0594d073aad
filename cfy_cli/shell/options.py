"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import click

from cfy_cli.contract.filters import Rule, attribute_rule, label_rule
from cfy_cli.contract.labels import parse_labels
from cfy_cli.contract.resource import Resource
from cfy_cli.shell.app import App
from cfy_cli.shell.param_types import before, timestamp
from cfy_cli.shell.streams import read_secret

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

CommandFunction = Callable[..., None]
VISIBILITIES = ("private", "tenant", "global")
WHO_CAN_SEE = "Who can see it."


class Decorator(Protocol):
    """A decorator that adds options to a command."""

    def __call__(self, function: CommandFunction, /) -> CommandFunction: ...


def combine(*options: Decorator) -> Decorator:
    """Combine options into one decorator, in the order of the help text."""

    def decorate(function: CommandFunction) -> CommandFunction:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the value of a parameter that is parsed: click asks only types of its own."""
    from cfy_cli.shell.completion_values import complete as complete_value

    return complete_value(ctx, param, incomplete)


def listing(resource: Resource, *, short_size: bool = True) -> Decorator:
    """Add the options of a `list` command; their parameters are named like those of the API.

    Without `short_size`, another option of the command is called -s.
    """
    options: list[Decorator] = [sorting(resource.order)]
    if resource.search:
        fields = " or ".join(resource.search)
        options.append(click.option("--search", "_search", help=f"List only items whose {fields} contains this text."))
    if resource.tenanted:
        options.append(all_tenants())
    return combine(*options, paging(short_size=short_size))


def sorting(default: str) -> Decorator:
    return combine(
        click.option("--sort-by", "_sort", default=default, show_default=True, help="Sort by this field."),
        click.option("--descending", is_flag=True, help="Sort in descending order."),
    )


def paging(*, short_size: bool = True) -> Decorator:
    short = ("-s",) if short_size else ()
    return combine(
        click.option("-o", "--pagination-offset", "_offset", type=click.IntRange(0), help="Skip this many items."),
        click.option(
            *short,
            "--pagination-size",
            "_size",
            type=click.IntRange(1),
            help="List one page of at most this many items.",
        ),
    )


def all_tenants() -> Decorator:
    return click.option("-a", "--all-tenants", "_all_tenants", is_flag=True, help="Include all tenants.")


def filtering() -> Decorator:
    """Add the options for filter rules; `rules` combines their values."""
    return combine(
        click.option("--filter-id", "_filter_id", help="List only items that match this stored filter."),
        rules_about("List only items with matching"),
    )


def rules_of_filter() -> Decorator:
    """Add the options for the rules of a stored filter."""
    return rules_about("A rule about")


def rules_about(action: str) -> Decorator:
    """Add the options for filter rules alone."""
    return combine(
        click.option(
            "-lr", "--labels-rule", "label_rules", multiple=True, type=label_rule, metavar="RULE",
            shell_complete=complete,
            help=f"{action} labels: `team=core`, `env!=dev`, `env is null`; may be repeated.",
        ),
        click.option(
            "-ar", "--attrs-rule", "attribute_rules", multiple=True, type=attribute_rule, metavar="RULE",
            help=f"{action} attributes: `created_by=ann`, `id contains web`; may be repeated.",
        ),
    )  # fmt: skip


def visibility() -> Decorator:
    """Add the option of commands that create something."""
    return click.option(
        "-l", "--visibility", type=click.Choice(VISIBILITIES), default="tenant", show_default=True, help=WHO_CAN_SEE
    )


def new_visibility(*, required: bool = False) -> Decorator:
    """Add the option of commands that change something, which can only become more visible."""
    return click.option("-l", "--visibility", type=click.Choice(VISIBILITIES[1:]), required=required, help=WHO_CAN_SEE)


def private_resource() -> Decorator:
    return click.option("--private-resource", is_flag=True, hidden=True, help="The same as --visibility private.")


def deployment_id(*, required: bool = False) -> Decorator:
    return click.option("-d", "--deployment-id", required=required, help="The id of the deployment.")


def labels(flag: str = "--labels", of: str = "it") -> Decorator:
    return click.option(
        flag, type=parse_labels, metavar="LABELS", shell_complete=complete, help=f"Labels of {of}: key:value,key:value."
    )


def inputs() -> Decorator:
    return click.option(
        "-i", "--inputs", multiple=True,
        help="Inputs: key=value, a YAML or JSON file (or a folder or pattern), or JSON text; may be repeated.",
    )  # fmt: skip


def parameters(*, custom: bool = True) -> Decorator:
    given = click.option(
        "-p", "--parameters", multiple=True,
        help="Parameters of the workflow: key=value, a YAML or JSON file, or JSON text; may be repeated.",
    )  # fmt: skip
    allow = click.option(
        "--allow-custom-parameters", is_flag=True, help="Allow parameters that the workflow does not declare."
    )
    return combine(given, allow) if custom else given


def with_logs() -> Decorator:
    return click.option("--include-logs/--no-logs", default=True, show_default=True, help="Include log messages.")


def event_format() -> Decorator:
    return click.option("--json-output", is_flag=True, help="Print each event as a line of JSON.")


def compact_events() -> Decorator:
    return click.option(
        "--compact/--no-compact", default=None,
        help="Print one line for each operation, with its duration: by default on a terminal.",
    )  # fmt: skip


def worker_names(*short: str) -> Decorator:
    return click.option(
        *short, "--with-worker-names/--without-worker-names", help="Show the manager or agent of each event."
    )


def times() -> Decorator:
    """Add the options for a time range of events."""
    return combine(
        click.option(
            "--from", "since", type=timestamp, metavar="TIME",
            help="The start of the time range: `2026-11-23 12:59` (UTC), `1 h ago`.",
        ),
        click.option(
            "--to", "until", type=timestamp, metavar="TIME", help="The end of the time range: `2026-11-23 12:59` (UTC)."
        ),
        click.option("--before", type=before, metavar="DURATION", help="At least this long ago: `2 weeks`, `3 days`."),
    )  # fmt: skip


def plugin_yaml() -> Decorator:
    return click.option(
        "--plugin-yaml",
        multiple=True,
        type=click.Path(),
        help="The plugin.yaml of an imported plugin, or a folder of such files; may be repeated.",
    )


def get_data() -> Decorator:
    return click.option("--get-data", "_get_data", is_flag=True, help="Show details of related items, not counts.")


def security_role(text: str = "The role of the user on the manager.") -> Decorator:
    return click.option("-r", "--security-role", default="default", show_default=True, help=text)


def password() -> Decorator:
    """Add the options for a password: as an argument, from stdin, or by default from a prompt."""

    def choose(ctx: click.Context, _param: click.Parameter, from_stdin: bool) -> None:
        if ctx.resilient_parsing:
            return
        if from_stdin:
            ctx.params["password"] = read_secret("password")
        elif not ctx.params.get("password"):
            if not ctx.ensure_object(App).interactive:
                raise click.UsageError("Give --password or --password-stdin", ctx)
            ctx.params["password"] = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)

    return combine(
        click.option("-p", "--password", is_eager=True, help="The password; without it, you are prompted."),
        click.option(
            "--password-stdin", is_flag=True, expose_value=False, callback=choose, help="Read the password from stdin."
        ),
    )


def rules(label_rules: Sequence[Rule], attribute_rules: Sequence[Rule]) -> list[Rule] | None:
    """Combine the values of `filtering`; None when there are none."""
    return [*label_rules, *attribute_rules] or None
