"""The supervisor's side of its child processes: the server and the workers."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from cfy_cli.errors import CfyError
from cfy_cli.manager import process_secrets
from cfy_cli.manager.control import tail
from cfy_cli.manager.heartbeat import Heartbeat
from cfy_cli.manager.settings import ManagerSettings

MIN_UPTIME = 10.0  # seconds; a child that exits sooner counts as crashing in a row
RESTART_DELAY, MAX_RESTART_DELAY = 0.25, 30.0  # seconds, doubled from crash to crash
READY = "ready\n"
# The C library keeps what threads have freed unless it is told how much to keep; other platforms ignore this.
ALLOCATOR = {"MALLOC_ARENA_MAX": "2", "MALLOC_TRIM_THRESHOLD_": str(1024**2)}


class Child:
    """A running child and the supervisor's ends of its pipes."""

    def __init__(self, name: str, settings: ManagerSettings, descriptors: Mapping[str, int], crashes: int = 0) -> None:
        """Start the process. `descriptors` are inherited; `crashes` counts those in a row before this start."""
        self.name, self.crashes = name, crashes
        self.restart_at: float | None = None  # set once its exit was noticed
        self._ready, ready = os.pipe()
        self._heartbeat = Heartbeat()
        settings_pipe = process_secrets.open_pipe(settings.to_json())
        own = {"heartbeat": self._heartbeat.child_descriptor, "ready": ready, "settings": settings_pipe}
        inherited = {**descriptors, **own}
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cfy_cli.manager.process", name, json.dumps(inherited)],
                pass_fds=list(inherited.values()),
                env={
                    **process_secrets.without_secrets(os.environ, settings.secret_variables),
                    **(ALLOCATOR if name == "server" else {}),
                },
                process_group=0,  # Ctrl-C in a terminal reaches the supervisor alone, which stops its children in order
            )
        except OSError:
            self.close()
            raise
        finally:
            os.close(ready)
            os.close(settings_pipe)
            self._heartbeat.close_child_end()
        self._started_at = time.monotonic()

    @property
    def pid(self) -> int:
        return self.process.pid

    def wait_ready(self, log_file: Path) -> None:
        """Wait until the child is ready. Raises CfyError with the reason it reports, or when it exits before."""
        descriptor, self._ready = self._ready, -1
        if descriptor < 0:
            return
        with os.fdopen(descriptor) as pipe:
            line = pipe.readline()
        if not line:
            raise CfyError(
                f"The manager did not start: its {self.name} process exited at once",
                hint=f"Its log {log_file} ends with: {tail(log_file, 1)}",
            )
        if line != READY:
            report = json.loads(line)
            raise CfyError(report["error"], hint=report.get("hint"))

    def ignore_ready(self) -> None:
        """Do not wait until the child is ready."""
        if self._ready >= 0:
            os.close(self._ready)
            self._ready = -1

    def poll_heartbeat(self) -> int:
        """Return how many consecutive polls have found no heartbeat."""
        self._heartbeat.poll()
        return self._heartbeat.missed

    def record_exit(self) -> str:
        """Count the exit as a crash in a row, or as the first, and describe it for the log."""
        uptime = time.monotonic() - self._started_at
        self.crashes = self.crashes + 1 if uptime < MIN_UPTIME else 1
        return f"{self.name} (pid {self.pid}) exited with {self.process.returncode} after {uptime:.1f} seconds"

    def schedule_restart(self) -> float:
        """Set `restart_at` and return the delay in seconds."""
        delay = 0.0 if self.crashes == 1 else min(RESTART_DELAY * 2 ** (self.crashes - 2), MAX_RESTART_DELAY)
        self.restart_at = time.monotonic() + delay
        return delay

    def close(self) -> None:
        """Close our ends of its pipes."""
        self._heartbeat.close()
        self.ignore_ready()
