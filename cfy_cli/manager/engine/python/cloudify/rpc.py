"""Calls to the manager that runs this operation or workflow, one JSON line in each direction."""

import json
import os
import socket
import threading
from io import BufferedRWPair
from typing import Any

from . import exceptions


class Connection:
    """A socket, opened on the first call and kept; threads share it, a forked child opens its own."""

    def __init__(self) -> None:
        self._stream: BufferedRWPair | None = None
        self._pid = 0
        self._lock = threading.Lock()

    def call(self, method: str, /, **arguments: object) -> Any:
        """Return the result, which is JSON. Raises NonRecoverableError for an argument that JSON cannot hold."""
        try:
            line = json.dumps({"call": method, "with": arguments}).encode() + b"\n"
        except (TypeError, ValueError) as error:
            path = ".".join(_find_unserializable(arguments)[1:])  # the first is the name of an argument
            prefix = f"{path}: " if path else ""
            raise exceptions.NonRecoverableError(f"Only what JSON can hold can be stored: {prefix}{error}") from None
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

    def _exchange(self, line: bytes) -> Any:
        if self._stream is None or self._pid != os.getpid():
            self._stream, self._pid = _connect(), os.getpid()
        self._stream.write(line)
        self._stream.flush()
        answer = self._stream.readline()
        if not answer:
            raise exceptions.NonRecoverableError("The manager that runs this operation did not answer.")
        return json.loads(answer)


def absolute_path(target: str | None) -> str | None:
    """Return the path as the manager finds it, which has another working directory."""
    return None if target is None else os.path.abspath(target)


def _find_unserializable(value: object, depth: int = 20) -> list[str]:
    """Return the path to the first part of a value that JSON cannot hold."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    for name, item in items:
        try:
            json.dumps(item)
        except (TypeError, ValueError):
            return [str(name), *(_find_unserializable(item, depth - 1) if depth else ())]
    return []


def _connect() -> BufferedRWPair:
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
