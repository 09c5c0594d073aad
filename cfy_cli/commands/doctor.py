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
    from cfy_cli.commands.manager import findings_here, is_asleep
    from cfy_cli.shell.diagnostics import DIAGNOSIS, WRONG, check_folder, diagnose

    findings = [*diagnose(app, asleep=is_asleep(app)), *check_folder(app), *findings_here(app)]
    columns = DIAGNOSIS.columns if any(found.hint for found in findings) else DIAGNOSIS.columns[:-1]
    app.show_items([asdict(found) for found in findings], DIAGNOSIS, columns)
    wrong = [found for found in findings if found.result == WRONG]
    if wrong:
        raise CfyError(f"{wrong[0].check}: {wrong[0].details}", hint=wrong[0].hint, code=ErrorCode.UNHEALTHY)
