"""What may be wrong between here and a manager, looked at in the order in which a request meets it."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cfy_cli import __version__
from cfy_cli.contract.resource import Resource
from cfy_cli.errors import CfyError, Forbidden

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cfy_cli.contract.connection import Connection
    from cfy_cli.shell.app import App

FINE, ODD, WRONG = "ok", "warning", "error"
SCARCE = 500 * 1024 * 1024  # bytes left on a disk
TRIED = 64 * 1024  # bytes written to see whether a folder takes them
SECONDS = 5
DIAGNOSIS = Resource(
    name="checks", noun="check", key="check", tenanted=False, columns=("check", "result", "details", "hint")
)


@dataclass(frozen=True, slots=True)
class Finding:
    check: str
    result: str
    details: str
    hint: str | None = None


def diagnose(app: App, *, asleep: bool) -> Iterator[Finding]:
    """What was found, as it is found; after an error, what would only follow from it is left out.

    `asleep` says that the manager on this machine does not run.
    """
    yield from _profiles(app)
    try:
        profile = app.profile
        connection = app.connection_of(profile)
    except CfyError as error:
        yield _failed("settings", error)
        return
    if connection is None:
        yield Finding("manager", FINE, "none is named: commands go to the one on this machine")
        return
    if asleep and app.goes_here(profile):
        yield Finding("manager", FINE, "the one on this machine, which starts when a command needs it")
        return
    yield Finding("manager", FINE, f"{connection.url}, tenant {connection.tenant}")
    reachable = False
    for url in connection.urls:
        found = _network(url)
        reachable = reachable or found.result == FINE
        yield found
    if reachable:
        yield from _conversation(app, connection)


def _profiles(app: App) -> Iterator[Finding]:
    folder = app.profiles.folder
    open_to_others = []
    for name in app.profiles.names():
        file = app.profiles.path(name) / "context.json"
        if file.is_file() and stat.S_IMODE(file.stat().st_mode) & 0o077:
            open_to_others.append(str(file))
    if open_to_others:
        yield Finding("profiles", ODD, "others can read passwords in them", f"chmod 600 {' '.join(open_to_others)}")
    else:
        count = len(app.profiles.names())
        yield Finding("profiles", FINE, f"{count} in {folder}, in use: {app.profiles.active() or 'none'}")


def _network(url: str) -> Finding:
    parts = urlsplit(url)
    host, port = str(parts.hostname), parts.port or {"http": 80, "https": 443}[parts.scheme]
    if any(os.environ.get(name) for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY")):
        return Finding("network", FINE, f"{host} is reached through a proxy")
    try:
        socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        return Finding("network", WRONG, f"{host} has no address: {error.strerror}", "Is the name right, and the DNS?")
    try:
        socket.create_connection((host, port), timeout=SECONDS).close()
    except OSError as error:
        reason = error.strerror or str(error)
        return Finding("network", WRONG, f"nothing answers at {host}:{port}: {reason}", "Does the manager run there?")
    return Finding("network", FINE, f"{host}:{port} answers")


def _conversation(app: App, connection: Connection) -> Iterator[Finding]:
    from cfy_cli.client.version_check import version_warning

    client = app.client_for(connection)
    try:
        status = client.status()
    except CfyError as error:
        yield _failed(_step(error), error)
        return
    who = connection.username or ("a token" if connection.token else "nobody")
    yield Finding("login", FINE, f"as {who}")
    down = [
        name for name, about in (status.get("services") or {}).items() if about.get("status") not in ("Active", "OK")
    ]
    yield Finding(
        "services", ODD if down else FINE, f"not active: {', '.join(down)}" if down else str(status["status"])
    )
    try:
        version = str(client.version().get("version"))
        client.sites.list(_include="name", _size=1)
    except CfyError as error:
        yield _failed("tenant", error)
        return
    sentence = version_warning(version, __version__)
    yield Finding("version", ODD if sentence else FINE, sentence or f"{version}; cfy {__version__}")


def check_folder(app: App) -> Iterator[Finding]:
    """The folder that holds profiles and the manager on this machine."""
    yield writable("folder", app.home, "Make room, or choose another with CFY_WORKDIR.")


def writable(check: str, folder: Path, hint: str) -> Finding:
    """Whether something can be written there, which is tried, and how much more."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(bytes(TRIED))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return Finding(check, WRONG, f"{existing} cannot be written to: {error.strerror}", hint)
    free = shutil.disk_usage(existing).free
    scarce = "Make room: cfy manager vacuum" if free < SCARCE else None
    return Finding(check, ODD if scarce else FINE, f"{folder}, {free // 2**20} MiB free", scarce)


def _step(error: CfyError) -> str:
    """Where a conversation ended: managers refuse a tenant that is not there before they look at who asks."""
    if error.exit_code != Forbidden.exit_code:
        return "answer"
    return "tenant" if "tenant name" in error.message else "login"


def _failed(check: str, error: CfyError) -> Finding:
    return Finding(check, WRONG, error.message, error.hint)
