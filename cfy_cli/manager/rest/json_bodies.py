"""JSON bodies of requests: parsed in one place, before FastAPI validates them against what an endpoint declares."""

from collections.abc import Callable, Coroutine
from typing import cast

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from cfy_cli.contract.json import Json
from cfy_cli.contract.json_values import parse_json
from cfy_cli.contract.limits import Limits
from cfy_cli.manager.rest.bodies import WHAT
from cfy_cli.manager.services.context import AppContext

MAX_QUICK_BODY = 16 * 1024  # bytes that are parsed at once; longer bodies are parsed in a thread

Handler = Callable[[Request], Coroutine[object, object, Response]]


class JsonBodyRoute(APIRoute):
    """A route whose JSON body can be stored, and is within the limits."""

    def get_route_handler(self) -> Handler:
        handle = cast("Handler", super().get_route_handler())
        if self.body_field is None:
            return handle

        async def parse_and_handle(request: Request) -> Response:
            if is_json(request):
                app: AppContext = request.app.state.app_context
                data = await request.body()
                if data:
                    request._json = await _parse(data, app.settings.limits)
            return await handle(request)

        return parse_and_handle


def is_json(request: Request) -> bool:
    """Return whether the Content-Type says that the body is JSON."""
    kind, _, subtype = request.headers.get("content-type", "").partition(";")[0].strip().lower().partition("/")
    return kind == "application" and (subtype == "json" or subtype.endswith("+json"))


async def _parse(data: bytes, limits: Limits) -> Json:
    if len(data) <= MAX_QUICK_BODY:
        return parse_json(data, WHAT, limits)
    return await run_in_threadpool(parse_json, data, WHAT, limits)
