"""Requests for one deployment that the embedded manager answers in a second: basic authentication, 4 connections.

    python benchmarks/requests_per_second.py [--database URL] [--requests N]

They are compared with requests for /health, which does nothing, in the same run.
"""

import argparse
import base64
import io
import json
import selectors
import socket
import statistics
import tarfile
import tempfile
import time
from pathlib import Path

import requests

import cfy_cli
from cfy_cli.manager import control
from cfy_cli.manager.settings import ManagerSettings

CONNECTIONS = 4
ROUNDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", default="", help="postgresql://...; SQLite otherwise")
    parser.add_argument("--requests", type=int, default=2000, help="in each round")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "data"
        running = control.start(ManagerSettings(data_dir, database_url=arguments.database, workers=1))
        try:
            login = json.loads((data_dir / "admin.json").read_text())
            deploy(running.url, (login["username"], login["password"]))
            credential = base64.b64encode(f"{login['username']}:{login['password']}".encode()).decode()
            get = request("/api/v3.1/deployments/hello", Authorization=f"Basic {credential}", Tenant="default_tenant")
            rates, baselines = [], []
            for _ in range(ROUNDS):
                rates.append(rate(running.host, running.port, get, arguments.requests))
                baselines.append(rate(running.host, running.port, request("/health"), arguments.requests))
        finally:
            control.stop(data_dir)
    best, baseline = max(rates), max(baselines)
    print(f"GET of one deployment: median {statistics.median(rates):.0f}/s, best {best:.0f}/s")
    print(f"GET of /health, the baseline: median {statistics.median(baselines):.0f}/s, best {baseline:.0f}/s")
    print(f"ratio of the best: {best / baseline:.2f}")


def deploy(url: str, login: tuple[str, str]) -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        tar.add(Path(cfy_cli.__file__).parent / "examples" / "hello", "hello")
    api = f"{url}/api/v3.1"
    requests.put(f"{api}/blueprints/hello", data=archive.getvalue(), auth=login, timeout=60).raise_for_status()
    requests.put(f"{api}/deployments/hello", json={"blueprint_id": "hello"}, auth=login, timeout=60).raise_for_status()


def request(path: str, **headers: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def rate(host: str, port: int, message: bytes, count: int) -> float:
    """Return requests per second; each connection sends the next one as soon as it has a response."""
    selector = selectors.DefaultSelector()
    received: dict[socket.socket, bytes] = {}
    for _ in range(CONNECTIONS):
        connection = socket.create_connection((host, port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(connection, selectors.EVENT_READ)
        received[connection] = b""
        connection.sendall(message)
    answered, started = 0, time.perf_counter()
    while answered < count:
        for key, _ in selector.select():
            connection = key.fileobj  # type: ignore[assignment]
            received[connection] += connection.recv(1 << 16)
            head, end, body = received[connection].partition(b"\r\n\r\n")
            if end and len(body) >= length(head):
                assert head.startswith(b"HTTP/1.1 200"), head
                received[connection] = body[length(head) :]
                answered += 1
                connection.sendall(message)
    elapsed = time.perf_counter() - started
    for connection in received:
        connection.close()
    return answered / elapsed


def length(head: bytes) -> int:
    return next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))


if __name__ == "__main__":
    main()
