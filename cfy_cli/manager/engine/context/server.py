"""The door through which running scripts reach ctx: a socket on loopback, one a process."""

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
from typing import Any, BinaryIO, Protocol, cast

from cfy_cli.errors import CfyError
from cfy_cli.manager.engine.context.calls import call
from cfy_cli.manager.engine.context.ctx_command_line import Answer, answer
from cfy_cli.manager.engine.context.operation_context import OperationContext
from cfy_cli.manager.engine.context.program import write_program
from cfy_cli.manager.engine.tasks import non_recoverable

Json = Any

MOST_WORDS = 10_000

log = logging.getLogger(__name__)


class Talker(Protocol):
    """Another than an operation, which a process may talk to in JSON."""

    def call(self, name: str, arguments: dict[str, Json]) -> Json:
        """The answer to a question. Raises CfyError."""


class ContextServer:
    """Operations are known by random tokens, so that other users of the machine cannot speak for them."""

    def __init__(self) -> None:
        self._scopes: dict[str, OperationContext | Talker] = {}
        self.programs = Path(tempfile.mkdtemp(prefix="cfy-ctx-"))  # holds the ctx program
        write_program(self.programs)
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.25}, name="ctx", daemon=True
        )
        self._thread.start()

    def register(self, scope: OperationContext, process: Mapping[str, Json] | None = None) -> str:
        """The token of an operation that is about to run; "" when its process options want no ctx."""
        kind = (process or {}).get("ctx_proxy_type") or "auto"
        if kind == "none":
            return ""
        if kind not in ("auto", "http", "tcp", "unix"):
            raise non_recoverable(f"The process option ctx_proxy_type cannot be {kind}; it is auto or none.")
        token = secrets.token_urlsafe(16)
        self._scopes[token] = scope
        return token

    def admit(self, talker: Talker) -> str:
        """The token by which a process reaches it."""
        token = secrets.token_urlsafe(16)
        self._scopes[token] = talker
        return token

    def forget(self, token: str) -> None:
        self._scopes.pop(token, None)

    def scope(self, token: str) -> OperationContext | Talker | None:
        return self._scopes.get(token)

    def url(self, token: str) -> str:
        host, port = self._server.server_address[:2]
        return f"tcp://{host!s}:{port}/{token}" if token else ""

    def close(self) -> None:
        self._server.stop()
        self._thread.join(5)
        shutil.rmtree(self.programs, ignore_errors=True)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, doors: ContextServer) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.doors = doors

    def stop(self) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.debug("a ctx conversation broke off", exc_info=True)


class _Conversation(socketserver.StreamRequestHandler):
    """The first line is the token and either a number of words, or `json` for a talk in JSON lines.

    The first word is the folder of the one who asks.
    """

    disable_nagle_algorithm = True

    def handle(self) -> None:
        token, _, kind = self.rfile.readline(256).decode("ascii", "replace").strip().partition(" ")
        scope = cast(_Server, self.server).doors.scope(token)
        if kind == "json":
            self._talk(scope)
        else:
            self._words(scope, int(kind) if kind.isdecimal() else 0)

    def _words(self, scope: OperationContext | Talker | None, count: int) -> None:
        folder, *words = _read_words(cast(BinaryIO, self.rfile), min(count, MOST_WORDS)) or [""]
        if isinstance(scope, OperationContext):
            given = answer(scope.standing(folder), words)
        elif scope is None:
            given = Answer(1, "ctx: the operation that this belongs to has ended.\n")
        else:
            given = Answer(1, "ctx: it is for operations; a workflow has `ctx` in Python only.\n")
        text = given.text.encode("utf-8", "surrogateescape")
        self.wfile.write(b"%d %d\n" % (given.status, len(text)) + text)

    def _talk(self, scope: OperationContext | Talker | None) -> None:
        for line in self.rfile:
            self.wfile.write(json.dumps(_reply(scope, line)).encode() + b"\n")


def _reply(scope: OperationContext | Talker | None, line: bytes) -> dict[str, Json]:
    try:
        if scope is None:
            raise non_recoverable("The operation that this script belongs to has ended.")
        request = json.loads(line)
        name, arguments = request["call"], request.get("with") or {}
        return {
            "result": call(scope, name, arguments)
            if isinstance(scope, OperationContext)
            else scope.call(name, arguments)
        }
    except CfyError as error:
        return {"error": {"type": "NonRecoverableError", "message": error.message}}
    except Exception as error:
        log.exception("a question of a script could not be answered")
        return {"error": {"type": type(error).__name__, "message": str(error)}}


def _read_words(stream: BinaryIO, count: int) -> list[str]:
    """Words end with NUL."""
    words: list[str] = []
    buffer = b""
    while len(words) < count:
        *complete, buffer = buffer.split(b"\0")
        words += [os.fsdecode(word) for word in complete]
        if len(words) >= count:
            break
        more = stream.read1(65536)  # type: ignore[attr-defined]
        if not more:
            break
        buffer += more
    return words[:count]


@functools.cache
def _server_of(_pid: int) -> ContextServer:
    server = ContextServer()
    atexit.register(server.close)
    return server


def shared_server() -> ContextServer:
    """The server of this process, started when it is first needed; a forked child gets its own."""
    return _server_of(os.getpid())
