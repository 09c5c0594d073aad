"""Serve a path with a slash at its end as the same path without it."""

from starlette.types import ASGIApp, Receive, Scope, Send


class TrailingSlashes:
    """Remove the slash at the end of paths (ASGI middleware), since a redirect would repeat the Host of the request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if len(path) > 1 and path.endswith("/"):
            scope = {**scope, "path": path[:-1]}
        await self._app(scope, receive, send)
