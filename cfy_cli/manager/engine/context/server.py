"""The ctx server: a socket on loopback, one for each process, that running scripts and workflows call."""

import atexit
import functools
import json
import logging
import os
import secrets
import shutil
import socket
import socketserver
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.limits import Limits, format_limit, raise_hint
from cfy_cli.errors import CfyError, Invalid
from cfy_cli.manager.engine.context.calls import call
from cfy_cli.manager.engine.context.ctx_command_line import CommandOutput, run_command_line
from cfy_cli.manager.engine.context.operation_context import OperationContext
from cfy_cli.manager.engine.context.program import write_program
from cfy_cli.manager.engine.tasks import non_recoverable

MAX_WORDS = 10_000  # of one call of the ctx program
MAX_UNKNOWN = 256  # connections without a known token
MAX_UNKNOWN_MESSAGE = 64 * 1024  # bytes of a call with a token that is not, or no longer, known
MAX_TOKEN_LINE = 256  # bytes
CHUNK_SIZE = 65536  # bytes
TOKEN_TIMEOUT = 10.0  # seconds
LINGER_TIMEOUT = 5.0  # seconds
_DEFAULT = Limits()

log = logging.getLogger(__name__)


class CallHandler(Protocol):
    """The process of a workflow, or another that is no operation, as far as the server knows it."""

    def call(self, name: str, arguments: JsonObject) -> Json:
        """Return the result of a call. Raises CfyError."""


class ContextServer:
    """Callers are known by random tokens, so that other users of the machine cannot call in their place."""

    def __init__(self, max_message: int = _DEFAULT.ctx_message) -> None:
        self.max_message = max_message  # bytes of a call
        self._callers: dict[str, OperationContext | CallHandler] = {}  # by token
        self.programs = Path(tempfile.mkdtemp(prefix="cfy-ctx-"))  # holds the ctx program
        write_program(self.programs)
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.25}, name="ctx", daemon=True
        )
        self._thread.start()

    def register(self, ctx: OperationContext, process: Mapping[str, Json] | None = None) -> str:
        """Return the token of an operation that will run; "" when its process options disable ctx."""
        kind = (process or {}).get("ctx_proxy_type") or "auto"
        if kind == "none":
            return ""
        if kind not in ("auto", "http", "tcp", "unix"):
            raise non_recoverable(f"The process option ctx_proxy_type cannot be {kind}; use auto or none.")
        return self._add(ctx)

    def register_handler(self, handler: CallHandler) -> str:
        """Return the token with which a process calls the handler."""
        return self._add(handler)

    def unregister(self, token: str) -> None:
        self._callers.pop(token, None)

    def find(self, token: str) -> OperationContext | CallHandler | None:
        caller = self._callers.get(token)
        if isinstance(caller, OperationContext) and caller.announced is not None:
            caller.announced.wait()  # so that no line of a script stands before the event about its process
        return caller

    def url(self, token: str) -> str:
        host, port = self._server.server_address[:2]
        return f"tcp://{host!s}:{port}/{token}" if token else ""

    def close(self) -> None:
        self._server.stop()
        self._thread.join(5)
        shutil.rmtree(self.programs, ignore_errors=True)

    def _add(self, caller: OperationContext | CallHandler) -> str:
        token = secrets.token_urlsafe(16)
        self._callers[token] = caller
        return token


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, context_server: ContextServer) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.context_server = context_server
        self._lock = threading.Lock()
        self._unknown: dict[socket.socket, None] = {}  # connections without a known token, oldest first

    def expect_token(self, connection: socket.socket) -> None:
        """Remember a connection that has sent no known token yet; the oldest one makes room when there are too many."""
        with self._lock:
            self._unknown[connection] = None
            oldest = next(iter(self._unknown)) if len(self._unknown) > MAX_UNKNOWN else None
        if oldest is not None:
            self.know(oldest)
            with suppress(OSError):
                oldest.shutdown(socket.SHUT_RDWR)

    def know(self, connection: socket.socket) -> None:
        with self._lock:
            self._unknown.pop(connection, None)

    def stop(self) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        log.debug("A ctx connection broke", exc_info=True)


