"""The ctx server: a socket on loopback, one for each process, that running scripts and workflows call."""

import atexit
import functools
import json
import logging
import os
import secrets
import shutil
import socketserver
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, cast

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.errors import CfyError, Invalid
from cfy_cli.manager.engine.context.calls import call
from cfy_cli.manager.engine.context.ctx_command_line import CommandOutput, run_command_line
from cfy_cli.manager.engine.context.operation_context import OperationContext
from cfy_cli.manager.engine.context.program import write_program
from cfy_cli.manager.engine.tasks import non_recoverable

MAX_WORDS = 10_000  # of one call of the ctx program
CHUNK_SIZE = 65536  # bytes

log = logging.getLogger(__name__)


class CallHandler(Protocol):
    """The process of a workflow, or another that is no operation, as far as the server knows it."""

    def call(self, name: str, arguments: JsonObject) -> Json:
        """Return the result of a call. Raises CfyError."""


class ContextServer:
    """Callers are known by random tokens, so that other users of the machine cannot call in their place."""

    def __init__(self) -> None:
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

    def stop(self) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        log.debug("A ctx connection broke", exc_info=True)


class _Connection(socketserver.StreamRequestHandler):
    """One connection.

    Its first line is the token and then either a number of words, or `json` for lines of JSON in both directions.
    The first word is the working directory of the caller.
    """

    disable_nagle_algorithm = True

    def handle(self) -> None:
        token, _, kind = self.rfile.readline(256).decode("ascii", "replace").strip().partition(" ")
        server = cast(_Server, self.server).context_server
        if kind == "json":
            self._answer_lines(server, token)
        else:
            self._answer_words(server.find(token), int(kind) if kind.isdecimal() else 0)

    def _answer_words(self, caller: OperationContext | CallHandler | None, count: int) -> None:
        folder, *words = _read_words(cast(_BufferedReader, self.rfile), min(count, MAX_WORDS)) or [""]
        if isinstance(caller, OperationContext):
            result = run_command_line(caller.in_folder(folder), words)
        elif caller is None:
            result = CommandOutput(1, "ctx: the operation that this belongs to has ended.\n")
        else:
            result = CommandOutput(1, "ctx: only operations have the program ctx; workflows use `ctx` in Python.\n")
        text = result.text.encode("utf-8", "surrogateescape")
        self.wfile.write(b"%d %d\n" % (result.status, len(text)) + text)

    def _answer_lines(self, server: ContextServer, token: str) -> None:
        """Answer each line, until the connection is closed; a process may keep it open after its operation ended."""
        for line in self.rfile:
            self.wfile.write(json.dumps(_answer_line(server.find(token), line)).encode() + b"\n")


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
        return {"error": {"type": "NonRecoverableError", "message": error.message}}
    except Exception as error:
        log.exception("A call of a script failed")
        return {"error": {"type": type(error).__name__, "message": str(error)}}


class _BufferedReader(Protocol):
    def read1(self, size: int, /) -> bytes: ...


def _read_words(stream: _BufferedReader, count: int) -> list[str]:
    """Read words that end with NUL."""
    words: list[str] = []
    buffer = b""
    while len(words) < count:
        *complete, buffer = buffer.split(b"\0")
        words += [os.fsdecode(word) for word in complete]
        if len(words) >= count:
            break
        chunk = stream.read1(CHUNK_SIZE)
        if not chunk:
            break
        buffer += chunk
    return words[:count]


@functools.cache
def _server_of(_pid: int) -> ContextServer:
    server = ContextServer()
    atexit.register(server.close)
    return server


def shared_server() -> ContextServer:
    """Return the server of this process, started on first use; a forked child gets its own."""
    return _server_of(os.getpid())
