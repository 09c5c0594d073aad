"""Connections: how long they may stay without use, how many there may be, and how a refused request ends."""

import base64
import json
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass

import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from cfy_cli.contract.limits import Limits
from cfy_cli.manager.connections import MAX_PIPELINED, connections_of, reserve_descriptors
from cfy_cli.manager.server import create_app
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity import passwords
from tests.conftest import PASSWORD
from tests.manager.processes import wait_until

ADMIN = f"Authorization: Basic {base64.b64encode(f'admin:{PASSWORD}'.encode()).decode()}\r\n"
JSON = "Content-Type: application/json\r\n"
QUICK = Limits(idle_connection=1, connections=3)
PATH = "/api/v3.1"

Serve = Callable[..., "Server"]
pytestmark = [pytest.mark.process, pytest.mark.sqlite]


@dataclass
class Server:
    uvicorn: uvicorn.Server
    address: tuple[str, int]

    def connect(self, sent: str | bytes = b"") -> socket.socket:
        connection = socket.create_connection(self.address, timeout=60)
        connection.sendall(sent.encode() if isinstance(sent, str) else sent)
        return connection

    def ask(self, sent: str | bytes) -> bytes:
        """Return all that is answered until the server closes the connection."""
        with closing(self.connect(sent)) as connection:
            return read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    content = b""
    with suppress(ConnectionResetError):
        while chunk := connection.recv(65536):
            content += chunk
    return content


def send_slowly(connection: socket.socket, content: bytes) -> bytes:
    """Send one byte after the other until the server closes the connection; return its answer."""
    with suppress(ConnectionError):
        for byte in content:
            connection.sendall(bytes([byte]))
            connection.settimeout(0.05)
            with suppress(TimeoutError):
                return connection.recv(65536)
    return read_all(connection)


def request(path: str, *headers: str, method: str = "GET", body: str = "") -> str:
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{''.join(headers)}\r\n{body}"


@pytest.fixture
def serve(app: AppContext) -> Iterator[Serve]:
    stops: list[Callable[[], None]] = []

    def start(limits: Limits = QUICK, api: ASGIApp | None = None) -> Server:
        listener = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(
            api or create_app(app), http=connections_of(limits), ws="none", lifespan="off", log_level="error",
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=[[listener]])
        thread.start()

        def stop() -> None:
            server.should_exit = True
            thread.join()
            listener.close()

        stops.append(stop)
        wait_until(lambda: server.started)
        return Server(server, listener.getsockname())

    yield start
    for stop in stops:
        stop()


def test_connection_without_a_request_is_closed(serve: Serve):
    server = serve()
    assert server.ask(b"") == b""
    assert server.ask(b"GET /api") == b""
    answered = server.ask(request(f"{PATH}/version", ADMIN))  # and then no further request
    assert answered.startswith(b"HTTP/1.1 200 OK\r\n")


def test_head_a_byte_at_a_time_does_not_keep_a_connection(serve: Serve):
    with closing(serve().connect("GET / HTTP/1.1\r\nX-Slow: ")) as connection:
        assert send_slowly(connection, b"x" * 300) == b""


@pytest.mark.parametrize("length", ["Content-Length: 9999\r\n", "Transfer-Encoding: chunked\r\n"])
def test_body_that_arrives_too_slowly_is_refused(serve: Serve, length: str):
    server = serve()
    head = request(f"{PATH}/executions", ADMIN, JSON, length, method="POST")
    never = server.ask(head)
    assert b" 408 Request Timeout\r\n" in never
    assert "cfy manager start --limit body_rate=BYTES" in json.loads(never.partition(b"\r\n\r\n")[2])["hint"]
    with closing(server.connect(head)) as connection:
        chunk = b"3e8\r\n" if "chunked" in length else b""
        assert b" 408 Request Timeout\r\n" in send_slowly(connection, chunk + b" " * 900)
    with closing(server.connect(head.replace(ADMIN, ""))) as connection:  # it need not be received at all
        assert connection.recv(65536).startswith(b"HTTP/1.1 401 ")
        assert b"200" not in read_all(connection)


