"""Turns of requests to begin, so that many at once do not hold up what the event loop does beside: `/health`."""

import asyncio
from collections import deque

from starlette.types import ASGIApp, Receive, Scope, Send

MAX_BEGINNING = 8  # requests that begin in one round of the event loop
URGENT = "/health"  # whoever watches the manager must not take a busy one for a dead one


class Turns:
    """Let few requests begin in each round of the event loop, in the order of their arrival (ASGI)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._begun = 0  # in this round

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("path") != URGENT:
            await self._wait()
        await self._app(scope, receive, send)

    async def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        if not self._begun:
            loop.call_soon(self._begin_round, loop)
        if self._begun < MAX_BEGINNING and not self._waiting:
            self._begun += 1
            return
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _begin_round(self, loop: asyncio.AbstractEventLoop) -> None:
        self._begun = 0
        while self._waiting and self._begun < MAX_BEGINNING:
            turn = self._waiting.popleft()
            if not turn.done():  # a client may have gone
                turn.set_result(None)
                self._begun += 1
        if self._begun:
            loop.call_soon(self._begin_round, loop)
