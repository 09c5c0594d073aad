"""All that a process started: its session, what descends from it, and what carries the mark of its operation."""

import os
import signal
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

MARK = "CFY_OPERATION_ID"  # the variable by which the processes of an operation are known
PROC = Path("/proc")


def kill_tree(leader: int, mark: str = "") -> None:
    """End a process that leads a session and all that it started, daemons too."""
    killed: set[int] = set()
    while found := _tree(leader, mark) - killed:  # once more for those that came while we looked
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGKILL)
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        killed |= found


def marked(marks: Collection[str]) -> set[int]:
    """Processes with one of these marks in their environment, where the system shows it."""
    found = set()
    wanted = {f"{MARK}={mark}".encode() for mark in marks if mark}
    for path in PROC.glob("[0-9]*/environ") if wanted else ():
        with suppress(OSError):
            if not wanted.isdisjoint(path.read_bytes().split(b"\0")):
                found.add(int(path.parent.name))
    return found - {os.getpid()}


def _tree(leader: int, mark: str) -> set[int]:
    table = list(_processes())
    found = {leader} | {pid for pid, _, session in table if session == leader} | marked([mark])
    while below := {pid for pid, parent, _ in table if parent in found} - found:
        found |= below
    return found


def _processes() -> Iterator[tuple[int, int, int]]:
    """Each process with its parent and its session, where the system tells them."""
    for entry in PROC.glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):
            _, parent, _, session = entry.read_text().rpartition(")")[2].split()[:4]
            yield int(entry.parent.name), int(parent), int(session)
