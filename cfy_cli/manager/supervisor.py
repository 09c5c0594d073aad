"""The supervisor process of a manager: starts the server and the workers, restarts those that exit, stops them all."""

import json
import logging
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from types import FrameType

from cfy_cli import __version__
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import CfyError
from cfy_cli.manager import process
from cfy_cli.manager.children import Child
from cfy_cli.manager.control import (
    STATE_FILE,
    STOP_TIMEOUT,
    TEMPORARY_FOLDER,
    AlreadyRunning,
    RunningManager,
    is_locked,
    lock_path,
    status,
)
from cfy_cli.manager.engine.operation_user import find_user
from cfy_cli.manager.listener import listen
from cfy_cli.manager.locks import FileLock
from cfy_cli.manager.log_file import LOG_FILE, LogFile
from cfy_cli.manager.process_secrets import protect_process, read_pipe
from cfy_cli.manager.settings import ManagerSettings
from cfy_cli.manager.store.files import incoming_folder
from cfy_cli.manager.wakeup import WakeupPipe

log = logging.getLogger(__name__)
POLL_INTERVAL = 0.2  # seconds
HEARTBEAT_TIMEOUT = 60.0  # seconds; a child that is merely busy still sends heartbeats
MAX_SERVER_CRASHES = 8  # in a row; restarting it again does not help


class Supervisor:
    """Owner of the data folder's lock, the listening socket and all child processes."""

    def __init__(self, settings: ManagerSettings) -> None:
        """Lock the data folder and bind the port. Raises AlreadyRunning or CfyError."""
        self._settings = settings
        self._lock = _lock(settings.data_dir)
        try:
            self._socket = listen(settings) if settings.runs("server") else None
        except CfyError:
            self._lock.release()
            raise
        self._state_file.unlink(missing_ok=True)  # it described a manager that was killed
        self._work_available, self._execution_ended = WakeupPipe.create(), WakeupPipe.create()
        self._parent_pipe = os.pipe()  # children exit when our end of it closes, however we exit
        self._children: dict[str, Child] = {}
        self._stopping = False
        self._is_state_written = True
        self._state_version: tuple[int, int, int] | None = None

    @property
    def _state_file(self) -> Path:
        return self._settings.data_dir / STATE_FILE

    def start(self) -> RunningManager:
        """Start all children and return once they are ready. Raises CfyError when one of them is not."""
        log_file = self._settings.data_dir / LOG_FILE
        self._remove_temporary_files()
        process.preload(self._settings)
        for name in self._settings.child_names:
            self._children[name] = self._start_child(name)
            if name == "server":
                self._children[name].wait_ready(log_file)  # it creates the database that workers need
        for child in self._children.values():
            child.wait_ready(log_file)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        return self._write_state()  # `cfy manager stop` signals us from now on, so the handlers come first

    def watch(self) -> int:
        """Restart children that exit until a signal stops us. Return an exit code: 1 if the server keeps crashing."""
        limits, log_file = self._settings.limits, LogFile(self._settings.data_dir / LOG_FILE)
        while not self._stopping:
            log_file.rotate(limits.log_file, limits.log_files)
            for child in list(self._children.values()):
                if child.process.is_alive():
                    self._check_heartbeat(child)
                elif not self._restart(child):
                    return 1
            if not self._is_state_written or self._is_state_changed():
                with suppress(CfyError):  # the disk is full: try again
                    self._write_state()
            time.sleep(POLL_INTERVAL)
        return 0

    def end(self) -> None:
        """Terminate every child, and kill those that have not exited in time."""
        for child in self._children.values():
            child.process.terminate()
        deadline = time.monotonic() + STOP_TIMEOUT
        for child in self._children.values():
            child.process.join(max(0.1, deadline - time.monotonic()))
            if child.process.is_alive():
                child.process.kill()
                child.process.join()
        self._state_file.unlink(missing_ok=True)
        self._remove_temporary_files()

    def abort(self) -> None:
        """Stop a start that failed and release the data folder."""
        self.end()
        self._lock.release()

    def _remove_temporary_files(self) -> None:
        """Remove what killed children had been writing or receiving, but nothing of those that are still exiting."""
        temporary = self._settings.data_dir / TEMPORARY_FOLDER
        exited = [name for name in _list_folder(temporary) if not is_locked(self._settings.data_dir, name)]
        for name in exited:
            shutil.rmtree(temporary / name, ignore_errors=True)
        with suppress(OSError):  # not empty, or missing
            temporary.rmdir()
        if not is_locked(self._settings.data_dir, "server"):
            shutil.rmtree(incoming_folder(self._settings.files, "", self._settings.storage), ignore_errors=True)

    def _start_child(self, name: str, crashes: int = 0) -> Child:
        descriptors = {
            "parent": self._parent_pipe[0],
            **self._work_available.descriptors("work_available"),
            **self._execution_ended.descriptors("execution_ended"),
        }
        if name == "server" and self._socket:  # an exiting worker would keep the port from the next supervisor
            descriptors["listener"] = self._socket.fileno()
        return Child(name, self._actual_settings(), process.run, descriptors, crashes)

    def _check_heartbeat(self, child: Child) -> None:
        """Kill a child that hangs, so that its work can be taken over."""
        silence = child.poll_heartbeat() * POLL_INTERVAL
        if silence > HEARTBEAT_TIMEOUT:
            log.error("%s (pid %s) hangs: no heartbeat for %.0f seconds; killing it", child.name, child.pid, silence)
            child.process.kill()

    def _restart(self, child: Child) -> bool:
        """Start an exited child again when its delay is over. Return False when the server keeps crashing."""
        if child.restart_at is None:
            description = child.record_exit()
            if child.name == "server" and child.crashes >= MAX_SERVER_CRASHES:
                log.error("%s, %s times in a row; giving up", description, child.crashes)
                return False
            log.error("%s; restarting it in %g seconds", description, child.schedule_restart())
        if time.monotonic() < (child.restart_at or 0.0):
            return True
        self._is_state_written = False
        try:
            started = self._start_child(child.name, child.crashes)
        except OSError as error:
            log.error("%s cannot be started: %s", child.name, error)
            child.restart_at = None
            return True
        child.close()
        started.ignore_ready()  # other children may crash meanwhile; it logs itself why it does not start
        self._children[child.name] = started
        return True

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _actual_settings(self) -> ManagerSettings:
        """Return the settings with the address and port that were bound."""
        if self._socket is None:
            return replace(self._settings, port=0)
        host, port = self._socket.getsockname()[:2]
        return replace(
            self._settings, host=host, port=port, server_names=(*self._settings.server_names, self._settings.host)
        )

    def _write_state(self) -> RunningManager:
        settings = self._actual_settings()
        running = RunningManager(
            pid=os.getpid(),
            host=settings.host,
            port=settings.port,
            data_dir=str(settings.data_dir),
            database=_without_password(settings.database),
            version=__version__,
            started_at=now(),
            server=self._children["server"].pid if "server" in self._children else 0,
            workers=tuple(child.pid for name, child in self._children.items() if name != "server"),
            roles=settings.roles,
        )
        temporary = self._state_file.with_suffix(".new")
        try:
            temporary.write_text(json.dumps(asdict(running)))
            self._state_version = _file_version(temporary)  # before others can change it
            temporary.replace(self._state_file)
        except OSError as error:
            raise CfyError(f"{self._state_file} cannot be written: {error.strerror}") from error
        self._is_state_written = True
        return running

    def _is_state_changed(self) -> bool:
        """Tell whether the state file was damaged or removed, by a process that is not ours."""
        return _file_version(self._state_file) != self._state_version


