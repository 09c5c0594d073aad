"""`cfy manager`: the embedded manager. Only this module imports `cfy_cli.manager`."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cfy_cli.errors import CfyError, Conflict, Unreachable
from cfy_cli.output import render
from cfy_cli.shell import param_types
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import CommandGroup
from cfy_cli.shell.options import Decorator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cfy_cli.config.profiles import Profile
    from cfy_cli.manager.control import RunningManager
    from cfy_cli.manager.settings import ManagerSettings
    from cfy_cli.shell.diagnostics import Finding

EMBEDDED = "embedded"  # the field of the `local` profile that remembers how the manager was started
FOUNDED = "founded"  # and the one that tells whether its password is still that of the first start


class _Manager(CommandGroup):
    """Group that also accepts the commands of `cfy managers`, which scripts call by the prefix `manager`."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        from cfy_cli.commands.managers import cli as managers

        return super().get_command(ctx, cmd_name) or managers.get_command(ctx, cmd_name)


@click.group("manager", cls=_Manager)
def cli() -> None:
    """Run a manager on this machine."""


def data_dir() -> Decorator:
    return click.option("--data-dir", type=click.Path(file_okay=False), help="The folder of the manager's data.")


@cli.command("start")
@data_dir()
@click.option("--host", help="The address to listen on; by default only this machine can reach it.")
@click.option("--port", type=click.IntRange(1, 65535), help="The port to listen on.")
@click.option(
    "--database", "database_url", help="The URL of the database; by default an SQLite file in the data folder."
)
@click.option("--workers", type=click.IntRange(1), help="The number of worker processes.")
@click.option(
    "--keep-events", type=param_types.kept_for, metavar="SPAN",
    help="Delete events that are older than this: `3 months`; `always` keeps all events (default).",
)  # fmt: skip
@click.option("--foreground", is_flag=True, help="Run in the foreground and log to stderr; Ctrl-C stops it.")
@pass_app
def start_manager(app: App, *, foreground: bool, **chosen: Any) -> None:
    """Start a manager in the background; options not given are as at its last start."""
    settings = _settings(app, **chosen)
    if foreground:
        _stay(settings, lambda running: _tell_started(app, running, settings))
    else:
        _tell_started(app, _start(app, settings), settings)


def _tell_started(app: App, running: RunningManager, settings: ManagerSettings) -> None:
    profile = _local_profile(app, running, settings)
    app.result(f"Manager started at {running.url}", _data(running))
    if app.profiles.active() not in (None, profile.name):
        app.note(f"Another profile is in use. To use this manager: cfy profiles use {profile.name}")


@cli.command("stop")
@data_dir()
@pass_app
def stop_manager(app: App, **chosen: Any) -> None:
    """Stop the manager on this machine; its data stays, and executions resume at its next start."""
    from cfy_cli.manager import control

    stopped = control.stop(_settings(app, **chosen).data_dir)
    app.result("Manager stopped" if stopped else "No manager is running", _data(stopped))


@cli.command("status")
@data_dir()
@pass_app
def show_status(app: App, **chosen: Any) -> None:
    """Show whether a manager is running on this machine, and its address."""
    from cfy_cli.manager import control

    settings = _settings(app, **chosen)
    running = control.status(settings.data_dir)
    if running is None:
        raise Unreachable(f"No manager is running on {settings.data_dir}", hint="Start it: cfy manager start")
    if app.as_data:
        app.answer(_data(running))
    else:
        render.details(_data(running) or {}, "Manager:")


@cli.command("logs")
@data_dir()
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(0),
    default=50,
    show_default=True,
    help="The number of lines to show, from the end.",
)
@click.option("-f", "--follow", is_flag=True, help="Follow the log until you press Ctrl-C.")
@pass_app
def show_logs(app: App, lines: int, follow: bool, **chosen: Any) -> None:
    """Show the log of the manager on this machine."""
    from cfy_cli.manager import control

    log = _settings(app, **chosen).data_dir / control.LOG_FILE
    if not log.is_file():
        raise CfyError(f"The log {log} does not exist", hint="Check --data-dir, or start a manager: cfy manager start")
    with log.open(encoding="utf-8", errors="replace") as file:
        for text in file.readlines()[-lines:] if lines else file.readlines()[:0]:
            render.line(text.rstrip("\n"))
        while follow:
            text = file.readline()
            if text:
                render.line(text.rstrip("\n"))
            else:
                time.sleep(0.2)


