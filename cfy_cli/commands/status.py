"""`cfy status`."""

import click

from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import Command


@click.command("status", cls=Command)
@pass_app
def cli(app: App) -> None:
    """Show the status of the manager."""
    from cfy_cli.shell.version_notice import show_version_notice

    status = app.client.status()
    show_version_notice(app, app.client)
    if app.as_data:
        app.answer(status)
        return
    from cfy_cli.output import render

    services = [
        {"service": name, "status": service["status"]} for name, service in (status.get("services") or {}).items()
    ]
    render.line(f"Manager at {app.client.http.url}: {status['status']}")
    render.records(services, ("service", "status"), "Services:")
    maintenance = app.client.maintenance()
    if maintenance != "deactivated":
        render.line(f"Maintenance mode is {maintenance}.")
