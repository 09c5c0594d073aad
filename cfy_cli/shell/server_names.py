"""Names of the embedded manager, for the option that sets them."""

import re
from collections.abc import Sequence

import click

from cfy_cli.errors import Usage
from cfy_cli.shell.options import Decorator


def server_name_option() -> Decorator:
    """Add the option that sets further names of the manager; None when it is not given."""
    return click.option(
        "--server-name", "server_names", type=_parse, multiple=True, metavar="NAME", callback=_without_empty,
        help="A further name by which clients reach the manager, such as that of a proxy; an empty name removes all.",
    )  # fmt: skip


def _parse(text: str) -> str:
    """Return the name or address of a server, without scheme and port, as requests have it in `Host`."""
    if re.search(r"[^\w.:-]", text) or re.search(r"^[^:]*:\d+$", text):
        raise Usage(f"`{text}` is not the name of a server", hint="Give the name alone: --server-name cfy.example.com")
    return text.lower()


def _without_empty(
    _context: click.Context, _parameter: click.Parameter, names: Sequence[str]
) -> tuple[str, ...] | None:
    return tuple(filter(None, names)) if names else None
