"""Options that several nouns take, each written once."""

import sys
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import click

from cfy_cli.contract.filters import attribute_rule, label_rule
from cfy_cli.contract.labels import parse_labels
from cfy_cli.contract.resource import Resource
from cfy_cli.shell.app import App
from cfy_cli.shell.param_types import before, moment

F = TypeVar("F", bound=Callable[..., Any])
VISIBILITIES = ("private", "tenant", "global")


class Decorator(Protocol):
    def __call__(self, function: F, /) -> F: ...


def together(*options: Decorator) -> Decorator:
    """Several options as one decorator, in the order in which help shows them."""

    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def listing(resource: Resource) -> Decorator:
    """Everything a `list` command takes, named as the manager's query names it."""
    options: list[Decorator] = [sorting(resource.order)]
    if resource.search:
        fields = " or ".join(resource.search)
        options.append(click.option("--search", "_search", help=f"Only those whose {fields} holds this text."))
    if resource.tenanted:
        options.append(all_tenants())
    return together(*options, paging())


def sorting(default: str) -> Decorator:
    return together(
        click.option("--sort-by", "_sort", default=default, show_default=True, help="Order by this field."),
        click.option("--descending", is_flag=True, help="Reverse the order."),
    )


def paging() -> Decorator:
    return together(
        click.option("-o", "--pagination-offset", "_offset", type=click.IntRange(0), help="Skip this many."),
        click.option("-s", "--pagination-size", "_size", type=click.IntRange(1), help="Show one page of this many."),
    )


def all_tenants() -> Decorator:
    return click.option("-a", "--all-tenants", "_all_tenants", is_flag=True, help="Look in every tenant.")


def filtering() -> Decorator:
    """Rules that choose items by labels and attributes, or a filter that keeps such rules on the manager."""
    return together(
        click.option("--filter-id", "_filter_id", help="Only those that this filter on the manager lets through."),
        click.option(
            "-lr", "--labels-rule", "label_rules", multiple=True, type=label_rule, metavar="RULE",
            help="Only those with such labels: `team=core`, `env!=dev`, `env is null`; may be given again.",
        ),
        click.option(
            "-ar", "--attrs-rule", "attribute_rules", multiple=True, type=attribute_rule, metavar="RULE",
            help="Only those with such attributes: `created_by=ann`, `id contains web`; may be given again.",
        ),
    )  # fmt: skip


def visibility(*, default: str | None = "tenant", choices: tuple[str, ...] = VISIBILITIES) -> Decorator:
    return click.option(
        "-l", "--visibility", type=click.Choice(choices), default=default, show_default=default is not None,
        required=default is None and choices != VISIBILITIES, help="Who may see it.",
    )  # fmt: skip


def private_resource() -> Decorator:
    return click.option("--private-resource", is_flag=True, hidden=True, help="The same as --visibility private.")


def deployment_id(*, required: bool = False) -> Decorator:
    return click.option("-d", "--deployment-id", required=required, help="The deployment.")


def labels(flag: str = "--labels", of: str = "it") -> Decorator:
    return click.option(flag, type=parse_labels, metavar="LABELS", help=f"Labels for {of}: key:value,key:value.")


def inputs() -> Decorator:
    return click.option(
        "-i", "--inputs", multiple=True,
        help="Inputs: key=value, a YAML or JSON file (or folder, or pattern), or JSON text; may be given again.",
    )  # fmt: skip


def parameters() -> Decorator:
    return together(
        click.option(
            "-p", "--parameters", multiple=True,
            help="Parameters of the workflow: key=value, a YAML or JSON file, or JSON text; may be given again.",
        ),
        click.option(
            "--allow-custom-parameters", is_flag=True, help="Accept parameters that the workflow does not declare."
        ),
    )  # fmt: skip


def with_logs() -> Decorator:
    return click.option(
        "--include-logs/--no-logs", default=True, show_default=True, help="Show log lines among the events."
    )


def event_format() -> Decorator:
    return click.option("--json-output", is_flag=True, help="Print each event as a line of JSON.")


def worker_names(*short: str) -> Decorator:
    return click.option(
        *short, "--with-worker-names/--without-worker-names", help="Say which manager or agent each event is from."
    )


def times() -> Decorator:
    """A stretch of time for events."""
    return together(
        click.option(
            "--from",
            "since",
            type=moment,
            metavar="TIME",
            help="From this time on: `2026-11-23 12:59` (UTC), `1 h ago`.",
        ),
        click.option("--to", "until", type=moment, metavar="TIME", help="Up to this time: `2026-11-23 12:59` (UTC)."),
        click.option("--before", type=before, metavar="SPAN", help="At least this long ago: `2 weeks`, `3 days ago`."),
    )


def get_data() -> Decorator:
    return click.option("--get-data", "_get_data", is_flag=True, help="Show who and what, not only how many.")


def security_role() -> Decorator:
    return click.option(
        "-r", "--security-role", default="default", show_default=True, help="What the user may do on the whole manager."
    )


def password() -> Decorator:
    """A password as an argument others can see, from stdin, or asked for."""

    def choose(ctx: click.Context, _param: click.Parameter, from_stdin: bool) -> None:
        if from_stdin:
            ctx.params["password"] = sys.stdin.readline().rstrip("\n")
        elif not ctx.params.get("password") and not ctx.resilient_parsing:
            if not ctx.ensure_object(App).interactive:
                raise click.UsageError("Give --password or --password-stdin", ctx)
            ctx.params["password"] = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)

    return together(
        click.option("-p", "--password", is_eager=True, help="The password; without it, it is asked for."),
        click.option(
            "--password-stdin", is_flag=True, expose_value=False, callback=choose, help="Read the password from stdin."
        ),
    )


def rules(label_rules: tuple[Any, ...], attribute_rules: tuple[Any, ...]) -> list[Any] | None:
    """What `filtering` collected, as the manager wants it."""
    return [*label_rules, *attribute_rules] or None
