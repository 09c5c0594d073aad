"""The supervisor's side of its child processes: the server and the workers.

They are forked, so that they share the modules that the supervisor has imported for them.
"""

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from cfy_cli.errors import CfyError
from cfy_cli.manager import process_secrets
from cfy_cli.manager.control import tail
from cfy_cli.manager.heartbeat import Heartbeat
from cfy_cli.manager.settings import ManagerSettings

MIN_UPTIME = 10.0  # seconds; a child that exits sooner counts as crashing in a row
RESTART_DELAY, MAX_RESTART_DELAY = 0.25, 30.0  # seconds, doubled from crash to crash
READY = "ready\n"
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
Run = Callable[[str, ManagerSettings, dict[str, int]], None]


class Child:
    """A running child and the supervisor's ends of its pipes."""

    def __init__(
        self, name: str, settings: ManagerSettings, run: Run, descriptors: Mapping[str, int], crashes: int = 0
    ) -> None:
        """Start a process that calls `run`.

        Of the open files of this process it has only `descriptors`; `crashes` counts those in a row before this start.
        """
        self.name, self.crashes = name, crashes
        self.restart_at: float | None = None  # set once its exit was noticed
        self._ready, ready = os.pipe()
        self._heartbeat = Heartbeat()
        inherited = {**descriptors, "heartbeat": self._heartbeat.child_descriptor, "ready": ready}
        arguments = (run, settings, inherited, _open_descriptors())
        self.process = multiprocessing.get_context("fork").Process(None, _run, name, (name, *arguments), daemon=True)
        try:
            with _blocked_signals():  # until the child no longer handles them as we do
                self.process.start()
        except OSError:
            self.close()
            raise
        finally:
            os.close(ready)
            self._heartbeat.close_child_end()
        self._started_at = time.monotonic()

    @property
    def pid(self) -> int:
        return self.process.pid or 0

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
        return f"{self.name} (pid {self.pid}) exited with {self.process.exitcode} after {uptime:.1f} seconds"

    def schedule_restart(self) -> float:
        """Set `restart_at` and return the delay in seconds."""
        delay = 0.0 if self.crashes == 1 else min(RESTART_DELAY * 2 ** (self.crashes - 2), MAX_RESTART_DELAY)
        self.restart_at = time.monotonic() + delay
        return delay

    def close(self) -> None:
        """Close our ends of its pipes."""
        self._heartbeat.close()
        self.ignore_ready()


def _run(
    name: str, run: Run, settings: ManagerSettings, descriptors: dict[str, int], open_descriptors: set[int]
) -> None:
    """Run a child in this process, which was forked."""
    os.setpgid(0, 0)  # Ctrl-C in a terminal reaches the supervisor alone, which stops its children in order
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    for descriptor in open_descriptors - {0, 1, 2, *descriptors.values()}:
        with suppress(OSError):
            os.close(descriptor)
    process_secrets.remove_secrets(os.environ, settings.secret_variables)
    run(name, settings, descriptors)


def _open_descriptors() -> set[int]:
    return {int(name) for name in os.listdir("/dev/fd")}


@contextmanager
def _blocked_signals() -> Iterator[None]:
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
