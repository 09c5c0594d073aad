"""`cfy doctor`: find problems and suggest fixes."""

from dataclasses import asdict

import click

from cfy_cli.errors import CfyError, ErrorCode
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import Command


@click.command("doctor", cls=Command)
@pass_app
def cli(app: App) -> None:
    """Check the profile, network, certificate, login, manager and data folder for problems."""
    from cfy_cli.commands.manager import check_embedded_manager, is_stopped
    from cfy_cli.shell.diagnostics import CHECKS, ERROR, check_home, diagnose

    findings = [*diagnose(app, is_stopped=is_stopped(app)), *check_home(app), *check_embedded_manager(app)]
    rows = [asdict(finding) for finding in findings]
    if not app.as_data:
        rows = [row | {"details": ". ".join(filter(None, (row["details"], row["hint"])))} for row in rows]
    app.show_items(rows, CHECKS, CHECKS.columns if app.as_data else CHECKS.columns[:-1])
    failed = next((finding for finding in findings if finding.result == ERROR), None)
    if failed:
        raise CfyError(f"{failed.check}: {failed.details}", hint=failed.hint, code=ErrorCode.UNHEALTHY)
