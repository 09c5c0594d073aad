"""The route of every endpoint: it authorizes a request before it receives its body, which has a limit."""

from collections.abc import Awaitable, Callable, Coroutine
from tempfile import SpooledTemporaryFile
from typing import Protocol, cast

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.types import Message, Receive

from cfy_cli.contract.limits import active_limits, format_limit, raise_hint
from cfy_cli.errors import TooLarge
from cfy_cli.manager.rest.json_bodies import MAX_SHORT_BODY, lane_of_long_bodies, parse_body

Handler = Callable[[Request], Coroutine[object, object, Response]]


class AuthorizedEndpoint(Protocol):
    """An endpoint with the function that authorizes its requests, and the limit of a file in their bodies."""

    authorize: Callable[[Request], Awaitable[None]]
    file_limit: str


class AuthorizedRoute(APIRoute):
    def get_route_handler(self) -> Handler:
        handle = cast("Handler", super().get_route_handler())
        endpoint = cast("AuthorizedEndpoint", self.endpoint)
        authorize, body_field = endpoint.authorize, self.body_field
        limit = "request_body" if body_field else endpoint.file_limit

        async def authorize_and_handle(request: Request) -> Response:
            await authorize(request)
            request._receive = _limited(request, limit)
            if body_field is None:
                return await handle(request)
            with SpooledTemporaryFile(MAX_SHORT_BODY) as file:  # there may be one on each connection
                async for chunk in request.stream():
                    file.write(chunk)
                size = file.tell()
                async with lane_of_long_bodies(request, size):
                    file.seek(0)
                    await parse_body(request, file, body_field)
                    return await handle(request)

        return authorize_and_handle


def _limited(request: Request, name: str) -> Receive:
    """Return a function that receives the body of a request. It raises TooLarge."""
    receive, limit = request.receive, int(getattr(active_limits(), name))
    announced, received = request.headers.get("content-length", ""), 0

    async def receive_limited() -> Message:
        nonlocal received
        if announced.isdecimal() and int(announced) > limit:
            raise too_large(name, limit)
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise too_large(name, limit)
        return message

    return receive_limited


def too_large(name: str, limit: int) -> TooLarge:
    what = "body of the request" if name == "request_body" else "uploaded file"
    return TooLarge(f"The {what} is larger than {format_limit(name, limit)}", hint=raise_hint(name))
