"""The listening socket of the manager, which the supervisor binds and the server inherits."""

import errno
import json
import socket
import time
from contextlib import suppress

from cfy_cli.errors import CfyError
from cfy_cli.manager.control import STATE_FILE, is_locked
from cfy_cli.manager.settings import ManagerSettings

PREDECESSOR_TIMEOUT = 15.0  # seconds for the server of a killed supervisor to exit
BIND_INTERVAL = 0.05  # seconds
BACKLOG = 2048  # connections


def listen(settings: ManagerSettings) -> socket.socket:
    """Bind the port of the settings. A free one is taken when that is in use and none was asked for.

    Raises CfyError when the address cannot be bound.
    """
    try:
        return _bind_after_predecessor(settings)
    except OSError as error:
        if error.errno == errno.EADDRINUSE and not settings.port:
            return _bind(settings.host, 0)
        reason = "another program listens there" if error.errno == errno.EADDRINUSE else error.strerror
        raise CfyError(
            f"The manager cannot listen at {settings.host}:{settings.wanted_port}: {reason}",
            hint="Stop that program, or give another port: cfy manager start --port PORT",
        ) from error


def _bind_after_predecessor(settings: ManagerSettings) -> socket.socket:
    """Bind the port, waiting for the server of a killed supervisor if that still has it."""
    deadline = time.monotonic() + PREDECESSOR_TIMEOUT
    while True:
        try:
            return _bind(settings.host, settings.wanted_port)
        except OSError as error:
            in_use = error.errno == errno.EADDRINUSE
            if not in_use or not _may_be_predecessor(settings) or time.monotonic() > deadline:
                raise
        time.sleep(BIND_INTERVAL)


def _may_be_predecessor(settings: ManagerSettings) -> bool:
    """Return whether the port may belong to our predecessor: a server inherits it before it takes its lock."""
    with suppress(OSError, ValueError, KeyError):
        state: dict[str, object] = json.loads((settings.data_dir / STATE_FILE).read_text())
        return state["port"] == (settings.wanted_port)
    return is_locked(settings.data_dir, "server")


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
