"""The manager's processes: started, watched and ended together. Needs nothing but the standard library.

One supervisor holds the lock of the data folder and the listening socket. It starts a server and the workers, starts
again what dies, and ends them all. What it knows of itself stands in manager.json in the data folder.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from cfy_cli.errors import CfyError, Conflict
from cfy_cli.manager.settings import ManagerSettings

STATE, LOG = "manager.json", "logs/manager.log"
TEMPORARY = "tmp"  # holds a folder for each child
SETTINGS = "CFY_MANAGER_SETTINGS"  # not argv: a database address may hold a password
START_SECONDS = 60.0
STOP_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class RunningManager:
    """A manager that runs: who and where it is."""

    pid: int
    host: str
    port: int
    data_dir: str
    database: str  # without its password
    version: str
    started_at: str
    server: int  # process ids
    workers: tuple[int, ...]

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"


class AlreadyRunning(Conflict):
    """Another manager has the data folder."""

    def __init__(self, running: RunningManager | None, data_dir: Path) -> None:
        where = f" at {running.url} (pid {running.pid})" if running else ""
        super().__init__(
            f"A manager already runs on {data_dir}{where}",
            hint="Use it, stop it with `cfy manager stop`, or give another folder with --data-dir.",
        )
        self.running = running


def start(settings: ManagerSettings) -> RunningManager:
    """Start in the background; it answers requests when this returns. Raises AlreadyRunning or a sentence why not."""
    log = prepare_folder(settings.data_dir)
    found = status(settings.data_dir)
    if found is not None:
        raise AlreadyRunning(found, settings.data_dir)
    read, write = os.pipe()
    with open(log, "ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "cfy_cli.manager.supervisor", str(write)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=[write],
            env={**os.environ, SETTINGS: serialize_settings(settings)},
            cwd="/",
        )
    os.close(write)
    with os.fdopen(read) as report:
        return _outcome(_first_line(report, child), settings, log)


def stop(data_dir: Path) -> RunningManager | None:
    """End every process of the manager and return what ran; None when none did. Raises when it does not end."""
    found = status(data_dir)
    if found is None:
        return None
    with suppress(ProcessLookupError):
        os.kill(found.pid, signal.SIGTERM)
    until = time.monotonic() + STOP_SECONDS + 5
    while is_locked(data_dir) or not _gone(found.pid):
        if time.monotonic() > until:
            raise CfyError(f"The manager (pid {found.pid}) does not end", hint=f"Look into {data_dir / LOG}")
        time.sleep(0.02)
    return found


def status(data_dir: Path) -> RunningManager | None:
    """What runs on a data folder. The lock decides: a file left by a crash is not believed."""
    for _ in range(100):  # between its lock and its file a manager is still starting
        if not is_locked(data_dir):
            return None
        with suppress(OSError, ValueError, TypeError):
            known = json.loads((data_dir / STATE).read_text())
            running = RunningManager(**{**known, "workers": tuple(known["workers"])})
            if not _gone(running.pid):  # else a child that it was about to start still lets go of its lock
                return running
        time.sleep(0.1)
    raise CfyError(
        f"The manager on {data_dir} is still starting, or starting badly", hint=f"Look into {data_dir / LOG}"
    )


def lock_path(data_dir: Path, name: str) -> Path:
    """What the child of that name holds while it lives."""
    return data_dir / f"{name}.lock"


def is_locked(data_dir: Path, name: str = "manager") -> bool:
    try:
        with open(lock_path(data_dir, name)) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except BlockingIOError:
        return True
    except OSError:
        return False


def _gone(pid: int) -> bool:
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # when it is our own child, somebody has to take note of its end
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return True  # the number is somebody else's by now
    return False


def prepare_folder(data_dir: Path) -> Path:
    """Make the folder and return its log file. Raises a sentence when it cannot be written to."""
    log = data_dir / LOG
    try:
        missing = [folder for folder in (data_dir, *data_dir.parents) if not folder.exists()]
        for folder in reversed(missing):  # each of them for its owner alone
            folder.mkdir(mode=0o700, exist_ok=True)
        log.parent.mkdir(mode=0o700, exist_ok=True)
        with open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab"):
            pass
        with open(lock_path(data_dir, "manager"), "a"):
            pass
    except OSError as error:
        raise CfyError(
            f"The data folder {data_dir} cannot be used: {error.strerror}", hint="Give another one with --data-dir."
        ) from error
    if log.stat().st_size > 20 * 1024 * 1024:
        log.replace(log.with_suffix(".log.1"))
    return log


def serialize_settings(settings: ManagerSettings) -> str:
    return json.dumps({**asdict(settings), "data_dir": str(settings.data_dir)})


def parse_settings(text: str) -> ManagerSettings:
    known = json.loads(text)
    return ManagerSettings(**{**known, "data_dir": Path(known["data_dir"])})


def _first_line(report: IO[str], child: "subprocess.Popen[bytes]") -> str:
    """What the supervisor says of its start: one line, or nothing when it died before it could."""
    timer = _Alarm(child)
    try:
        return report.readline()
    finally:
        timer.cancel()


def _outcome(line: str, settings: ManagerSettings, log: Path) -> RunningManager:
    if not line:
        raise CfyError("The manager did not start", hint=f"Its log {log} ends so:\n{tail(log)}")
    said = json.loads(line)
    if said.get("locked"):
        raise AlreadyRunning(status(settings.data_dir), settings.data_dir)
    if "error" in said:
        raise CfyError(said["error"], hint=said.get("hint"))
    return RunningManager(**{**said, "workers": tuple(said["workers"])})


def tail(log: Path, lines: int = 8) -> str:
    with suppress(OSError), open(log, "rb") as file:
        file.seek(max(0, log.stat().st_size - 8192))
        return b"\n".join(file.read().splitlines()[-lines:]).decode(errors="replace")
    return ""


class _Alarm:
    """Ends a start that takes too long; the pipe then closes and the wait is over."""

    def __init__(self, child: "subprocess.Popen[bytes]") -> None:
        import threading

        self._timer = threading.Timer(START_SECONDS, child.terminate)
        self._timer.daemon = True
        self._timer.start()

    def cancel(self) -> None:
        self._timer.cancel()
