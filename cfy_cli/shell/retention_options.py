"""Options for how long the embedded manager keeps what accumulates."""

import click

from cfy_cli.shell import param_types
from cfy_cli.shell.options import Decorator, combine


def retention_options() -> Decorator:
    return combine(
        click.option(
            "--keep-events", type=param_types.retention, metavar="DURATION",
            help="Delete events that are older than this: `3 months`; `always` keeps all events (default).",
        ),
        click.option(
            "--keep-audit-log", type=param_types.retention, metavar="DURATION",
            help="Delete audit log records that are older than this: `1 year`; `always` keeps all (default).",
        ),
    )  # fmt: skip
