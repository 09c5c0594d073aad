"""Connections of clients: a limit to their number, and to the time that each may keep without use.

Uvicorn closes only connections that wait for a further request. A request that arrives a byte at a time, one that never
comes and an answer that nobody reads would keep theirs for ever.
"""

import asyncio
import resource
from asyncio import TimerHandle
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from cfy_cli.contract.limits import Limits, format_limit, raise_hint
from cfy_cli.errors import ErrorCode
from cfy_cli.manager.rest import errors
from cfy_cli.manager.rest.browsers import HEADERS
from cfy_cli.manager.rest.request_limits import ANSWERED

MAX_PIPELINED = 16  # requests that a client sends before it has the answer to the first
MAX_CHUNK = 256 * 1024  # bytes that arrive at once, of which some may belong to the next request
MAX_URL = 65535  # bytes that httptools can parse
OTHER_DESCRIPTORS = 256  # of the database, uploads and pipes


class Connection(HttpToolsProtocol):
    """One connection; subclasses have the limits of a server, and its connections without a request, oldest first."""

    limits: ClassVar[Limits]
    idle: "ClassVar[dict[Connection, None]]"

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._timer: TimerHandle | None = None  # for the head or the body of a request
        self._write_timer: TimerHandle | None = None
        self._has_head = self._has_body = self._is_refused = False
        self._received = 0  # bytes of the head, or of the body since the rate was last checked

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_request()
        if len(self.connections) > self.limits.connections:
            oldest = next(iter(self.idle))
            if oldest is self:
                self._refuse(503, ErrorCode.SERVICE_UNAVAILABLE, "The manager has too many connections", "connections")
            else:
                del self.idle[oldest]
                oldest.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.idle.pop(self, None)
        self._stop_timer()
        self.resume_writing()
        super().connection_lost(exc)

    # --- requests ---

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        self._received += len(data)
        super().data_received(data)
        if not self._has_head and self._received > self.limits.request_head + MAX_CHUNK:
            self._refuse(431, ErrorCode.TOO_LARGE, "The head of the request is too long", "request_head")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {ANSWERED: self._give_way}  # type: ignore[dict-item]
        self._has_head = self._has_body = False

    def on_headers_complete(self) -> None:
        if len(self.pipeline) >= MAX_PIPELINED:
            self._is_refused = True
            self.transport.abort()
        if len(self.url) > min(self.limits.request_head, MAX_URL):
            self._refuse(414, ErrorCode.TOO_LARGE, "The address of the request is too long", "request_head")
        if not self._is_refused:
            self._has_head, self._received = True, 0
            self.idle.pop(self, None)
            self._start_timer(self._check_rate)
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self._is_refused:
            return
        self._stop_timer()
        self._has_body = True
        super().on_message_complete()
        if self.cycle.response_complete:  # it was answered before all of it had arrived
            self._wait_for_request()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._unset_keepalive_if_required()
        if self.pipeline:
            self.flow.pause_reading()
        elif self._has_body:
            self._wait_for_request()
        else:
            self._give_way()

    def _wait_for_request(self) -> None:
        """Close the connection unless the head of a request arrives in time."""
        self._has_head, self._received = False, 0
        if not self.transport.is_closing():
            self.idle[self] = None
            self._start_timer(self.transport.close)

    def _give_way(self) -> None:
        """Let a new connection have the place of this one, whose request is answered but has not all arrived."""
        if not self.transport.is_closing():
            self.idle[self] = None

    def _check_rate(self) -> None:
        """Refuse a body that arrives too slowly; one that the server does not read meanwhile is not slow."""
        expected = self.limits.body_rate * self.limits.idle_connection
        if not self.flow.read_paused and self._received < expected:
            message = f"The body of the request arrives too slowly: {self._received} bytes within "
            self._refuse(408, ErrorCode.BAD_PARAMETERS, f"{message}{self.limits.idle_connection} seconds", "body_rate")
            return
        self._received = 0
        self._start_timer(self._check_rate)

    # --- answers ---

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_writing(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None
        super().resume_writing()

    def _watch_writing(self, unsent: int) -> None:
        """Close the connection when the client reads no more of an answer."""

        def check() -> None:
            now_unsent = self.transport.get_write_buffer_size()
            if unsent - now_unsent < self.limits.body_rate * self.limits.idle_connection:
                self.transport.abort()
            else:
                self._watch_writing(now_unsent)

        self._write_timer = self.loop.call_later(self.limits.idle_connection, check)

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, ErrorCode.BAD_PARAMETERS, msg)

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: the request is answered as if it had not asked for another protocol."""

    def _refuse(self, status: int, code: str, message: str, limit: str | None = None) -> None:
        """Answer a request that the application does not see, or not to its end, and close the connection."""
        self._is_refused = True
        self._stop_timer()
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if is_answering and (self.cycle.response_started or not self._has_head):
            self.transport.abort()  # an answer may have begun
            return
        value = f" (at most {format_limit(limit, getattr(self.limits, limit))})" if limit else ""
        answer = errors.answer(
            status,
            code,
            message + value,
            raise_hint(limit) if limit else None,
            retry_after=1 if status == 503 else None,
        )
        headers = (*answer.raw_headers, *HEADERS)
        lines = [STATUS_LINE[status], *(name + b": " + value + b"\r\n" for name, value in headers)]
        self.transport.write(b"".join([*lines, b"connection: close\r\n\r\n", bytes(answer.body)]))
        self.transport.close()

    def _start_timer(self, action: Callable[[], None]) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(self.limits.idle_connection, action)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def connections_of(limits: Limits) -> type[Connection]:
    """Return the class of the connections of a server with these limits."""
    return type("LimitedConnection", (Connection,), {"limits": limits, "idle": {}})


def reserve_descriptors(limits: Limits) -> Limits:
    """Let this process open as many files as the connections need; return the limits with as many as are possible."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * limits.connections + OTHER_DESCRIPTORS  # an upload has a file beside its connection
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return limits
    soft = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return replace(limits, connections=max(1, (soft - OTHER_DESCRIPTORS) // 2))
