"""Requests straight into the web application, without a socket, and checks of their answers."""

import asyncio
import functools
import io
import json
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
from fastapi import FastAPI
from requests.adapters import BaseAdapter
from starlette.types import ASGIApp, Message

from cfy_cli.manager.rest.browsers import HEADERS
from cfy_cli.manager.server import create_app
from cfy_cli.manager.services.context import AppContext
from tests.openapi import NO_BODY, AnswerSchemas, path_of

NEEDED_HEADERS = {name.decode() for name, _ in HEADERS}


@functools.cache
def _application() -> FastAPI:
    """Build the application once in a test process: its routes and its document are the same for every manager."""
    return create_app(None)  # type: ignore[arg-type]


@functools.cache
def answer_schemas() -> AnswerSchemas:
    return AnswerSchemas(_application())


def application_of(app_context: AppContext) -> FastAPI:
    """Return the application, bound to a manager; the one before is no longer served."""
    application = _application()
    application.state.app_context = app_context
    application.middleware_stack = None  # it knows the settings of the manager before
    return application


@functools.cache
def _event_loop() -> asyncio.AbstractEventLoop:
    """Run a loop for all requests of a test process, as a server has one."""
    loop = asyncio.new_event_loop()
    endless = asyncio.Event().wait()  # threads of endpoints are kept as long as the task that the loop runs
    threading.Thread(target=loop.run_until_complete, args=(endless,), name="requests", daemon=True).start()
    return loop


@dataclass
class _Exchange:
    """One request to an ASGI application."""

    scope: dict[str, Any]
    body: bytes
    status: int = 500
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    answer: bytearray = field(default_factory=bytearray)
    has_body: bool = True

    async def run(self, application: ASGIApp) -> None:
        self._ended = asyncio.Event()
        with suppress(Exception):  # the answer is 500 then
            await application(self.scope, self._receive, self._send)

    async def _receive(self) -> Message:
        if self.has_body:
            self.has_body = False
            return {"type": "http.request", "body": self.body}
        await self._ended.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message.get("headers", ()))
        elif message["type"] == "http.response.body":
            self.answer += message.get("body", b"")
            if not message.get("more_body", False):
                self._ended.set()


class InProcess(BaseAdapter):
    """Carries a `requests` request straight into an ASGI app, as from a client at `address`."""

    def __init__(self, application: ASGIApp, address: str = "testclient") -> None:
        super().__init__()
        self._application, self._address = application, address

    def send(self, request: requests.PreparedRequest, **_options: Any) -> requests.Response:  # type: ignore[override]
        body = request.body or b""
        content = body if isinstance(body, str | bytes) else b"".join(body)  # type: ignore[arg-type]
        exchange = _Exchange(self._scope_of(request), content.encode() if isinstance(content, str) else content)
        asyncio.run_coroutine_threadsafe(exchange.run(self._application), _event_loop()).result()
        response = requests.Response()
        response.status_code, response.reason = exchange.status, HTTPStatus(exchange.status).phrase
        for name, value in exchange.headers:
            response.headers[name.decode()] = value.decode("latin-1")
        response.raw = io.BytesIO(exchange.answer)
        response.request, response.url = request, request.url or ""
        self._check(request, response)
        return response

    def _scope_of(self, request: requests.PreparedRequest) -> dict[str, Any]:
        url = urlsplit(request.url or "")
        query = url.query
        if url.path.endswith("/audit/stream") and "timeout=" not in query:  # an answer is read only when it is complete
            query = f"{query}&timeout=0"
        headers = {name.lower(): value for name, value in request.headers.items()}
        headers.pop("transfer-encoding", None)
        raw = {"host": url.netloc, **headers}
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": url.scheme,
            "path": unquote(url.path),
            "raw_path": url.path.encode(),
            "query_string": query.lstrip("&").encode(),
            "root_path": "",
            "headers": [(_bytes(name), _bytes(value)) for name, value in raw.items()],
            "client": (self._address, 50000),
            "server": (url.hostname, url.port or 80),
        }

    def _check(self, request: requests.PreparedRequest, response: requests.Response) -> None:
        """Validate the answer against what the OpenAPI document declares, and its headers."""
        assert {name.lower() for name in response.headers} >= NEEDED_HEADERS, (
            f"{request.method} {request.url}: {response.headers}"
        )
        assert "location" not in response.headers
        path = path_of(urlsplit(request.url or "").path)
        if path is None or response.status_code >= 500:
            return
        is_json = response.headers.get("content-type", "").startswith("application/json")
        body = json.loads(response.content) if is_json and response.content else NO_BODY
        answer_schemas().check(request.method or "GET", path, response.status_code, body)

    def close(self) -> None:
        pass


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1")
