"""The process above all others of a manager: starts server and workers, starts again what dies, ends them all."""

import errno
import fcntl
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import FrameType

from cfy_cli import __version__
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import CfyError
from cfy_cli.manager.control import (
    LOG,
    SETTINGS,
    STATE,
    STOP_SECONDS,
    TEMPORARY,
    AlreadyRunning,
    RunningManager,
    is_locked,
    lock_path,
    parse_settings,
    serialize_settings,
    status,
    tail,
)
from cfy_cli.manager.heartbeat import Heartbeat
from cfy_cli.manager.settings import PORT, ManagerSettings
from cfy_cli.manager.store.files import Files
from cfy_cli.manager.wakeup import WakeupPipe

log = logging.getLogger(__name__)
LOOK_EVERY = 0.2  # seconds
MOST_SILENCE = 60.0  # seconds; a child that is merely busy says something in between
LONG_LIFE = 10.0  # seconds; a child that dies sooner, again and again, is started again later and later
PAUSE, LONGEST_PAUSE = 0.25, 30.0  # seconds, doubled from death to death
MAX_CRASHES = 8  # of the server in a row: starting it again does not help
PREDECESSOR_SECONDS = 15.0  # for what a killed supervisor left to end
Child = subprocess.Popen[bytes]


class Supervisor:
    def __init__(self, settings: ManagerSettings) -> None:
        self._settings = settings
        self._lock = _lock(settings.data_dir)
        try:
            self._socket = _listen(settings)
        except CfyError:
            self._lock.close()
            raise
        (settings.data_dir / STATE).unlink(missing_ok=True)  # it told of one that was killed
        self._work_available, self._execution_ended = WakeupPipe.create(), WakeupPipe.create()
        self._life = os.pipe()  # children end when our end closes, however we die
        self._children: dict[str, Child] = {}
        self._pipes: dict[str, int] = {}  # where a child says that it is ready
        self._pulses: dict[str, Heartbeat] = {}
        self._born: dict[str, float] = {}
        self._deaths: dict[str, int] = {}  # in a row, each after a short life
        self._due: dict[str, float] = {}  # when a dead one is started again
        self._stopping = False
        self._told = True  # whether what stands in the state file is true

    def start(self) -> RunningManager:
        """Server first: it makes the database that workers need."""
        self._sweep()
        self._start_child("server")
        for number in range(self._settings.worker_count):
            self._start_child(f"worker-{number}", wait=False)
        for name in self._children:
            self._wait_ready(name)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        return self._write_state()  # from now on it is known whom to stop

    def watch(self) -> int:
        """Until told to stop, or until a child cannot be kept alive."""
        while not self._stopping:
            for name, child in list(self._children.items()):
                if child.poll() is None:
                    self._listen(name, child)
                elif not self._restart(name):
                    return 1
            if not self._told:
                with suppress(CfyError):  # a full disk is waited for
                    self._write_state()
            time.sleep(LOOK_EVERY)
        return 0

    def end(self) -> None:
        """End every child, gently at first."""
        for child in self._children.values():
            with suppress(ProcessLookupError):
                child.terminate()
        until = time.monotonic() + STOP_SECONDS
        for child in self._children.values():
            try:
                child.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        (self._settings.data_dir / STATE).unlink(missing_ok=True)
        self._sweep()

    def _sweep(self) -> None:
        """Nothing is left of what killed children had begun to write or to receive; those still ending keep theirs."""
        ended = [name for name in _folders(self._settings) if not is_locked(self._settings.data_dir, name)]
        for name in ended:
            shutil.rmtree(self._settings.data_dir / TEMPORARY / name, ignore_errors=True)
        with suppress(OSError):  # not empty, or not there
            (self._settings.data_dir / TEMPORARY).rmdir()
        if not is_locked(self._settings.data_dir, "server"):
            shutil.rmtree(Files(self._settings.files).incoming, ignore_errors=True)

    def give_up(self) -> None:
        """End a start that failed, and leave the folder to others. Otherwise our own end does that."""
        self.end()
        self._lock.close()

    def _start_child(self, name: str, *, wait: bool = True) -> None:
        ready, said = os.pipe()
        pulse = self._pulses[name] = Heartbeat()
        descriptors = {
            "pulse": pulse.handle,
            "life": self._life[0],
            "ready": said,
            **self._work_available.named("work_available"),
            **self._execution_ended.named("execution_ended"),
        }
        if name == "server":  # nobody else keeps the port from whoever starts us again
            descriptors["socket"] = self._socket.fileno()
        self._children[name] = subprocess.Popen(
            [sys.executable, "-m", "cfy_cli.manager.process", name, json.dumps(descriptors)],
            pass_fds=list(descriptors.values()),
            env={**os.environ, SETTINGS: serialize_settings(self._actual())},
            process_group=0,  # Ctrl-C in a terminal is for us; we end them in their order
        )
        self._born[name] = time.monotonic()
        os.close(said)
        pulse.leave_to_child()
        self._pipes[name] = ready
        if wait:
            self._wait_ready(name)

    def _wait_ready(self, name: str) -> None:
        """A child says `ready`, or an error as JSON, or dies."""
        handle = self._pipes.pop(name, None)
        if handle is None:
            return
        with os.fdopen(handle) as pipe:
            line = pipe.readline()
        if line != "ready\n":
            log = self._settings.data_dir / LOG
            said = (
                json.loads(line)
                if line
                else {
                    "error": f"The manager did not start: its {name} process ended at once",
                    "hint": f"The log {log} ends with: {tail(log, 1)}",
                }
            )
            raise CfyError(said["error"], hint=said.get("hint"))

    def _listen(self, name: str, child: Child) -> None:
        """Who has stopped without ending is ended: then somebody else goes on with its work."""
        pulse = self._pulses[name]
        pulse.listen()
        silence = pulse.silent * LOOK_EVERY
        if silence > MOST_SILENCE:
            log.error(
                "%s (pid %s) has stopped: it says nothing for %.0f seconds; it is ended", name, child.pid, silence
            )
            child.kill()

    def _restart(self, name: str) -> bool:
        """Start a dead child again, when it is time to; False when that is pointless."""
        if name not in self._due:
            pause = self._pause_after(name)
            if pause is None:
                return False
            self._due[name] = time.monotonic() + pause
        if time.monotonic() < self._due[name]:
            return True
        del self._due[name]
        self._told = False
        self._pulses[name].close()
        try:
            self._start_child(name, wait=False)  # others may die meanwhile
        except OSError as error:
            log.error("%s does not start: %s", name, error)
        else:
            os.close(self._pipes.pop(name))  # it logs itself why it does not start
        return True

    def _pause_after(self, name: str) -> float | None:
        child, life = self._children[name], time.monotonic() - self._born[name]
        crashes = self._deaths[name] = self._deaths.get(name, 0) + 1 if life < LONG_LIFE else 1
        said = f"{name} (pid {child.pid}) ended with {child.returncode} after {life:.1f} seconds"
        if name == "server" and crashes >= MAX_CRASHES:
            log.error("%s, the %sth time in a row; giving up", said, crashes)
            return None
        pause = 0.0 if crashes == 1 else min(PAUSE * 2 ** (crashes - 2), LONGEST_PAUSE)
        log.error("%s; starting it again%s", said, f" in {pause:g} seconds" if pause else "")
        return pause

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _actual(self) -> ManagerSettings:
        """The settings with the port that was really taken."""
        host, port = self._socket.getsockname()[:2]
        return ManagerSettings(
            **{
                **{name: getattr(self._settings, name) for name in ManagerSettings.__slots__},
                "host": host,
                "port": port,
            }
        )

    def _write_state(self) -> RunningManager:
        actual = self._actual()
        running = RunningManager(
            pid=os.getpid(),
            host=actual.host,
            port=actual.port,
            data_dir=str(actual.data_dir),
            database=_without_password(actual.database),
            version=__version__,
            started_at=now(),
            server=self._children["server"].pid,
            workers=tuple(child.pid for name, child in self._children.items() if name != "server"),
        )
        path = self._settings.data_dir / STATE
        beside = path.with_suffix(".new")
        try:
            beside.write_text(json.dumps(asdict(running)))
            beside.replace(path)
        except OSError as error:
            raise CfyError(f"{path} cannot be written: {error.strerror}") from error
        self._told = True
        return running


