"""The socket of ctx: what a connection may send before and after its token, and how long it may take."""

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.manager.engine.context import server as ctx_server
from cfy_cli.manager.engine.context.server import MAX_UNKNOWN, MAX_UNKNOWN_MESSAGE, ContextServer

MAX_MESSAGE = 200_000  # bytes
CHUNK = b"x" * 1_000_000


class Handler:
    def call(self, name: str, arguments: JsonObject) -> Json:
        return {name: len(json.dumps(arguments))}


@pytest.fixture
def server() -> Iterator[ContextServer]:
    server = ContextServer(MAX_MESSAGE)
    yield server
    server.close()


@pytest.fixture
def token(server: ContextServer) -> str:
    return server.register_handler(Handler())


@pytest.fixture
def no_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail when words are read."""
    monkeypatch.setattr(ctx_server, "_read_words", lambda *_: pytest.fail("the words were read"))


def connect(server: ContextServer) -> socket.socket:
    host, _, port = server.url("x").removeprefix("tcp://").partition("/")[0].rpartition(":")
    return socket.create_connection((host, int(port)), timeout=60)


def read_all(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


def send_all(connection: socket.socket, content: bytes, count: int) -> None:
    """Send the content again and again; the server may close the connection at some time."""
    try:
        for _ in range(count):
            connection.sendall(content)
        connection.shutdown(socket.SHUT_WR)
    except ConnectionError:
        pass


def ask_in_json(connection: socket.socket, call: dict[str, Any]) -> Any:
    connection.sendall(json.dumps(call).encode() + b"\n")
    return json.loads(connection.makefile("rb").readline())


@pytest.mark.usefixtures("no_reads")
@pytest.mark.parametrize("kind", ["3", "json"])
def test_call_with_an_unknown_token_is_not_received(server: ContextServer, kind: str):
    with closing(connect(server)) as connection:
        connection.sendall(f"guess {kind}\n".encode())
        send_all(connection, CHUNK, 30)
        assert b"has ended." in read_all(connection)


@pytest.mark.parametrize("sent", [b"", b"x" * 1_000, b"\n"])
def test_connection_without_a_token_is_closed(server: ContextServer, sent: bytes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ctx_server, "TOKEN_TIMEOUT", 0.3)
    monkeypatch.setattr(ctx_server, "LINGER_TIMEOUT", 0.3)
    with closing(connect(server)) as connection:
        connection.sendall(sent)
        try:
            answer = read_all(connection)
        except ConnectionResetError:
            answer = b""
        assert answer in (b"", b"1 51\nctx: the operation that this belongs to has ended.\n")


@pytest.mark.parametrize("begin", [b"", b"gue", b"guess json\n"])
def test_oldest_unknown_connections_make_room(server: ContextServer, token: str, begin: bytes):
    with closing(connect(server)) as known:
        known.sendall(f"{token} json\n".encode())
        assert ask_in_json(known, {"call": "before"}) == {"result": {"before": 2}}
        connections = [connect(server) for _ in range(MAX_UNKNOWN + 20)]
        for connection in connections:
            connection.sendall(begin) if begin else None
        assert connections[0].recv(100) == b""
        assert ask_in_json(known, {"call": "after"}) == {"result": {"after": 2}}
        for connection in connections:
            connection.close()


def test_call_in_json_has_a_limit(server: ContextServer, token: str):
    with closing(connect(server)) as connection:
        connection.sendall(f"{token} json\n".encode())
        sent = {"call": "large", "with": {"x": "x" * (MAX_MESSAGE - 100)}}
        assert ask_in_json(connection, sent)["result"]["large"] > MAX_UNKNOWN_MESSAGE
        send_all(connection, CHUNK, 5)
        error = json.loads(read_all(connection))["error"]["message"]
    assert "at most 200000 bytes" in error
    assert "cfy manager start --limit ctx_message=BYTES" in error


def test_words_of_a_call_have_a_limit(server: ContextServer, token: str):
    with closing(connect(server)) as connection:
        connection.sendall(f"{token} 3\n".encode())
        send_all(connection, CHUNK, 5)
        assert b"ctx: a call may have at most 200000 bytes. " in read_all(connection)
    with closing(connect(server)) as connection:
        connection.sendall(f"{token} 2\n/\0".encode() + b"x" * (MAX_MESSAGE - 10) + b"\0")
        assert b"only operations have the program ctx" in read_all(connection)
