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
    from cfy_cli.shell.diagnostics import DIAGNOSIS, WRONG, check_folder, diagnose

    findings = [*diagnose(app, asleep=is_stopped(app)), *check_folder(app), *check_embedded_manager(app)]
    columns = DIAGNOSIS.columns if any(finding.hint for finding in findings) else DIAGNOSIS.columns[:-1]
    app.show_items([asdict(finding) for finding in findings], DIAGNOSIS, columns)
    failed = next((finding for finding in findings if finding.result == WRONG), None)
    if failed:
        raise CfyError(f"{failed.check}: {failed.details}", hint=failed.hint, code=ErrorCode.UNHEALTHY)
