"""Options by which managers on several machines share their work."""

import os
import ssl
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import click

from cfy_cli.contract.manager_roles import ROLES
from cfy_cli.errors import Unreachable, Usage
from cfy_cli.shell.options import Decorator, combine

ALL = "all"
BROKER_SCHEMES = ("amqp", "amqps", "redis", "rediss")


def scale_options() -> Decorator:
    return combine(
        click.option(
            "--storage", type=_parse_storage, metavar="URL",
            help="Where files are stored: a folder that machines share, or s3://BUCKET/PREFIX; in the data folder when "
            "empty (default).",
        ),
        click.option(
            "--broker", type=_parse_broker, metavar="URL",
            help="The RabbitMQ or Redis that hands operations to workers: amqp://USER@HOST, redis://HOST; an empty URL "
            "runs operations without a broker (default).",
        ),
        click.option(
            "--broker-ca-certificate", type=_parse_certificate, metavar="FILE",
            help="The certificate of the authority that has signed that of an amqps:// or rediss:// broker; agents get "
            "it too; when empty, those that the machine trusts (default).",
        ),
        click.option(
            "--role", "roles", type=click.Choice([*ROLES, ALL]), multiple=True, callback=_without_repetition,
            help="Run only this part of the manager here, and the others on other machines with the same PostgreSQL "
            "database; may be repeated; `all` by default.",
        ),
    )  # fmt: skip


def _parse_storage(text: str) -> str:
    scheme, separator, address = text.partition("://")
    if not text:
        return text
    if not separator:
        return str(Path(os.path.expanduser(text)).absolute())
    if scheme != "s3" or not address.strip("/"):
        raise Usage(
            f"`{text}` is not the address of a storage",
            hint="Give a folder, or a bucket: s3://BUCKET or s3://BUCKET/PREFIX",
        )
    if find_spec("boto3") is None:
        raise Unreachable("Files in S3 need more than is installed", hint="Install it: pip install 'cfy-cli[cluster]'")
    return text


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


def _parse_certificate(text: str) -> str:
    if not text:
        return text
    path = Path(os.path.expanduser(text)).absolute()
    try:
        ssl.create_default_context(cafile=path)
    except FileNotFoundError:
        raise Usage(f"There is no certificate {path}", hint="Give a file in PEM, as of `openssl x509`") from None
    except OSError as error:  # SSLError too
        raise Usage(
            f"The certificate {path} cannot be read: {error.strerror or error}",
            hint="Give a file in PEM, as of `openssl x509`",
        ) from None
    return str(path)


def _without_repetition(
    _context: click.Context, _parameter: click.Parameter, roles: Sequence[str]
) -> tuple[str, ...] | None:
    if not roles:
        return None
    return ROLES if ALL in roles else tuple(role for role in ROLES if role in roles)
