"""A server of one ctx for processes that a plugin starts, here or on other machines."""

import json
import re
import socket
import threading
import traceback
from collections.abc import Callable, MutableMapping, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from ..messages import Json
from ..state import current_ctx
from .client import ScriptException

MAX_REQUEST = 64 * 1024 * 1024  # bytes


class CtxProxy:
    """Answers calls on a ctx; `socket_url` is the address that other processes call."""

    def __init__(self, ctx: object, socket_url: str) -> None:
        self.ctx, self.socket_url = ctx, socket_url

    def process(self, request: str | bytes) -> str:
        """Return the answer to a call, both JSON."""
        try:
            result = process_ctx_request(self.ctx, json.loads(request)["args"])
            if isinstance(result, ScriptException):
                return json.dumps({"type": "stop_operation", "payload": {"message": str(result)}})
            return json.dumps({"type": "result", "payload": result})
        except Exception as error:
            payload = {"type": type(error).__name__, "message": str(error), "traceback": traceback.format_exc()}
            return json.dumps({"type": "error", "payload": payload})

    def close(self) -> None:
        """Stop answering calls."""


class HTTPCtxProxy(CtxProxy):
    """Answers in a thread, on loopback."""

    def __init__(self, ctx: object, port: int | None = None) -> None:
        self.server = HTTPServer(("localhost", port or 0), self._handler())
        self.port = self.server.server_address[1]
        super().__init__(ctx, f"http://localhost:{self.port}")
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = min(int(self.headers.get("Content-Length") or 0), MAX_REQUEST)
                with current_ctx.push(proxy.ctx):
                    answer = proxy.process(self.rfile.read(size)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_arguments: object) -> None:
                """Write nothing: the output of this process is the log of the operation."""

        return Handler


UnixCtxProxy = TCPCtxProxy = HTTPCtxProxy  # names that older plugins choose from


class StubCtxProxy:
    """Stands for no proxy."""

    socket_url = ""

    def close(self) -> None:
        """Do nothing."""


class PathDictAccess:
    """Values inside a map by their paths: `a.b[1].c`."""

    pattern = re.compile(r"(.+)\[(\d+)\]")

    def __init__(self, obj: MutableMapping[str, Json]) -> None:
        self.obj = obj

    def get(self, prop_path: str) -> Json:
        value: Any = self.obj
        for key in self._keys(prop_path):
            try:
                value = value[key]
            except (KeyError, IndexError, TypeError):
                raise RuntimeError(f"illegal path: {prop_path}") from None
        found: Json = value
        return found

    def set(self, prop_path: str, value: object) -> None:
        """Set a value; maps on the way that are missing are created."""
        *parents, last = self._keys(prop_path)
        container: Any = self.obj
        try:
            for key in parents:
                container = container.setdefault(key, {}) if isinstance(key, str) else container[key]
            if isinstance(last, int) and not isinstance(container, list):
                raise TypeError
            container[last] = value
        except (KeyError, IndexError, TypeError, AttributeError):
            raise RuntimeError(f"illegal path: {prop_path}") from None

    def _keys(self, path: str) -> list[str | int]:
        keys: list[str | int] = []
        for segment in path.split("."):
            match = self.pattern.fullmatch(segment)
            keys += [match[1], int(match[2])] if match else [segment]
        return keys


def process_ctx_request(ctx: object, args: Sequence[Json]) -> object:
    """Return the result of the words of a call: attributes, then the path into a map or arguments of a function."""
    current: Any = ctx
    for index, word in enumerate(args):
        attribute = _attribute(current, word)
        if attribute is not None:
            current = getattr(current, attribute)
        elif isinstance(current, MutableMapping):
            return _access(current, args[index:])
        elif callable(current):
            return _call(current, args[index:])
        else:
            raise RuntimeError(f"{word} cannot be processed in {args}")
    return current() if callable(current) else current


def _attribute(obj: object, word: object) -> str | None:
    if isinstance(word, str):
        return next((name for name in (word, word.replace("-", "_")) if hasattr(obj, name)), None)
    return None


def _access(values: MutableMapping[str, Json], words: Sequence[Json]) -> object:
    if len(words) > 2:
        raise RuntimeError(f"Too many words after the path: {words}")
    access = PathDictAccess(values)
    if len(words) == 1:
        return access.get(str(words[0]))
    access.set(str(words[0]), words[1])
    return None


def _call(function: Callable[..., object], words: Sequence[Json]) -> object:
    if isinstance(words[-1], MutableMapping):
        return function(*words[:-1], **words[-1])
    return function(*words)


def get_unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
