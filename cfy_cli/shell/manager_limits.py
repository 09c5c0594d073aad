"""The limits of the embedded manager: as an option, and as a table."""

from dataclasses import fields

import click
from click.shell_completion import CompletionItem

from cfy_cli.contract.limits import Limits, format_limit, parse_limit
from cfy_cli.contract.resource import Resource
from cfy_cli.shell.completion import UNFINISHED
from cfy_cli.shell.options import Decorator

LIMITS = Resource(
    name="limits", noun="limit", key="name", tenanted=False,
    columns=("name", "value", "default", "description"), more=("unit",),
)  # fmt: skip


def limit_option() -> Decorator:
    """Add the option that sets limits; the command gets their names and values."""
    return click.option(
        "--limit", "limits", type=parse_limit, multiple=True, metavar="NAME=VALUE", shell_complete=_complete,
        help="Set a limit, such as `request_body=64M`; `default` resets it. `cfy manager limits` lists them.",
    )  # fmt: skip


def limit_items(limits: Limits, *, as_numbers: bool) -> list[dict[str, object]]:
    """Return all limits, their values as numbers or as text with units."""
    defaults = Limits()
    return [
        {
            "name": limit.name,
            "value": _show(limits, limit.name, as_numbers=as_numbers),
            "default": _show(defaults, limit.name, as_numbers=as_numbers),
            **limit.metadata,
        }
        for limit in fields(limits)
    ]


def _show(limits: Limits, name: str, *, as_numbers: bool) -> object:
    value = getattr(limits, name)
    return value if as_numbers else format_limit(name, value)


def _complete(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [
        CompletionItem(f"{limit.name}=", type=UNFINISHED, help=limit.metadata["description"])
        for limit in fields(Limits)
        if limit.name.startswith(incomplete)
    ]
