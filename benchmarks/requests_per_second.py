"""How many requests for one deployment the embedded manager answers a second: basic authentication, 4 connections.

    python benchmarks/requests_per_second.py [--database URL] [--requests N]

The floor is the same server answering /health, which does nothing, in the same run.
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
    parser.add_argument("--requests", type=int, default=2000, help="in each of the rounds")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "data"
        running = control.start(ManagerSettings(data_dir, database_url=asked.database, workers=1))
        try:
            login = json.loads((data_dir / "admin.json").read_text())
            deploy(running.url, (login["username"], login["password"]))
            credential = base64.b64encode(f"{login['username']}:{login['password']}".encode()).decode()
            one = request("/api/v3.1/deployments/hello", Authorization=f"Basic {credential}", Tenant="default_tenant")
            rates, floors = [], []
            for _ in range(ROUNDS):
                rates.append(rate(running.host, running.port, one, asked.requests))
                floors.append(rate(running.host, running.port, request("/health"), asked.requests))
        finally:
            control.stop(data_dir)
    best, floor = max(rates), max(floors)
    print(f"GET of one deployment: median {statistics.median(rates):.0f}/s, best {best:.0f}/s")
    print(f"GET of /health, the floor: median {statistics.median(floors):.0f}/s, best {floor:.0f}/s")
    print(f"ratio of the best: {best / floor:.2f}")


def deploy(url: str, login: tuple[str, str]) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        tar.add(Path(cfy_cli.__file__).parent / "examples" / "hello", "hello")
    api = f"{url}/api/v3.1"
    requests.put(f"{api}/blueprints/hello", data=packed.getvalue(), auth=login, timeout=60).raise_for_status()
    requests.put(f"{api}/deployments/hello", json={"blueprint_id": "hello"}, auth=login, timeout=60).raise_for_status()


def request(path: str, **headers: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: manager", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def rate(host: str, port: int, one: bytes, count: int) -> float:
    """Requests a second: each connection sends its next as soon as it has its answer."""
    selector = selectors.DefaultSelector()
    received: dict[socket.socket, bytes] = {}
    for _ in range(CONNECTIONS):
        connection = socket.create_connection((host, port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(connection, selectors.EVENT_READ)
        received[connection] = b""
        connection.sendall(one)
    answered, begun = 0, time.perf_counter()
    while answered < count:
        for key, _ in selector.select():
            connection = key.fileobj  # type: ignore[assignment]
            received[connection] += connection.recv(1 << 16)
            head, end, body = received[connection].partition(b"\r\n\r\n")
            if end and len(body) >= length(head):
                assert head.startswith(b"HTTP/1.1 200"), head
                received[connection] = body[length(head) :]
                answered += 1
                connection.sendall(one)
    elapsed = time.perf_counter() - begun
    for connection in received:
        connection.close()
    return answered / elapsed


def length(head: bytes) -> int:
    return next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))


if __name__ == "__main__":
    main()