def supervise(settings: ManagerSettings, ready: Callable[[RunningManager], None]) -> int:
    """Run a manager in this process until it is told to stop; `ready` hears when it answers.

    Raises AlreadyRunning, or a sentence why it cannot start; nothing is left running then.
    """
    supervisor = Supervisor(settings)
    try:
        running = supervisor.start()
    except CfyError:
        supervisor.give_up()  # first: whoever is told may look at once
        raise
    try:
        ready(running)
        log.warning("The manager answers at %s", running.url)
        return supervisor.watch()
    finally:
        supervisor.end()


def _lock(data_dir: Path):  # type: ignore[no-untyped-def]
    file = open(lock_path(data_dir, "manager"), "a")  # noqa: SIM115 - held until the process ends
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except BlockingIOError:
            running = status(data_dir)  # none: somebody has only looked whether it is locked
        if running is not None:
            raise AlreadyRunning(running, data_dir)
        time.sleep(0.01)


def _listen(settings: ManagerSettings) -> socket.socket:
    """Port 0 takes a free one; the default port too when it is taken and nobody asked for it by number."""
    try:
        return _bound_soon(settings)
    except OSError as error:
        if error.errno == errno.EADDRINUSE and not settings.port:
            return _bound(settings.host, 0)
        reason = "another program listens there" if error.errno == errno.EADDRINUSE else error.strerror
        raise CfyError(
            f"The manager cannot listen at {settings.host}:{settings.port}: {reason}",
            hint="Give another one with --port, or leave it out: a free one is taken.",
        ) from error


