"""Sending of odd requests to a manager that listens, while others watch how it does."""

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse

import psutil

from tests.manager.fuzz_requests import Request, Requests

TIMEOUT = 60  # seconds for one answer
HEALTH_INTERVAL = 0.02  # seconds
FAILED = "failed"  # counted beside the statuses


@dataclass(slots=True)
class Report:
    """What came back."""

    statuses: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slowest: float = 0.0  # seconds until an answer
    slowest_request: str = ""
    health: float = 0.0  # seconds, the longest that /health took
    health_cpu: float = 0.0  # seconds of processor time that the server used meanwhile, at most
    meanwhile: str = ""  # the requests that were being answered then
    in_flight: dict[int, Request] = field(default_factory=dict)  # by client
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __str__(self) -> str:
        statuses = ", ".join(f"{status}: {count}" for status, count in sorted(self.statuses.items()))
        return (
            f"{self.statuses.total()} requests ({statuses}); the slowest answer took {self.slowest:.1f} s: "
            f"{self.slowest_request[:200]}; /health took {self.health:.3f} s at most, and {self.health_cpu:.3f} s of "
            f"the server's processor time, while others asked {self.meanwhile}"
        )


class Client:
    """One connection, opened again when the manager has closed it."""

    def __init__(self, port: int, authorization: bytes) -> None:
        self._address, self._authorization = ("127.0.0.1", port), authorization
        self._socket: socket.socket | None = None

    def send(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body of the answer. Raises OSError and HTTPException when there is none."""
        data = request.encode(self._authorization, b"127.0.0.1:%d" % self._address[1])
        is_new = self._socket is None
        if self._socket is None:
            self._socket = socket.create_connection(self._address, timeout=TIMEOUT)
        try:
            return self._exchange(self._socket, data, request.method)
        except (OSError, HTTPException):
            self.close()
            if is_new:
                raise
            return self.send(request)  # the manager may close a connection that waits

    def _exchange(self, connection: socket.socket, data: bytes, method: str) -> tuple[int, dict[str, str], bytes]:
        with suppress(BrokenPipeError, ConnectionResetError):  # refused before all of it was sent: the answer is there
            connection.sendall(data)
        answer = HTTPResponse(connection, method=method)
        answer.begin()
        body = answer.read()
        if answer.will_close:
            self.close()
        return answer.status, dict(answer.headers), body

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def check(request: Request, status: int, headers: dict[str, str], body: bytes) -> str | None:
    """Return what is wrong with an answer; None when nothing is."""
    if status >= 500 and not (status == 503 and "Retry-After" in {name.title() for name in headers}):
        return f"{status} {body[:500]!r}"
    if b"Invalid HTTP request" in body or status in (304,):
        return None
    is_json = headers.get("content-type", "").startswith("application/json")
    if request.method != "HEAD" and (is_json or status >= 400) and body:
        try:
            content = json.loads(body.decode(), parse_constant=_refuse)
        except ValueError as error:
            return f"{status}, and the answer is not JSON ({error}): {body[:300]!r}"
        if status >= 400 and not (isinstance(content, dict) and content.get("message")):
            return f"{status} without a message: {body[:300]!r}"
    return None


def _refuse(name: str) -> None:
    raise ValueError(name)


def send_all(
    requests: Requests, numbers: Sequence[int], port: int, authorization: bytes, report: Report, clients: int = 4
) -> None:
    """Send the requests of these numbers, by several clients at the same time."""

    def work(index: int) -> None:
        client = Client(port, authorization)
        for number in numbers[index::clients]:
            request = requests.make(number)
            with report.lock:
                report.in_flight[index] = request
            _send(client, request, report)
        client.close()

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(work, range(clients)))


def _send(client: Client, request: Request, report: Report) -> None:
    start = time.monotonic()
    try:
        status, headers, body = client.send(request)
        problem = check(request, status, headers, body)
        name = str(status)
    except (OSError, HTTPException) as error:
        problem, name = f"the connection broke: {error!r}", FAILED
    seconds = time.monotonic() - start
    with report.lock:
        report.statuses[name] += 1
        if problem:
            report.failures.append(f"{problem}\n  {request.show()}")
        if seconds > report.slowest:
            report.slowest, report.slowest_request = seconds, request.show()


@contextmanager
def watching_health(port: int, server: psutil.Process, report: Report) -> Iterator[None]:
    """Ask for /health all the while."""
    stop = threading.Event()

    def cpu_seconds() -> float:
        times = server.cpu_times()
        return times.user + times.system

    def watch() -> None:
        client = Client(port, b"x")
        request = Request(-1, "GET", b"/health", (), b"")
        while not stop.wait(HEALTH_INTERVAL):
            start, cpu_start = time.monotonic(), cpu_seconds()
            try:
                client.send(request)
            except (OSError, HTTPException) as error:
                with report.lock:
                    report.failures.append(f"/health: {error!r}")
            seconds = time.monotonic() - start
            report.health_cpu = max(report.health_cpu, cpu_seconds() - cpu_start)
            if seconds > report.health:
                with report.lock:
                    others = "; ".join(f"{each.show()[:200]}" for each in report.in_flight.values())
                report.health, report.meanwhile = seconds, others

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
