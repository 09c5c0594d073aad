"""Checks of `cfy doctor`, in the order in which a request meets what they check."""

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
from cfy_cli.contract.resources import SITES
from cfy_cli.errors import CfyError, Forbidden

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cfy_cli.contract.connection import Connection
    from cfy_cli.shell.app import App

OK, WARNING, ERROR = "ok", "warning", "error"
MIN_FREE_SPACE = 500 * 1024 * 1024  # bytes
WRITE_TEST_SIZE = 64 * 1024  # bytes
CONNECT_TIMEOUT = 5  # seconds
_DEFAULT_PORTS = {"http": 80, "https": 443}
_PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY")
CHECKS = Resource(
    name="checks", noun="check", key="check", tenanted=False, columns=("check", "result", "details", "hint")
)


@dataclass(frozen=True, slots=True)
class Finding:
    check: str
    result: str
    details: str
    hint: str | None = None


def diagnose(app: App, *, is_stopped: bool) -> Iterator[Finding]:
    """Yield findings as the checks finish; checks that depend on a failed one are left out.

    `is_stopped` says that the embedded manager is not running.
    """
    yield _check_config(app)
    yield _check_profiles(app)
    try:
        profile = app.profile
        connection = app.connection_of(profile)
    except CfyError as error:
        yield _failure("settings", error)
        return
    if connection is None:
        yield Finding("manager", OK, "none is configured: commands use the manager on this machine")
        return
    if is_stopped and app.uses_embedded(profile):
        yield Finding("manager", OK, "the manager on this machine, which starts when a command needs it")
        return
    yield Finding("manager", OK, f"{connection.url}, tenant {connection.tenant}")
    is_reachable = False
    for url in connection.urls:
        finding = _check_network(url)
        is_reachable = is_reachable or finding.result == OK
        yield finding
    if is_reachable:
        yield from _check_manager(app, connection)


def _check_config(app: App) -> Finding:
    try:
        config = app.config
    except CfyError as error:
        return _failure("configuration", error)
    return Finding("configuration", OK, f"{config.path or 'no file'}{' (absent)' if config.text is None else ''}")


def _check_profiles(app: App) -> Finding:
    exposed = []
    for name in app.profiles.names():
        file = app.profiles.path(name) / "context.json"
        if file.is_file() and stat.S_IMODE(file.stat().st_mode) & 0o077:
            exposed.append(str(file))
    if exposed:
        details = "other users can read the passwords in them"
        return Finding("profiles", WARNING, details, f"chmod 600 {' '.join(exposed)}")
    count = len(app.profiles.names())
    return Finding("profiles", OK, f"{count} in {app.profiles.folder}, in use: {app.profiles.active() or 'none'}")


def _check_network(url: str) -> Finding:
    parts = urlsplit(url)
    host, port = str(parts.hostname), parts.port or _DEFAULT_PORTS[parts.scheme]
    if any(os.environ.get(name) for name in _PROXY_VARIABLES):
        return Finding("network", OK, f"{host} is reached through a proxy")
    try:
        socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        details = f"the host name {host} cannot be resolved: {error.strerror}"
        return Finding("network", ERROR, details, "Check the name and the DNS.")
    try:
        socket.create_connection((host, port), timeout=CONNECT_TIMEOUT).close()
    except OSError as error:
        details = f"cannot connect to {host}:{port}: {error.strerror or error}"
        return Finding("network", ERROR, details, "Check that the manager is running there.")
    return Finding("network", OK, f"{host}:{port} answers")


def _check_manager(app: App, connection: Connection) -> Iterator[Finding]:
    from cfy_cli.client.version_check import version_warning

    client = app.client_for(connection)
    try:
        status = client.status()
    except CfyError as error:
        yield _failure(_failed_check(error), error)
        return
    user = connection.username or ("a token" if connection.token else "nobody")
    yield Finding("login", OK, f"as {user}")
    services = status.get("services") or {}
    inactive = [name for name, service in services.items() if service.get("status") not in ("Active", "OK")]
    if inactive:
        yield Finding("services", WARNING, f"not active: {', '.join(inactive)}")
    else:
        yield Finding("services", OK, str(status["status"]))
    try:
        version = str(client.version().get("version"))
        client.collection(SITES).list(_include="name", _size=1)
    except CfyError as error:
        yield _failure("tenant", error)
        return
    warning = version_warning(version, __version__)
    yield Finding("version", WARNING if warning else OK, warning or f"{version}; cfy {__version__}")


def check_home(app: App) -> Iterator[Finding]:
    """Check the folder of the profiles and of the embedded manager."""
    yield check_writable("folder", app.home, "Free disk space, or use another folder: CFY_WORKDIR.")


def check_writable(check: str, folder: Path, hint: str) -> Finding:
    """Check by a test file that the folder is writable, and that enough space is free."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(bytes(WRITE_TEST_SIZE))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return Finding(check, ERROR, f"{existing} is not writable: {error.strerror}", hint)
    free = shutil.disk_usage(existing).free
    details = f"{folder}, {free // 2**20} MiB free"
    if free < MIN_FREE_SPACE:
        return Finding(check, WARNING, details, "Free disk space: cfy manager vacuum")
    return Finding(check, OK, details)


def _failed_check(error: CfyError) -> str:
    """Return which check a failed request belongs to: managers refuse an unknown tenant before wrong credentials."""
    from cfy_cli.client.failures import is_tenant_refused

    if error.exit_code != Forbidden.exit_code:
        return "answer"
    return "tenant" if is_tenant_refused(error) else "login"


def _failure(check: str, error: CfyError) -> Finding:
    return Finding(check, ERROR, error.message, error.hint)