@cli.command("backup")
@click.argument("output_path", type=click.Path(dir_okay=False))
@data_dir()
@pass_app
def back_up_manager(app: App, output_path: str, **chosen: Any) -> None:
    """Back up the manager on this machine to the archive OUTPUT_PATH; it may be running.

    The archive contains passwords and keys; only its owner can read it.
    """
    from cfy_cli.manager import maintenance

    target = Path(output_path).expanduser()
    size = maintenance.back_up(_settings(app, **chosen), target)
    app.result(f"Manager backed up to {target}", {"path": str(target), "size": size})


@cli.command("restore")
@click.argument("archive_path", type=click.Path(exists=True, dir_okay=False))
@data_dir()
@pass_app
def restore_manager(app: App, archive_path: str, **chosen: Any) -> None:
    """Restore the manager on this machine from the backup ARCHIVE_PATH; present data is moved aside."""
    from cfy_cli.manager import control, maintenance

    settings = _settings(app, **chosen)
    if control.is_locked(settings.data_dir):
        raise Conflict(f"A manager is running on {settings.data_dir}", hint="Stop it first: cfy manager stop")
    if settings.data_dir.exists():
        app.confirm(f"Replace the data in {settings.data_dir} with the backup {archive_path}?")
    before = maintenance.restore(settings, Path(archive_path))
    app.result(
        f"Manager restored to {settings.data_dir}",
        {"data_dir": str(settings.data_dir), "before": str(before) if before else None},
    )
    if before:
        app.note(f"The previous data is in {before}")


@cli.command("vacuum")
@click.option(
    "--events-older-than",
    type=param_types.before,
    metavar="SPAN",
    help="Delete events that are older than this: `3 months`.",
)
@data_dir()
@pass_app
def vacuum_manager(app: App, events_older_than: str | None, **chosen: Any) -> None:
    """Free unused disk space of the manager on this machine; it may be running."""
    from dataclasses import asdict

    from cfy_cli.manager import maintenance

    done = maintenance.vacuum(_settings(app, **chosen), events_older_than)
    shrunk = f"{done.before // 1024} KiB before, {done.after // 1024} KiB after"
    app.result(f"{done.events_deleted} events deleted; {shrunk}", asdict(done))


@cli.command("upgrade")
@data_dir()
@pass_app
def upgrade_manager(app: App, **chosen: Any) -> None:
    """Upgrade the data of the manager on this machine to this version of cfy; a running manager is restarted."""
    from cfy_cli.manager import control, maintenance

    settings = _settings(app, **chosen)
    maintenance.check_owner(settings.data_dir)
    control.prepare_folder(settings.data_dir)
    ran = control.stop(settings.data_dir)
    before, after = maintenance.upgrade(settings)
    if ran:
        _local_profile(app, _start(app, settings), settings)
    changed = f"was upgraded from {before} to {after}" if before != after else f"is already at version {after}"
    app.result(f"The data in {settings.data_dir} {changed}", {"before": before, "after": after, "restarted": bool(ran)})


def is_asleep(app: App) -> bool:
    """Whether no manager runs here."""
    from cfy_cli.manager import control

    with suppress(CfyError):
        return control.status(_settings(app).data_dir) is None
    return False


def findings_here(app: App) -> Iterator[Finding]:
    """What `cfy doctor` should know about the manager on this machine."""
    from cfy_cli.shell.diagnostics import FINE, ODD, WRONG, Finding, writable

    if find_spec("fastapi") is None:
        yield Finding("manager here", FINE, "not installed", "Install it: pip install 'cfy-cli[manager]'")
        return
    from cfy_cli.manager import control, maintenance

    settings = _settings(app)
    try:
        running = control.status(settings.data_dir)
    except CfyError as error:
        yield Finding("manager here", WRONG, error.message, error.hint)
        return
    yield Finding("manager here", FINE, f"running at {running.url}" if running else "not running")
    if settings.data_dir.parent != app.home:
        yield writable("data folder", settings.data_dir, "Free disk space, or use another folder: --data-dir.")
    kind = maintenance.find_network_file_system(settings.data_dir)
    if kind:
        yield Finding("data folder", ODD, f"{settings.data_dir} is on a network file system ({kind})", _ELSEWHERE)


