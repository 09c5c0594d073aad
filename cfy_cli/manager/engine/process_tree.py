"""All processes that an operation started: its session, their descendants, and those that have its id."""

import os
import signal
from collections.abc import Collection
from contextlib import suppress

import psutil

OPERATION_ID_VARIABLE = "CFY_OPERATION_ID"  # the environment variable of all processes of an operation


def kill_tree(leader: int, operation_id: str = "") -> None:
    """Kill a process that leads a session and all that it started, daemons too."""
    killed: set[int] = set()
    while found := _find_tree(leader, operation_id) - killed:  # again, for processes that started meanwhile
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGKILL)
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        killed |= found


def find_by_operation_id(operation_ids: Collection[str]) -> set[int]:
    """Return the processes with one of these operation ids in their environment."""
    return find_by_variable(OPERATION_ID_VARIABLE, operation_ids)


def find_by_variable(variable: str, values: Collection[str]) -> set[int]:
    """Return the processes in whose environment a variable has one of these values."""
    searched = {value for value in values if value}
    if not searched:
        return set()
    found = {process.pid for process in psutil.process_iter() if _read_variable(process, variable) in searched}
    return found - {os.getpid()}


def _find_tree(leader: int, operation_id: str) -> set[int]:
    found, parents = {leader}, dict[int, int]()
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError, PermissionError):
            parents[process.pid] = process.ppid()
            if os.getsid(process.pid) == leader:
                found.add(process.pid)
    found |= find_by_operation_id([operation_id])
    while children := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= children
    return found


def _read_variable(process: psutil.Process, variable: str) -> str | None:
    """Return a variable in the environment of a process, or None when it has none or belongs to another user."""
    try:
        return process.environ().get(variable)
    except (psutil.Error, OSError):
        return None
