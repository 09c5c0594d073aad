"""Start, stop and status of a manager on this machine. Needs nothing but the standard library.

One supervisor holds the lock of the data folder and the listening socket. It starts a server and the workers, restarts
those that exit, and stops them all. It describes itself in manager.json in the data folder.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cfy_cli.contract.manager_roles import ROLES
from cfy_cli.errors import CfyError, Conflict, Usage
from cfy_cli.manager import data_folder, locks, process_secrets
from cfy_cli.manager.engine.operation_user import find_user
from cfy_cli.manager.log_file import LOG_FILE
from cfy_cli.manager.settings import ManagerSettings

STATE_FILE = "manager.json"
TEMPORARY_FOLDER = "tmp"  # holds a folder for each child
START_TIMEOUT = 60.0  # seconds
STOP_TIMEOUT = 20.0  # seconds; then the supervisor kills its children
KILL_TIMEOUT = 5.0  # seconds for the supervisor to exit after that
STATUS_ATTEMPTS, STATUS_INTERVAL = 100, 0.1  # seconds; a supervisor holds its lock before it writes its state


@dataclass(frozen=True, slots=True)
class RunningManager:
    """Address and process ids of a running manager."""

    pid: int  # of the supervisor
    host: str
    port: int
    data_dir: str
    database: str  # without its password
    version: str
    started_at: str
    server: int  # process id; 0 when its roles include no server
    workers: tuple[int, ...]  # process ids, of the scheduler too
    roles: tuple[str, ...] = ROLES

    @property
    def url(self) -> str:
        """The address that it answers at; empty without a server."""
        return f"http://{self.host}:{self.port}" if self.server else ""


class AlreadyRunning(Conflict):
    """Another manager holds the lock of the data folder."""

    def __init__(self, running: RunningManager | None, data_dir: Path) -> None:
        address = f" at {running.url}" if running and running.url else ""
        where = f"{address} (pid {running.pid})" if running else ""
        super().__init__(
            f"A manager already runs on {data_dir}{where}",
            hint="Use it, stop it with `cfy manager stop`, or give another folder with --data-dir.",
        )
        self.running = running


def start(settings: ManagerSettings, note: Callable[[str], None] = lambda _: None) -> RunningManager:
    """Start a manager in the background and return once it answers requests; `note` is told what else was done.

    Raises AlreadyRunning, or CfyError with the reason why it did not start.
    """
    log_file = prepare(settings, note)
    running = status(settings.data_dir)
    if running is not None:
        raise AlreadyRunning(running, settings.data_dir)
    process_secrets.erase_secrets(os.environ, settings.secret_arguments, settings.secret_variables)
    read, write = os.pipe()
    settings_pipe = process_secrets.open_pipe(settings.to_json())
    with open(log_file, "ab") as output:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "cfy_cli.manager.supervisor", str(write), str(settings_pipe)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=[write, settings_pipe],
            env=process_secrets.without_secrets(os.environ, settings.secret_variables),
            cwd="/",
        )
    os.close(write)
    os.close(settings_pipe)
    with os.fdopen(read) as pipe:
        return _parse_report(_read_report(pipe, supervisor), settings, log_file)


def stop(data_dir: Path) -> RunningManager | None:
    """Stop every process of the manager and return what ran, None if nothing did. Raises CfyError on a timeout."""
    running = status(data_dir)
    if running is None:
        return None
    with suppress(ProcessLookupError):
        os.kill(running.pid, signal.SIGTERM)
    timeout = STOP_TIMEOUT + KILL_TIMEOUT
    deadline = time.monotonic() + timeout
    while is_locked(data_dir) or not _has_exited(running.pid):
        if time.monotonic() > deadline:
            raise CfyError(
                f"The manager (pid {running.pid}) has not stopped within {timeout:g} seconds",
                hint=f"See its log {data_dir / LOG_FILE}",
            )
        time.sleep(0.02)
    return running


def status(data_dir: Path) -> RunningManager | None:
    """Return the manager that runs on a data folder, None if none does.

    The lock decides, not the state file: a crash leaves the file behind.
    """
    for _ in range(STATUS_ATTEMPTS):
        if not is_locked(data_dir):
            return None
        with suppress(OSError, ValueError, TypeError, KeyError):
            running = _parse_state((data_dir / STATE_FILE).read_text())
            if not _has_exited(running.pid):  # else a child that it was forking still holds the inherited lock
                return running
        time.sleep(STATUS_INTERVAL)
    raise CfyError(
        f"A manager holds the lock of {data_dir}, but does not report that it has started",
        hint=f"See its log {data_dir / LOG_FILE}",
    )


def lock_path(data_dir: Path, name: str) -> Path:
    """Return the file whose lock the process of that name holds while it runs."""
    return data_dir / f"{name}.lock"


def is_locked(data_dir: Path, name: str = "manager") -> bool:
    return locks.is_locked(lock_path(data_dir, name))


def _has_exited(pid: int) -> bool:
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # reaps it if it is our own child
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return True  # the process id belongs to another user's process by now
    return False


def prepare(settings: ManagerSettings, note: Callable[[str], None] = lambda _: None) -> Path:
    """Prepare the data folder for a manager with these settings. Raises CfyError when that is impossible."""
    check_roles(settings)
    user = find_user(settings.run_as, settings.data_dir) if settings.run_as else None
    return prepare_folder(settings.data_dir, note, user.gid if user else None)


def check_roles(settings: ManagerSettings) -> None:
    """Raise Usage when a role is missing here that nothing else can have."""
    missing = [role for role in ROLES if not settings.runs(role)]
    if missing and settings.is_sqlite:
        raise Usage(
            f"Without the role `{missing[0]}` a manager needs a database that several machines reach: PostgreSQL",
            hint="Give --database postgresql://USER@HOST/NAME, or all roles: cfy manager start --role all",
        )


def prepare_folder(data_dir: Path, note: Callable[[str], None] = lambda _: None, readers: int | None = None) -> Path:
    """Create the data folder, or take the permissions of others from what is in it; return its log file.

    The group `readers` keeps what it was given. Raises CfyError when the folder cannot be written to.
    """
    log_file = data_dir / LOG_FILE
    try:
        count = data_folder.protect(data_dir, readers)
        if count:
            note(f"Other users had permissions in {data_dir}: {count} files and folders are now its owner's only.")
        missing = [folder for folder in (data_dir, *data_dir.parents) if not folder.exists()]
        for folder in reversed(missing):  # one by one, since `parents=True` ignores the mode for parents
            folder.mkdir(mode=0o700, exist_ok=True)
        log_file.parent.mkdir(mode=0o700, exist_ok=True)
        with open(os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab"):
            pass
        locks.FileLock(lock_path(data_dir, "manager")).release()
    except OSError as error:
        raise CfyError(
            f"The data folder {data_dir} cannot be used: {error.strerror}",
            hint="Give another one: cfy manager start --data-dir FOLDER, or set CFY_WORKDIR.",
        ) from error
    return log_file


def _read_report(pipe: IO[str], supervisor: "subprocess.Popen[bytes]") -> str:
    """Return the line by which the supervisor reports its start, empty if it exited before or took too long."""
    import threading  # not needed by commands that start nothing

    timer = threading.Timer(START_TIMEOUT, supervisor.terminate)
    timer.daemon = True
    timer.start()
    try:
        return pipe.readline()
    finally:
        timer.cancel()


def _parse_report(line: str, settings: ManagerSettings, log_file: Path) -> RunningManager:
    if not line:
        raise CfyError("The manager did not start", hint=f"The last lines of its log {log_file}:\n{tail(log_file)}")
    report = json.loads(line)
    if report.get("locked"):
        raise AlreadyRunning(status(settings.data_dir), settings.data_dir)
    if "error" in report:
        raise CfyError(report["error"], hint=report.get("hint"))
    return _parse_state(line)


def _parse_state(text: str) -> RunningManager:
    fields = json.loads(text)
    running = RunningManager(
        **{**fields, "workers": tuple(fields["workers"]), "roles": tuple(fields.get("roles", ROLES))}
    )
    if not isinstance(running.pid, int) or running.pid <= 1:  # signals to others would reach more than one process
        raise ValueError(f"{running.pid} is no process id of a manager")
    return running


def tail(log_file: Path, lines: int = 8) -> str:
    """Return the last lines of a file, empty when it cannot be read."""
    with suppress(OSError), open(log_file, "rb") as file:
        file.seek(max(0, log_file.stat().st_size - 8192))
        return b"\n".join(file.read().splitlines()[-lines:]).decode(errors="replace")
    return ""