def _bound_soon(settings: ManagerSettings) -> socket.socket:
    """The server of a supervisor that was killed needs a moment to let go of its port: it is waited for."""
    until = time.monotonic() + PREDECESSOR_SECONDS
    while True:
        try:
            return _bound(settings.host, settings.port or PORT)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not _may_be_ours(settings) or time.monotonic() > until:
                raise
        time.sleep(0.05)


def _folders(settings: ManagerSettings) -> list[str]:
    """Children that left something in the temporary folder."""
    with suppress(OSError):
        return os.listdir(settings.data_dir / TEMPORARY)
    return []


def _may_be_ours(settings: ManagerSettings) -> bool:
    """A server that was only being started when all else was killed has the port before it has its lock."""
    with suppress(OSError, ValueError, KeyError):
        left: dict[str, object] = json.loads((settings.data_dir / STATE).read_text())
        return left["port"] == (settings.port or PORT)
    return is_locked(settings.data_dir, "server")


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    return listener


def _without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    login, at, place = rest.rpartition("@")
    return f"{scheme}://{login.partition(':')[0]}@{place}" if at else url


def main() -> int:
    """In the background: whoever started us reads from a pipe how it went, as one line of JSON."""
    logging.basicConfig(format="%(asctime)s supervisor %(levelname)s %(message)s", level=logging.INFO)
    settings, report = parse_settings(os.environ.pop(SETTINGS)), int(sys.argv[1])

    def tell(said: dict[str, object]) -> None:
        with suppress(OSError), os.fdopen(report, "w") as pipe:
            pipe.write(json.dumps(said) + "\n")

    try:
        return supervise(settings, lambda running: tell(asdict(running)))
    except AlreadyRunning:
        tell({"locked": True})
    except CfyError as error:
        log.error("%s", error)
        tell({"error": str(error), "hint": error.hint})
    return 1


if __name__ == "__main__":
    sys.exit(main())
