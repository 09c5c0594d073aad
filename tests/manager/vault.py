"""A stand-in for Vault: the key-value engine of version 2 at `secret/`, and the token's own lookup."""

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "hvs.of-the-tests"


class vault:  # noqa: N801 - reads as a noun
    """Serves `entries`, by path; `paths` are the requests it got.

    `behaviour` is what it does instead: hang, drip, redirect, fill or an HTTP status.
    """

    def __init__(self, **entries: dict[str, Any]) -> None:
        self.entries, self.paths = entries, list[str]()
        self.headers: list[dict[str, str]] = []
        self.behaviour: str | int = ""
        self.dripped = 0  # bytes, of 400
        self.on_request: Callable[[], None] = lambda: None
        stand_in, self._end = self, threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                stand_in.paths.append(self.path)
                stand_in.headers.append({name.lower(): value for name, value in self.headers.items()})
                stand_in.on_request()
                stand_in.answer(self)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    @property
    def parameters(self) -> dict[str, str]:
        return {"url": self.url, "token": TOKEN, "path": "production"}

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        status, body = self._find(handler)
        if self.behaviour == "hang":
            self._end.wait(20)
            return
        if self.behaviour == "drip":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
            for _ in range(400):
                handler.wfile.write(b"X")
                self.dripped += 1
                time.sleep(0.05)
                if self._end.is_set():
                    return
        handler.send_response(status)
        if self.behaviour == "redirect":
            handler.send_header("Location", "http://127.0.0.1:1/elsewhere")
        handler.send_header("Content-Type", "application/json")
        handler.end_headers()
        handler.wfile.write(body)

    def _find(self, handler: BaseHTTPRequestHandler) -> tuple[int, bytes]:
        if isinstance(self.behaviour, int):
            return self.behaviour, b'{"errors": ["canary-of-the-answer"]}'
        if self.behaviour == "redirect":
            return 307, b""
        if self.behaviour == "fill":
            return 200, json.dumps({"data": {"data": {"key": "x" * (2 << 20)}}}).encode()
        if self.behaviour.startswith(("[", "<", "{")):
            return 200, self.behaviour.encode()
        if handler.headers["X-Vault-Token"] != TOKEN:
            return 403, b'{"errors": ["permission denied"]}'
        if handler.path == "/v1/auth/token/lookup-self":
            return 200, b'{"data": {"id": "t"}}'
        prefix = "/v1/secret/data/"
        path = handler.path.removeprefix(prefix) if handler.path.startswith(prefix) else ""
        if path not in self.entries:
            return 404, b'{"errors": []}'
        return 200, json.dumps({"data": {"data": self.entries[path], "metadata": {"version": 1}}}).encode()

    def __enter__(self) -> "vault":
        threading.Thread(target=self.server.serve_forever, args=[0.01], daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self.server.shutdown()
        self.server.server_close()
