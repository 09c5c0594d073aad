"""Options for what the embedded manager is called, and for what it may connect to."""

import ipaddress
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


def trusted_proxy_option() -> Decorator:
    """Add the option that names proxies of the manager; None when it is not given."""
    return click.option(
        "--trusted-proxy", "trusted_proxies", type=_parse_network, multiple=True, metavar="NETWORK",
        callback=_without_empty,
        help="The address or network of a proxy, whose `X-Forwarded-For` says which client sent a request; an empty "
        "one removes all.",
    )  # fmt: skip


def fetch_from_option() -> Decorator:
    """Add the option that allows networks which are not public; None when it is not given."""
    return click.option(
        "--fetch-from", type=_parse_network, multiple=True, metavar="NETWORK", callback=_without_empty,
        help="A network that is not public and that blueprints may fetch from, such as 10.1.0.0/16, when other "
        "machines can reach the manager; an empty one removes all.",
    )  # fmt: skip


def _parse_network(text: str) -> str:
    try:
        return text and str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        raise Usage(f"`{text}` is not a network", hint="Give an address, or one and its bits: 10.1.0.0/16") from None


def _parse(text: str) -> str:
    """Return the name or address of a server, without scheme and port, as requests have it in `Host`."""
    if re.search(r"[^\w.:-]", text) or re.search(r"^[^:]*:\d+$", text):
        raise Usage(f"`{text}` is not the name of a server", hint="Give the name alone: --server-name cfy.example.com")
    return text.lower()


def _without_empty(
    _context: click.Context, _parameter: click.Parameter, names: Sequence[str]
) -> tuple[str, ...] | None:
    return tuple(filter(None, names)) if names else None