def supervise(settings: ManagerSettings, on_ready: Callable[[RunningManager], None]) -> int:
    """Run a manager in this process until a signal stops it, and return an exit code.

    `on_ready` is called once the manager answers requests. Raises AlreadyRunning, or CfyError when it does not start;
    nothing is left running then.
    """
    user = find_user(settings.run_as, settings.data_dir) if settings.run_as else None
    if user:
        user.check_access()
    supervisor = Supervisor(settings)
    try:
        running = supervisor.start()
    except CfyError:
        supervisor.abort()  # before anybody learns of the failure, and starts another
        raise
    except OSError as error:  # such as too many processes
        supervisor.abort()
        raise CfyError(f"The processes of the manager cannot be started: {error.strerror or error}") from error
    try:
        on_ready(running)
        if running.url:
            log.warning("The manager answers at %s", running.url)
        return supervisor.watch()
    finally:
        supervisor.end()


def _lock(data_dir: Path) -> FileLock:
    """Lock the data folder. Raises AlreadyRunning."""
    lock = FileLock(lock_path(data_dir, "manager"))
    while not lock.try_acquire():
        running = status(data_dir)  # None: another process only held a shared lock to check its state
        if running is not None:
            lock.release()
            raise AlreadyRunning(running, data_dir)
        time.sleep(0.01)
    return lock


def _file_version(file: Path) -> tuple[int, int, int] | None:
    with suppress(OSError):
        status = file.stat()
        return status.st_ino, status.st_mtime_ns, status.st_size
    return None


def _list_folder(folder: Path) -> list[str]:
    with suppress(OSError):
        return os.listdir(folder)
    return []


def _without_password(url: str) -> str:
    scheme, _, rest = url.partition("?")[0].partition("://")  # parameters may hold a password too
    login, at, address = rest.rpartition("@")
    return f"{scheme}://{login.partition(':')[0]}@{address}" if at else url


def main() -> int:
    """Run in the background, and report the start as one line of JSON.

    The arguments are the descriptors of the pipe for the report and of the one with the settings.
    """
    logging.basicConfig(format="%(asctime)s supervisor %(levelname)s %(message)s", level=logging.INFO)
    protect_process()
    settings, descriptor = ManagerSettings.from_json(read_pipe(int(sys.argv[2]))), int(sys.argv[1])

    def report(outcome: Mapping[str, object]) -> None:
        with suppress(OSError), os.fdopen(descriptor, "w") as pipe:
            pipe.write(json.dumps(outcome) + "\n")

    try:
        return supervise(settings, lambda running: report(asdict(running)))
    except AlreadyRunning:
        report({"locked": True})
    except CfyError as error:
        log.error("%s", error)
        report({"error": str(error), "hint": error.hint})
    return 1


if __name__ == "__main__":
    sys.exit(main())