class _Connection(socketserver.BaseRequestHandler):
    """One connection.

    Its first line is the token and then either a number of words, or `json` for lines of JSON in both directions.
    The first word is the working directory of the caller.
    """

    request: socket.socket
    server: _Server

    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        self.server.expect_token(self.request)
        try:
            self._answer(self.server.context_server)
            _discard(self.request)
        finally:
            self.server.know(self.request)

    def _answer(self, contexts: ContextServer) -> None:
        token, kind = _read_token(self.request)
        caller = contexts.find(token)
        if caller is not None:
            self.server.know(self.request)
        with self.request.makefile("rb") as stream:
            if kind == "json":
                self._answer_lines(stream, contexts, token)
            else:
                self._answer_words(stream, caller, int(kind) if kind.isdecimal() else 0)

    def _answer_words(self, stream: BinaryIO, caller: OperationContext | CallHandler | None, count: int) -> None:
        result = self._run_words(stream, caller, count)
        text = result.text.encode("utf-8", "surrogateescape")
        self.request.sendall(b"%d %d\n" % (result.status, len(text)) + text)

    def _run_words(self, stream: BinaryIO, caller: OperationContext | CallHandler | None, count: int) -> CommandOutput:
        if caller is None:
            return CommandOutput(1, "ctx: the operation that this belongs to has ended.\n")
        max_size = self.server.context_server.max_message
        words = _read_words(stream, min(count, MAX_WORDS), max_size)
        if words is None:
            return CommandOutput(1, f"ctx: {_too_large(max_size)}\n")
        if not isinstance(caller, OperationContext):
            return CommandOutput(1, "ctx: only operations have the program ctx; workflows use `ctx` in Python.\n")
        folder, *words = words or [""]
        return run_command_line(caller.in_folder(folder), words)

    def _answer_lines(self, stream: BinaryIO, contexts: ContextServer, token: str) -> None:
        """Answer each line, until the connection is closed; a process may keep it open after its operation ended."""
        while True:
            caller = contexts.find(token)
            max_size = contexts.max_message if caller is not None else MAX_UNKNOWN_MESSAGE
            line = stream.readline(max_size + 1)
            if not line:
                return
            if caller is not None:
                caller = contexts.find(token)  # the operation may have ended while the line was awaited
            is_complete = len(line) <= max_size
            answer = _answer_line(caller, line) if is_complete or caller is None else _error(_too_large(max_size))
            self.request.sendall(json.dumps(answer).encode() + b"\n")
            if not is_complete:
                return


def _answer_line(caller: OperationContext | CallHandler | None, line: bytes) -> JsonObject:
    try:
        if caller is None:
            raise Invalid("The operation that this script belongs to has ended.")
        request = json.loads(line)
        name, arguments = request["call"], request.get("with") or {}
        if isinstance(caller, OperationContext):
            return {"result": call(caller, name, arguments)}
        return {"result": caller.call(name, arguments)}
    except CfyError as error:
        return _error(error.message)
    except Exception as error:
        log.exception("A call of a script failed")
        return {"error": {"type": type(error).__name__, "message": str(error)}}


def _error(message: str) -> JsonObject:
    return {"error": {"type": "NonRecoverableError", "message": message}}


def _too_large(max_size: int) -> str:
    return f"a call may have at most {format_limit('ctx_message', max_size)}. {raise_hint('ctx_message')}"


def _read_token(connection: socket.socket) -> tuple[str, str]:
    """Read the first line, and not a byte more: the token and what follows it. Raises TimeoutError."""
    deadline = time.monotonic() + TOKEN_TIMEOUT
    line = b""
    while not line.endswith(b"\n") and len(line) < MAX_TOKEN_LINE:
        connection.settimeout(max(0.01, deadline - time.monotonic()))
        waiting = connection.recv(MAX_TOKEN_LINE - len(line), socket.MSG_PEEK)
        if not waiting:
            break
        line += connection.recv(waiting.find(b"\n") + 1 or len(waiting))
    connection.settimeout(None)
    token, _, kind = line.decode("ascii", "replace").strip().partition(" ")
    return token, kind


def _read_words(stream: BinaryIO, count: int, max_size: int) -> list[str] | None:
    """Read words that end with NUL; None when they are too large."""
    content, found = bytearray(), 0
    while found < count:
        chunk = stream.read1(CHUNK_SIZE)  # type: ignore[attr-defined]
        if not chunk:
            break
        content += chunk
        found += chunk.count(0)
        if len(content) > max_size:
            return None
    *words, _ = content.split(b"\0")
    return [os.fsdecode(bytes(word)) for word in words[:count]]


def _discard(connection: socket.socket) -> None:
    """Receive for a while what is still sent: a client that is still sending would not see the answer."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        deadline = time.monotonic() + LINGER_TIMEOUT
        connection.settimeout(LINGER_TIMEOUT)
        while connection.recv(CHUNK_SIZE) and time.monotonic() < deadline:
            pass


@functools.cache
def _server_of(_pid: int, max_message: int) -> ContextServer:
    server = ContextServer(max_message)
    atexit.register(server.close)
    return server


def shared_server(limits: Limits = _DEFAULT) -> ContextServer:
    """Return the server of this process, started on first use; a forked child gets its own."""
    return _server_of(os.getpid(), limits.ctx_message)
