"""Managers in processes of their own: starting them, sending requests, looking at their processes."""

import functools
import itertools
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TypedDict, Unpack

import requests

from cfy_cli.contract.limits import Limits
from cfy_cli.manager import control
from cfy_cli.manager.control import RunningManager
from cfy_cli.manager.settings import ManagerSettings


class RequestOptions(TypedDict, total=False):
    json: object
    data: bytes


@functools.cache
def _ports() -> Iterator[int]:
    """Yield ports that the system gives to no connection, from another one on in each process of the tests."""
    first = os.getpid() * 101 % 20_000
    return itertools.cycle(10_000 + (first + number) % 20_000 for number in range(20_000))


def find_free_port() -> int:
    for port in _ports():
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("unreachable")


def start(
    data_dir: Path,
    *,
    port: int = 0,
    workers: int = 1,
    database_url: str = "",
    storage: str = "",
    limits: Limits | None = None,
) -> RunningManager:
    """Start a manager at a free port."""
    settings = ManagerSettings(
        data_dir, port=port or find_free_port(), workers=workers, database_url=database_url, storage=storage
    )
    return control.start(replace(settings, limits=limits or settings.limits))


def request(
    running: RunningManager, data_dir: Path, path: str, method: str = "GET", **options: Unpack[RequestOptions]
) -> requests.Response:
    admin = json.loads((data_dir / "admin.json").read_text())
    return requests.request(
        method,
        f"{running.url}/api/v3.1{path}",
        auth=(admin["username"], admin["password"]),
        timeout=60,
        **options,  # type: ignore[arg-type]
    )


def is_alive(pid: int) -> bool:
    """Return whether the process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the latter between opening and reading
        return False


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def child_pids(pid: int) -> set[int]:
    return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def all_pids(running: RunningManager) -> tuple[int, ...]:
    return (running.pid, running.server, *running.workers)


def kill(pids: Iterable[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):  # a child may have noticed the death of the one before it
            os.kill(pid, signal.SIGKILL)


def wait_until_exited(pids: Iterable[int]) -> None:
    pids = list(pids)
    wait_until(lambda: not any(map(is_alive, pids)))
