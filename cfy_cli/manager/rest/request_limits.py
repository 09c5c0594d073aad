"""Limits to the head of a request, and the end of a connection whose request is answered before all of it arrived."""

from http import HTTPStatus

import anyio
from fastapi import Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cfy_cli.contract.limits import Limits, format_limit, raise_hint
from cfy_cli.errors import ErrorCode
from cfy_cli.manager.rest import errors

MAX_DISCARDED = 64 * 1024  # bytes of a body that nobody has read, but that is not worth a new connection
ANSWERED = "cfy.answered"  # extension of ASGI: a function to call when the answer is sent, but the body not received
LINGER_TIMEOUT = 5  # seconds


class RequestLimits:
    """Refuse requests with too long a head, and close the connection where much of a body is still to come (ASGI)."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app, self._limits = app, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        is_complete = not _may_be_large(headers)
        is_closing = False

        async def receive_body() -> Message:
            nonlocal is_complete
            message = await receive()
            is_complete = is_complete or not message.get("more_body", False)
            return message

        async def send_answer(message: Message) -> None:
            nonlocal is_closing
            if message["type"] == "http.response.start" and not is_complete:
                is_closing = True
                MutableHeaders(scope=message)["Connection"] = "close"
            if is_closing and message["type"] == "http.response.body" and not message.get("more_body", False):
                await send({**message, "more_body": True})
                scope.get("extensions", {}).get(ANSWERED, _do_nothing)()
                if "expect" not in headers:
                    await _discard(receive)
                message = {"type": "http.response.body", "body": b"", "more_body": False}
            await send(message)

        refusal = self._find_refusal(scope, headers)
        await (refusal or self._app)(scope, receive_body, send_answer)

    def _find_refusal(self, scope: Scope, headers: Headers) -> Response | None:
        address = len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"])
        limit = self._limits.request_head
        if address > limit:
            return _refuse(HTTPStatus.REQUEST_URI_TOO_LONG, "The address of the request is", "request_head", limit)
        if address + sum(len(name) + len(value) for name, value in headers.raw) > limit:
            return _refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers are", "request_head", limit)
        limit = self._limits.request_headers
        if len(headers.raw) > limit:
            return _refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers are", "request_headers", limit)
        return None


def _refuse(status: HTTPStatus, what: str, name: str, limit: int) -> Response:
    message = f"{what} more than {format_limit(name, limit)}"
    return errors.answer(status, ErrorCode.TOO_LARGE, message, raise_hint(name))


def _may_be_large(headers: Headers) -> bool:
    size = headers.get("content-length", "")
    return "transfer-encoding" in headers or (size.isdecimal() and int(size) > MAX_DISCARDED)


def _do_nothing() -> None: ...


async def _discard(receive: Receive) -> None:
    """Receive the rest of a body for a while: a client that is still sending would not see the answer."""
    with anyio.move_on_after(LINGER_TIMEOUT):
        while (await receive()).get("more_body", False):
            pass