_ELSEWHERE = "SQLite is not safe there: use another folder (--data-dir) or PostgreSQL (--database)."


def ensure_running(app: App) -> Profile:
    """The profile of the manager on this machine, which is started unless CFY_AUTOSTART forbids it."""
    from cfy_cli.config.settings import boolean
    from cfy_cli.manager import control

    settings = _settings(app)
    running = control.status(settings.data_dir)
    if running is None:
        if not boolean("CFY_AUTOSTART", app.environ, default=True):
            raise Unreachable(
                "The manager on this machine is not running, and CFY_AUTOSTART forbids starting it",
                hint="Start it: cfy manager start, or use another: cfy profiles use ADDRESS",
            )
        running = _start(app, settings)
        app.note(f"Started a manager on this machine ({running.url}); to stop it: cfy manager stop")
    return _local_profile(app, running, settings)


def _start(app: App, settings: ManagerSettings) -> RunningManager:
    _must_be_installed()
    from cfy_cli.manager import control, maintenance

    maintenance.check_owner(settings.data_dir)
    kind = None if settings.database_url else maintenance.find_network_file_system(settings.data_dir)
    if kind:
        app.note(f"{settings.data_dir} is on a network file system ({kind}). {_ELSEWHERE}")
    return control.start(settings)


def _stay(settings: ManagerSettings, ready: Callable[[RunningManager], None]) -> None:
    """Be the manager until it is told to stop."""
    _must_be_installed()
    from cfy_cli.manager import control, supervisor

    control.prepare_folder(settings.data_dir)
    raise SystemExit(supervisor.supervise(settings, ready))


def _must_be_installed() -> None:
    if find_spec("fastapi") is None:
        raise Unreachable(
            "No manager is in use, and the one for this machine is not installed",
            hint="Install it: pip install 'cfy-cli[manager]', or use another: cfy profiles use ADDRESS",
        )


def _settings(app: App, **chosen: Any) -> ManagerSettings:
    """As it was started the last time, but for what is chosen now."""
    from cfy_cli.manager.settings import ENCRYPTION_KEY_VARIABLE, ManagerSettings

    remembered = _local(app).unknown.get(EMBEDDED) or {}
    wanted = {"data_dir": str(app.home / "manager")} | remembered
    wanted |= {name: value for name, value in chosen.items() if value is not None}
    if chosen.get("data_dir") and "database_url" not in {name for name, value in chosen.items() if value}:
        wanted.pop("database_url", None)  # another folder is another manager
    wanted["encryption_key"] = app.environ.get(ENCRYPTION_KEY_VARIABLE, "")
    return ManagerSettings(**wanted | {"data_dir": Path(wanted["data_dir"]).expanduser().absolute()})


def _local(app: App) -> Profile:
    from cfy_cli.config.profiles import LOCAL, Profile

    return app.profiles.read(LOCAL) if app.profiles.exists(LOCAL) else Profile(name=LOCAL)


def _local_profile(app: App, running: RunningManager, settings: ManagerSettings) -> Profile:
    """The `local` profile, brought up to date with what runs."""
    profile = _local(app)
    before = json.dumps(profile.as_fields())
    profile.manager_ip, profile.rest_port, profile.rest_protocol = running.host, running.port, "http"
    defaults = type(settings)(settings.data_dir)
    kept = {name: getattr(settings, name) for name in ("database_url", "host", "port", "workers", "keep_events")}
    kept = {name: value for name, value in kept.items() if value != getattr(defaults, name)}
    profile.unknown[EMBEDDED] = {"data_dir": str(settings.data_dir)} | kept
    _take_password(profile, settings.data_dir / "admin.json")
    if json.dumps(profile.as_fields()) != before:
        app.profiles.write(profile)
    return profile


def _take_password(profile: Profile, file: Path) -> None:
    """Of a manager that is new to us; a password that was changed since its first start is left alone."""
    text = file.read_text("utf-8") if file.is_file() else "{}"
    digest = hashlib.sha256(text.encode()).hexdigest()
    if profile.unknown.get(FOUNDED) != digest:
        known = json.loads(text)
        profile.manager_username, profile.manager_password = known.get("username"), known.get("password")
        profile.manager_token = None
        profile.unknown[FOUNDED] = digest


def _data(running: RunningManager | None) -> dict[str, Any] | None:
    from dataclasses import asdict

    return asdict(running) | {"url": running.url} if running else None
