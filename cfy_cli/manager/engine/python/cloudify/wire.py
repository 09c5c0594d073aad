"""Questions to the manager that runs this operation, one JSON line each way."""

import json
import os
import socket
import threading
from typing import Any

from . import exceptions

Json = Any


class Connection:
    """Opened at the first question and kept; threads take turns."""

    def __init__(self) -> None:
        self._stream: Any = None
        self._pid = 0
        self._lock = threading.Lock()

    def ask(self, call: str, **arguments: Json) -> Json:
        try:
            line = json.dumps({"call": call, "with": arguments}).encode() + b"\n"
        except (TypeError, ValueError) as error:
            where = ".".join(_unstorable(arguments)[1:])  # the first is the name of an argument
            place = f"{where}: " if where else ""
            raise exceptions.NonRecoverableError(f"Only what JSON can hold can be stored: {place}{error}") from None
        with self._lock:
            answer = self._exchange(line)
        if "error" in answer:
            raise _error(answer["error"]["type"], answer["error"]["message"])
        return answer["result"]

    def close(self) -> None:
        with self._lock:
            if self._stream is not None and self._pid == os.getpid():
                self._stream.close()
            self._stream = None

    def _exchange(self, line: bytes) -> Json:
        if self._stream is None or self._pid != os.getpid():  # a forked child opens its own
            self._stream, self._pid = _connect(), os.getpid()
        self._stream.write(line)
        self._stream.flush()
        answer = self._stream.readline()
        if not answer:
            raise exceptions.NonRecoverableError("The manager that runs this operation did not answer.")
        return json.loads(answer)


def _unstorable(value: Json, depth: int = 20) -> list[str]:
    """The way to the first thing in a value that JSON cannot hold."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    for name, one in inside:
        try:
            json.dumps(one)
        except (TypeError, ValueError):
            return [str(name), *(_unstorable(one, depth - 1) if depth else ())]
    return []


def whole(target: str | None) -> str | None:
    """A path as it leads from here: the manager stands elsewhere."""
    return None if target is None else os.path.abspath(target)


def _connect() -> Any:
    address = os.environ.get("CTX_SOCKET_URL", "").removeprefix("tcp://")
    if not address:
        raise exceptions.NotInContext("No operation is running: CTX_SOCKET_URL is not set.")
    server, _, token = address.partition("/")
    host, _, port = server.rpartition(":")
    connection = socket.create_connection((host, int(port)))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    stream = connection.makefile("rwb")
    stream.write(f"{token} json\n".encode())
    return stream


def _error(kind: str, message: str) -> Exception:
    if kind == "NonRecoverableError":
        return exceptions.NonRecoverableError(message)
    return RuntimeError(f"{kind}: {message}")