def test_slow_reader_of_an_answer_is_disconnected(serve: Serve):
    async def answer(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(100):
            await send({"type": "http.response.body", "body": b"x" * 1024**2, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    server = serve(api=answer)
    with closing(server.connect(request("/"))) as connection:
        wait_until(lambda: server.uvicorn.server_state.connections)
        wait_until(lambda: not server.uvicorn.server_state.connections)
        assert len(read_all(connection)) < 100 * 1024**2
    with closing(server.connect(request("/"))) as connection:  # a client that is only slow gets all of it
        time.sleep(0.2)
        received = 0
        while received < 100 * 1024**2:
            received += len(connection.recv(1024**2))


def test_idle_connections_give_way_to_new_ones(serve: Serve):
    server = serve(Limits(connections=3))
    connections = [server.connect() for _ in range(12)]
    wait_until(lambda: len(server.uvicorn.server_state.connections) <= 3)
    connections[-1].sendall(request(f"{PATH}/version", ADMIN).encode())
    assert connections[-1].recv(100).startswith(b"HTTP/1.1 200 OK")
    assert connections[0].recv(100) == b""
    for connection in connections:
        connection.close()


@pytest.mark.parametrize("length", [1_000, 1_000_000])
def test_answered_requests_give_way_before_their_end(serve: Serve, length: int):
    server = serve(Limits(connections=2))
    head = request(f"{PATH}/executions", JSON, f"Content-Length: {length}\r\n", method="POST")
    connections = [server.connect(head) for _ in range(2)]  # they never send the body
    assert [connection.recv(12) for connection in connections] == [b"HTTP/1.1 401"] * 2
    with closing(server.connect(request(f"{PATH}/version", ADMIN))) as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 200 OK")
    for connection in connections:
        connection.close()


def test_connection_is_refused_while_all_others_are_in_use(serve: Serve):
    server = serve(Limits(connections=1))
    head = request(f"{PATH}/executions", ADMIN, JSON, "Content-Length: 2\r\n", method="POST")
    with closing(server.connect(head)) as connection:
        time.sleep(0.1)
        wait_until(lambda: any(each.cycle for each in server.uvicorn.server_state.connections))  # type: ignore[union-attr]
        refused = server.ask(b"")
        assert refused.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 1\r\n" in refused
        assert b"--limit connections=CONNECTIONS" in refused
        connection.sendall(b"{}")
        assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")


def test_pipelined_requests_have_a_limit(serve: Serve):
    server = serve()
    one = request(f"{PATH}/version", ADMIN)
    assert server.ask(one * MAX_PIPELINED).count(b"HTTP/1.1 200 OK") == MAX_PIPELINED
    assert server.ask(one * 500).count(b"HTTP/1.1 200 OK") <= MAX_PIPELINED + 1


@pytest.mark.parametrize(
    ("sent", "status", "limit"),
    [
        (request(f"{PATH}/{'x' * 70_000}"), 414, "request_head"),
        (request(f"{PATH}/sites?_search={'x' * 70_000}"), 414, "request_head"),
        (request("/", f"X-Long: {'x' * 70_000}\r\n"), 431, "request_head"),
        (request("/", *(f"X-{number}: x\r\n" for number in range(200))), 431, "request_headers"),
        (f"GET / HTTP/1.1\r\nX-Endless: {'x' * 400_000}", 431, "request_head"),
        (f"GET /{'x' * 400_000}", 431, "request_head"),
    ],
    ids=["path", "query", "header", "headers", "endless header", "endless path"],
)
def test_long_head_is_refused_with_its_limit(serve: Serve, sent: str, status: int, limit: str):
    answer = serve().ask(sent)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"x-content-type-options: nosniff" in head
    error = json.loads(body)
    assert (error["error_code"], f"--limit {limit}=" in error["hint"]) == ("too_large_error", True)


@pytest.mark.parametrize("length", ["Content-Length: 40000000\r\n", "Transfer-Encoding: chunked\r\n"])
@pytest.mark.parametrize(("login", "status"), [("", 401), (ADMIN, 413), ("Host: evil.example\r\n", 421)])
def test_answer_to_a_large_body_is_seen_by_its_sender(serve: Serve, length: str, login: str, status: int):
    with closing(serve().connect(request(f"{PATH}/executions", JSON, length, login, method="POST"))) as connection:
        chunk = b" " * 1_000_000
        for _ in range(40):
            connection.sendall(b"F4240\r\n" + chunk + b"\r\n" if "chunked" in length else chunk)
        connection.sendall(b"0\r\n\r\n" if "chunked" in length else b"")
        head, _, body = read_all(connection).partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"connection: close" in head.lower()
    assert json.loads(body)["error_code"]


def test_body_is_not_asked_for_before_the_login_is_checked(serve: Serve):
    server = serve()
    expecting = (JSON, "Expect: 100-continue\r\n", "Content-Length: 100000\r\n")
    assert server.ask(request(f"{PATH}/executions", *expecting, method="POST")).startswith(b"HTTP/1.1 401 ")
    assert server.ask(request("/nosuch", *expecting, method="POST")).startswith(b"HTTP/1.1 404 ")
    with closing(server.connect(request(f"{PATH}/executions", ADMIN, *expecting, method="POST"))) as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 100 Continue")


def test_upgrade_and_nonsense_are_answered(serve: Serve):
    server = serve()
    upgrade = ("Connection: upgrade\r\n", "Upgrade: websocket\r\n")
    assert server.ask(request(f"{PATH}/version", *upgrade)).startswith(b"HTTP/1.1 401 ")
    nonsense = server.ask(b"\x16\x03\x01 nonsense\r\n\r\n")
    assert nonsense.startswith(b"HTTP/1.1 400 ")
    assert json.loads(nonsense.partition(b"\r\n\r\n")[2])["error_code"] == "bad_parameters_error"


def test_logins_that_are_verified_delay_no_other_request(serve: Serve, monkeypatch: pytest.MonkeyPatch):
    server = serve(Limits())
    assert b" 200 OK" in server.ask(request(f"{PATH}/version", ADMIN, "Connection: close\r\n"))  # known from now on
    release = threading.Event()
    monkeypatch.setattr(passwords, "matches", lambda *_: release.wait(120) and False)
    wrong = "Authorization: Basic {}\r\nConnection: close\r\n"
    logins = [base64.b64encode(f"user{number}:x".encode()).decode() for number in range(120)]
    connections = [server.connect(request(f"{PATH}/version", wrong.format(login))) for login in logins]
    busy = wait_until_readable(connections)
    assert b" 503 " in (answer := read_all(busy))
    assert b"--limit waiting_logins=LOGINS" in answer
    assert b" 200 OK" in server.ask(request(f"{PATH}/version", ADMIN, "Connection: close\r\n"))
    release.set()
    statuses = [read_all(connection)[:12] for connection in connections if connection is not busy]
    assert all(status.startswith(b"HTTP/1.1 ") and b" 200" not in status for status in statuses)
    for connection in connections:
        connection.close()


def wait_until_readable(connections: list[socket.socket]) -> socket.socket:
    [readable, *_], _, _ = select.select(connections, [], [], 15)
    return readable


def test_connections_fit_into_the_descriptors_of_a_process(monkeypatch: pytest.MonkeyPatch):
    changed: list[tuple[int, int]] = []
    monkeypatch.setattr("resource.setrlimit", lambda _kind, value: changed.append(value))
    monkeypatch.setattr("resource.getrlimit", lambda _kind: (1024, 1_000_000))
    assert reserve_descriptors(Limits()).connections == Limits().connections
    assert changed[0][0] > 2 * Limits().connections
    monkeypatch.setattr("resource.getrlimit", lambda _kind: (512, 1024))
    assert 300 < reserve_descriptors(Limits()).connections < 512
