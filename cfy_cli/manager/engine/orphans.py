"""Processes that outlived the worker that started them."""

import os
import signal
import time
from collections.abc import Collection
from contextlib import suppress

import psutil

from cfy_cli.manager.engine.machine import machine_id
from cfy_cli.manager.engine.ports import ProcessIdentity
from cfy_cli.manager.engine.process import KILL_TIMEOUT
from cfy_cli.manager.engine.process_tree import find_by_operation_id, find_by_variable, kill_tree

CLOCK_TOLERANCE = 2.0  # seconds that a start time may change when the clock of the system is adjusted
POLL_INTERVAL = 0.01  # seconds
WORKER_VARIABLE = "CFY_OPERATIONS_WORKER"  # the environment variable of all processes that a worker of Celery starts


def identify(pid: int) -> ProcessIdentity:
    """Return the identity of a running process, with an empty start time when there is none."""
    started = start_time(pid)
    return ProcessIdentity(pid, f"{started}@{machine_id()}" if started else "")


def start_time(pid: int) -> str:
    """Return the seconds since the epoch at which a process started, or "" when it has ended."""
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        with process.oneshot():
            if process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
                return f"{process.create_time():.2f}"
    return ""


def is_alive(process: ProcessIdentity) -> bool:
    return _is_here(process) and _is_same(process.start_time.partition("@")[0], start_time(process.pid))


def kill(processes: Collection[ProcessIdentity], operation_ids: Collection[str]) -> None:
    """Kill the rest of these sessions and all processes of these operations, and wait until they are gone.

    Those of other machines are left alone: here, other processes have their ids.
    The pid of a session leader that has ended is not reused while members of its session live. A process whose start
    time has the format of an earlier version counts as another one; it is found by the id of its operation.
    """
    _kill(processes, find_by_operation_id(operation_ids))


def kill_of_worker(name: str) -> None:
    """Kill all processes of operations that a worker of this name has started, and wait until they are gone."""
    _kill((), find_by_variable(WORKER_VARIABLE, [name]))


def _kill(processes: Collection[ProcessIdentity], others: Collection[int]) -> None:
    leaders = [process for process in processes if _is_here(process) and _may_be_left(process)]
    for leader in leaders:
        kill_tree(leader.pid)
    daemons = [identify(pid) for pid in others]
    for daemon in daemons:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(daemon.pid, signal.SIGKILL)
    deadline = time.monotonic() + KILL_TIMEOUT
    while any(map(is_alive, [*leaders, *daemons])) and time.monotonic() < deadline:
        time.sleep(POLL_INTERVAL)


def _may_be_left(process: ProcessIdentity) -> bool:
    return start_time(process.pid) == "" or is_alive(process)


def _is_here(process: ProcessIdentity) -> bool:
    """Tell whether a process was started on this machine, as far as is known: earlier versions stored no machine."""
    return process.start_time.partition("@")[2] in ("", machine_id())


def _is_same(expected: str, actual: str) -> bool:
    try:
        return abs(float(expected) - float(actual)) <= CLOCK_TOLERANCE
    except ValueError:  # one is empty, or was stored by an earlier version
        return False
