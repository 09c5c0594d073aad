"""Give every request an ID, which its answer carries in a header and the lines of the log carry in brackets."""

import logging
import secrets
from contextvars import ContextVar

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "X-Request-Id"
_current: ContextVar[str] = ContextVar("request_id", default="")


def current() -> str:
    """Return the ID of the current request; empty outside of requests."""
    return _current.get()


class RequestIds:
    """Set an ID for the time of a request (ASGI middleware)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = secrets.token_hex(6)
        _current.set(request_id)

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        await self._app(scope, receive, named)


def name_in_log(handler: logging.Handler) -> None:
    """Begin the lines that this handler writes with the ID of the current request."""

    def named(record: logging.LogRecord) -> bool:
        if current() and not hasattr(record, "request_id"):
            record.request_id = current()
            record.msg = f"[{current()}] {record.msg}"
        return True

    handler.addFilter(named)
