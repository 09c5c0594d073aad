"""`cfy manager`: the embedded manager. Only modules whose names begin with `manager` import `cfy_cli.manager`."""

from __future__ import annotations

import os
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cfy_cli.commands.manager_settings import ManagerOptions, load_settings, update_local_profile
from cfy_cli.errors import CfyError, Conflict, Unreachable
from cfy_cli.output import render
from cfy_cli.shell import param_types
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import CommandGroup
from cfy_cli.shell.manager_limits import LIMITS, limit_items, limit_option
from cfy_cli.shell.options import Decorator
from cfy_cli.shell.retention_options import retention_options
from cfy_cli.shell.scale_options import scale_options
from cfy_cli.shell.server_names import fetch_from_option, server_name_option, trusted_proxy_option

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Unpack

    from cfy_cli.config.profiles import Profile
    from cfy_cli.manager.control import RunningManager
    from cfy_cli.manager.settings import ManagerSettings
    from cfy_cli.shell.diagnostics import Finding


class _ManagerGroup(CommandGroup):
    """Group that also accepts the commands of `cfy managers`, which scripts call by the prefix `manager`."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        from cfy_cli.commands.managers import cli as managers

        return super().get_command(ctx, cmd_name) or managers.get_command(ctx, cmd_name)


@click.group("manager", cls=_ManagerGroup)
def cli() -> None:
    """Run a manager on this machine."""


def data_dir_option() -> Decorator:
    return click.option("--data-dir", type=click.Path(file_okay=False), help="The folder of the manager's data.")


@cli.command("start")
@data_dir_option()
@click.option("--host", help="The address to listen on; by default only this machine can reach it.")
@click.option("--port", type=click.IntRange(1, 65535), help="The port to listen on.")
@click.option(
    "--database", "database_url", help="The URL of the database; by default an SQLite file in the data folder."
)
@scale_options()
@click.option(
    "--workers", type=click.IntRange(1),
    help="The number of worker processes, and of as many that run operations where there is a broker; by default one "
    "for each processor, at most 4.",
)  # fmt: skip
@retention_options()
@limit_option()
@server_name_option()
@trusted_proxy_option()
@fetch_from_option()
@click.option("--run-as", metavar="USER", help="Run operations as this user, where root starts the manager.")
@click.option("--foreground", is_flag=True, help="Run in the foreground and log to stderr; Ctrl-C stops it.")
@pass_app
def start_manager(app: App, *, foreground: bool, **options: Unpack[ManagerOptions]) -> None:
    """Start a manager in the background; options not given are as at its last start."""
    settings = load_settings(app, **options)
    if foreground:
        _run_in_foreground(app, settings)
    else:
        _report_started(app, _start(app, settings), settings)


def _report_started(app: App, running: RunningManager, settings: ManagerSettings) -> None:
    profile = update_local_profile(app, running, settings)
    if not running.url:
        roles = " and ".join(running.roles)
        app.result(f"Manager started as {roles}, on {running.database}; it answers no requests", _as_fields(running))
        return
    app.result(f"Manager started at {running.url}", _as_fields(running))
    _note_new_port(app, running, settings)
    if app.profiles.active() not in (None, profile.name):
        app.note(f"Another profile is in use. To use this manager: cfy profiles use {profile.name}")


@cli.command("stop")
@data_dir_option()
@pass_app
def stop_manager(app: App, data_dir: str | None) -> None:
    """Stop the manager on this machine; its data stays, and executions resume at its next start."""
    from cfy_cli.manager import control

    stopped = control.stop(load_settings(app, data_dir=data_dir).data_dir)
    app.result("Manager stopped" if stopped else "No manager is running", _as_fields(stopped))


@cli.command("status")
@data_dir_option()
@pass_app
def show_status(app: App, data_dir: str | None) -> None:
    """Show whether a manager is running on this machine, and its address."""
    from cfy_cli.manager import control

    settings = load_settings(app, data_dir=data_dir)
    running = control.status(settings.data_dir)
    if running is None:
        raise Unreachable(f"No manager is running on {settings.data_dir}", hint="Start it: cfy manager start")
    if app.as_data:
        app.answer(_as_fields(running))
    else:
        render.details(_as_fields(running) or {}, "Manager:")


@cli.command("limits")
@data_dir_option()
@pass_app
def list_limits(app: App, data_dir: str | None) -> None:
    """List the limits of the manager on this machine: what it refuses, so that nothing can exhaust it."""
    items = limit_items(load_settings(app, data_dir=data_dir).limits, as_numbers=app.as_data)
    app.show_items(items, LIMITS, (*LIMITS.columns, *LIMITS.more) if app.as_data else LIMITS.columns)


@cli.command("logs")
@data_dir_option()
@click.option(
    "-n", "--lines", type=click.IntRange(0), default=50, show_default=True,
    help="The number of lines to show, from the end.",
)  # fmt: skip
@click.option("-f", "--follow", is_flag=True, help="Follow the log until you press Ctrl-C.")
@pass_app
def show_logs(app: App, lines: int, follow: bool, data_dir: str | None) -> None:
    """Show the log of the manager on this machine."""
    from cfy_cli.manager.log_file import LOG_FILE, LogFile

    path = load_settings(app, data_dir=data_dir).data_dir / LOG_FILE
    if not path.is_file():
        raise CfyError(f"The log {path} does not exist", hint="Check --data-dir, or start a manager: cfy manager start")
    log = LogFile(path)
    for line in log.last_lines(lines):
        render.line(line)
    for line in log.follow() if follow else ():
        render.line(line)


@cli.command("backup")
@click.argument("output_path", type=click.Path(dir_okay=False))
@data_dir_option()
@pass_app
def back_up_manager(app: App, output_path: str, data_dir: str | None) -> None:
    """Back up the manager on this machine to the archive OUTPUT_PATH; it may be running.

    The archive contains passwords and keys; only its owner can read it.
    """
    from cfy_cli.manager import maintenance

    target = Path(os.path.expanduser(output_path))
    size = maintenance.back_up(load_settings(app, data_dir=data_dir), target)
    app.result(f"Manager backed up to {target}", {"path": str(target), "size": size})


@cli.command("restore")
@click.argument("archive_path", type=click.Path(exists=True, dir_okay=False))
@data_dir_option()
@pass_app
def restore_manager(app: App, archive_path: str, data_dir: str | None) -> None:
    """Restore the manager on this machine from the backup ARCHIVE_PATH; present data is moved aside."""
    from cfy_cli.manager import control, maintenance

    settings = load_settings(app, data_dir=data_dir)
    if control.is_locked(settings.data_dir):
        raise Conflict(f"A manager is running on {settings.data_dir}", hint="Stop it first: cfy manager stop")
    if settings.data_dir.exists():
        app.confirm(f"Replace the data in {settings.data_dir} with the backup {archive_path}?")
    previous = maintenance.restore(settings, Path(archive_path))
    app.result(
        f"Manager restored to {settings.data_dir}",
        {"data_dir": str(settings.data_dir), "before": str(previous) if previous else None},
    )
    if previous:
        app.note(f"The previous data is in {previous}")


@cli.command("vacuum")
@click.option(
    "--events-older-than",
    type=param_types.before,
    metavar="DURATION",
    help="Delete events that are older than this: `3 months`.",
)
@data_dir_option()
@pass_app
def vacuum_manager(app: App, events_older_than: str | None, data_dir: str | None) -> None:
    """Free unused disk space of the manager on this machine; it may be running."""
    from dataclasses import asdict

    from cfy_cli.manager import maintenance

    result = maintenance.vacuum(load_settings(app, data_dir=data_dir), events_older_than)
    sizes = f"{result.before // 1024} KiB before, {result.after // 1024} KiB after"
    app.result(f"{result.events_deleted} events deleted; {sizes}", asdict(result))


@cli.command("upgrade")
@data_dir_option()
@pass_app
def upgrade_manager(app: App, data_dir: str | None) -> None:
    """Upgrade the data of the manager on this machine to this version of cfy; a running manager is restarted."""
    from cfy_cli.manager import control, maintenance

    settings = load_settings(app, data_dir=data_dir)
    control.prepare(settings, app.note)
    stopped = control.stop(settings.data_dir)
    before, after = maintenance.upgrade(settings)
    if stopped:
        update_local_profile(app, _start(app, settings), settings)
    outcome = f"was upgraded from {before} to {after}" if before != after else f"is already at version {after}"
    app.result(
        f"The data in {settings.data_dir} {outcome}", {"before": before, "after": after, "restarted": bool(stopped)}
    )


def is_stopped(app: App) -> bool:
    """Tell whether no embedded manager is running."""
    from cfy_cli.manager import control

    with suppress(CfyError):
        return control.status(load_settings(app).data_dir) is None
    return False


def check_embedded_manager(app: App) -> Iterator[Finding]:
    """Yield what `cfy doctor` reports about the embedded manager."""
    from cfy_cli.shell.diagnostics import ERROR, OK, WARNING, Finding, check_writable

    if find_spec("fastapi") is None:
        yield Finding("manager here", OK, "not installed", "Install it: pip install 'cfy-cli[manager]'")
        return
    from cfy_cli.manager import control, maintenance

    settings = load_settings(app)
    try:
        running = control.status(settings.data_dir)
    except CfyError as error:
        yield Finding("manager here", ERROR, error.message, error.hint)
        return
    yield Finding("manager here", OK, _describe(running))
    if settings.data_dir.parent != app.home:
        yield check_writable("data folder", settings.data_dir, "Free disk space, or use another folder: --data-dir.")
    if settings.storage:
        yield _check_storage(settings)
    kind = maintenance.find_network_file_system(settings.data_dir)
    if kind:
        yield Finding(
            "data folder", WARNING, f"{settings.data_dir} is on a network file system ({kind})", _NETWORK_HINT
        )


def _describe(running: RunningManager | None) -> str:
    if running is None:
        return "not running"
    return f"running at {running.url}" if running.url else f"running as {' and '.join(running.roles)}"


def _check_storage(settings: ManagerSettings) -> Finding:
    from cfy_cli.manager.backup_files import open_files
    from cfy_cli.shell.diagnostics import ERROR, OK, Finding

    try:
        open_files(settings).storage.check()
    except CfyError as error:
        return Finding("storage", ERROR, error.message, error.hint)
    return Finding("storage", OK, f"{settings.storage} can be used")


_NETWORK_HINT = "SQLite is not safe there: use another folder (--data-dir) or PostgreSQL (--database)."


def ensure_running(app: App) -> Profile:
    """Start the embedded manager if needed; return its profile. Raises Unreachable when CFY_AUTOSTART forbids it."""
    from cfy_cli.config.settings import boolean
    from cfy_cli.manager import control

    settings = load_settings(app)
    running = control.status(settings.data_dir)
    if running is None:
        if not boolean("CFY_AUTOSTART", app.environ, default=True):
            raise Unreachable(
                "The manager on this machine is not running, and CFY_AUTOSTART forbids starting it",
                hint="Start it: cfy manager start, or use another: cfy profiles use ADDRESS",
            )
        running = _start(app, settings)
        if running.url:
            app.note(f"Started a manager on this machine ({running.url}); to stop it: cfy manager stop")
        _note_new_port(app, running, settings)
    if not running.url:
        raise Unreachable(
            f"The manager on this machine answers no requests: it runs as {' and '.join(running.roles)}",
            hint="Use one that has the role `server`: cfy profiles use ADDRESS",
        )
    return update_local_profile(app, running, settings)


def _start(app: App, settings: ManagerSettings) -> RunningManager:
    _require_installed()
    from cfy_cli.manager import control, maintenance

    kind = None if settings.database_url else maintenance.find_network_file_system(settings.data_dir)
    if kind:
        app.note(f"{settings.data_dir} is on a network file system ({kind}). {_NETWORK_HINT}")
    return control.start(settings, app.note)


def _note_new_port(app: App, running: RunningManager, settings: ManagerSettings) -> None:
    """Say that the manager could not keep its port."""
    if running.url and settings.previous_port and running.port != settings.wanted_port:
        app.note(
            f"Another program listens on port {settings.previous_port}, which the manager had before; it has port "
            f"{running.port} now. To choose one: cfy manager stop; cfy manager start --port PORT"
        )


def _run_in_foreground(app: App, settings: ManagerSettings) -> None:
    """Run the supervisor in this process until it is stopped."""
    _require_installed()
    from cfy_cli.manager import control, supervisor
    from cfy_cli.manager.process_secrets import erase_secrets, protect_process

    control.prepare(settings, app.note)
    protect_process()
    erase_secrets(os.environ, settings.secret_arguments, settings.secret_variables)
    raise SystemExit(supervisor.supervise(settings, lambda running: _report_started(app, running, settings)))


def _require_installed() -> None:
    if find_spec("fastapi") is None:
        raise Unreachable(
            "No manager is in use, and the one for this machine is not installed",
            hint="Install it: pip install 'cfy-cli[manager]', or use another: cfy profiles use ADDRESS",
        )


def _as_fields(running: RunningManager | None) -> dict[str, object] | None:
    from dataclasses import asdict

    return asdict(running) | {"url": running.url} if running else None


from cfy_cli.commands.manager_accounts import reset_password, unlock_user  # noqa: E402 - they use the functions above
from cfy_cli.commands.manager_page import open_page  # noqa: E402

cli.add_command(open_page)
cli.add_command(unlock_user)
cli.add_command(reset_password)
