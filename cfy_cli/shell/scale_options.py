"""Options by which managers on several machines share their work."""

from collections.abc import Sequence
from importlib.util import find_spec

import click

from cfy_cli.contract.manager_roles import ROLES
from cfy_cli.errors import Unreachable, Usage
from cfy_cli.shell.options import Decorator, combine

ALL = "all"
BROKER_SCHEMES = ("amqp", "amqps", "redis", "rediss")


def scale_options() -> Decorator:
    return combine(
        click.option(
            "--broker", type=_parse_broker, metavar="URL",
            help="The RabbitMQ or Redis that hands operations to workers: amqp://USER@HOST, redis://HOST; an empty URL "
            "runs operations without a broker (default).",
        ),
        click.option(
            "--role", "roles", type=click.Choice([*ROLES, ALL]), multiple=True, callback=_without_repetition,
            help="Run only this part of the manager here, and the others on other machines with the same PostgreSQL "
            "database; may be repeated; `all` by default.",
        ),
    )  # fmt: skip


def _parse_broker(url: str) -> str:
    if not url:
        return url
    scheme, separator, address = url.partition("://")
    if scheme not in BROKER_SCHEMES or not separator or not address.strip("/"):
        raise Usage(
            "That is not the URL of a broker",  # which may have a password
            hint="Give RabbitMQ (--broker amqp://USER:PASSWORD@HOST) or Redis (--broker redis://HOST:6379/0)",
        )
    if find_spec("celery") is None:
        raise Unreachable(
            "What a manager with a broker needs is not installed", hint="Install it: pip install 'cfy-cli[cluster]'"
        )
    return url


def _without_repetition(
    _context: click.Context, _parameter: click.Parameter, roles: Sequence[str]
) -> tuple[str, ...] | None:
    if not roles:
        return None
    return ROLES if ALL in roles else tuple(role for role in ROLES if role in roles)
