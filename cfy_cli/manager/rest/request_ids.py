"""A name for every request: its answer carries it, and so does every line of the log that is written meanwhile."""

import logging
import secrets
from contextvars import ContextVar

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "X-Request-Id"
_current: ContextVar[str] = ContextVar("request_id", default="")


def current() -> str:
    """That of the request that is being answered; empty where there is none."""
    return _current.get()


class RequestIds:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name = secrets.token_hex(6)
        _current.set(name)

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = name
            await send(message)

        await self._app(scope, receive, named)


def name_in_log(handler: logging.Handler) -> None:
    """Let the lines of this handler begin with the name of the request they are about."""

    def named(record: logging.LogRecord) -> bool:
        if current() and not hasattr(record, "request_id"):
            record.request_id = current()
            record.msg = f"[{current()}] {record.msg}"
        return True

    handler.addFilter(named)
