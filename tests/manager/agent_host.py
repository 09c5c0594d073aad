"""The host of an agent: a home folder, and a shell that runs scripts in it."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil


class Host:
    """The home of an agent."""

    def __init__(self, home: Path) -> None:
        home.mkdir()
        self.home, self.program = home, home / "cfy"
        self.program.write_text(f'#!/bin/sh\nexec {sys.executable} -m cfy_cli "$@"\n')
        self.program.chmod(0o755)

    def run(self, script: str) -> None:
        environment = {**os.environ, "HOME": str(self.home), "CFY_AGENT_PROGRAM": str(self.program)}
        subprocess.run(["sh"], check=True, input=script.encode(), env=environment, stdout=subprocess.DEVNULL)

    @property
    def pid(self) -> int:
        (status,) = self.home.glob(".cfy-agents/*/status.json")
        return int(json.loads(status.read_text())["pid"])

    def is_started(self) -> bool:
        return bool(list(self.home.glob(".cfy-agents/*/status.json")))


def kill_trees(pids: list[int]) -> None:
    """Kill processes with all that they have started, as when their machine loses its power."""
    processes: dict[int, psutil.Process] = {}
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            process.suspend()  # it must not start anything again
            processes[pid] = process
    for process in list(processes.values()):
        with suppress(psutil.NoSuchProcess):
            for child in process.children(recursive=True):
                processes.setdefault(child.pid, child)
    for process in processes.values():
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(list(processes.values()), timeout=30)
