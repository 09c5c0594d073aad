"""Processes that outlived whoever started them: which they are, and their end."""

import os
import signal
import subprocess
import time
from collections.abc import Collection
from contextlib import suppress
from functools import cache

from cfy_cli.manager.engine.ports import ProcessIdentity
from cfy_cli.manager.engine.process import PATIENCE
from cfy_cli.manager.engine.process_tree import PROC, kill_tree, marked


def identify(pid: int) -> ProcessIdentity:
    return ProcessIdentity(pid, read_start_time(pid))


def read_start_time(pid: int) -> str:
    """Which process of this number it is: another one of the same number has another birth. "" when there is none."""
    with suppress(OSError, IndexError):
        state, *fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return "" if state in "ZX" else f"{_boot()}/{fields[18]}"
    if PROC.joinpath("self").exists():
        return ""
    told = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return told.stdout.strip()


def is_alive(pid: int, birth: str) -> bool:
    return birth != "" and read_start_time(pid) == birth


def end(processes: Collection[tuple[int, str]], marks: Collection[str]) -> None:
    """Kill what is left of these sessions and all that carries these marks, and see it gone.

    The number of a leader that has ended belongs to no other process while members of its session live.
    """
    ours = [(pid, birth) for pid, birth in processes if read_start_time(pid) in ("", birth)]
    for pid, _ in ours:
        kill_tree(pid)
    daemons = {pid: read_start_time(pid) for pid in marked(set(marks))}
    for pid in daemons:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + PATIENCE
    while any(is_alive(pid, birth) for pid, birth in [*ours, *daemons.items()]) and time.monotonic() < until:
        time.sleep(0.01)


@cache
def _boot() -> str:
    """Births count from the start of the machine, so they are told apart by it too."""
    with suppress(OSError):
        return (PROC / "sys/kernel/random/boot_id").read_text()[:8]
    return ""
