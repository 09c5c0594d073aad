"""Count the steps of a process that change files of a manager or commit, and do something at one of them.

Python imports this module at its start. A process of a manager is killed at the step that the file named by
CFY_TEST_FAULT gives, as `PROCESS STEP`, once that file is there.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

VARIABLE, FOLDER_VARIABLE = "CFY_TEST_FAULT", "CFY_TEST_FAULT_FOLDER"
CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.chmod")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Watch:
    """Calls `on_step` before each step that changes something below a folder, while it is active."""

    def __init__(self) -> None:
        self.folder = ""
        self.on_step: Callable[[str], None] | None = None
        self._is_installed = self._are_requests_watched = False

    def start(self, folder: str, on_step: Callable[[str], None]) -> None:
        self.folder, self.on_step = folder, on_step
        if not self._is_installed:
            self._is_installed = True
            self._install()
        if folder.startswith("s3://") and not self._are_requests_watched:
            self._are_requests_watched = True
            self._watch_requests()

    def stop(self) -> None:
        self.on_step = None

    def _install(self) -> None:
        from sqlalchemy import Engine, event
        from sqlalchemy.orm import Session

        sys.addaudithook(self._audit)
        event.listen(Engine, "commit", lambda _connection: self._step("commit"))
        event.listen(Session, "after_commit", lambda _session: self._step("committed"))
        original = os.fsync

        def fsync(descriptor: int) -> None:
            self._step("fsync")
            original(descriptor)

        os.fsync = fsync  # type: ignore[assignment]

    def _watch_requests(self) -> None:
        """Take each request to an S3-compatible store for a step."""
        from botocore.httpsession import URLLib3Session

        send = URLLib3Session.send

        def watched(session: URLLib3Session, request: object) -> object:
            self._step(f"s3 {request.method}")  # type: ignore[attr-defined]
            return send(session, request)  # type: ignore[no-untyped-call]

        URLLib3Session.send = watched  # type: ignore[method-assign]

    def _audit(self, name: str, arguments: tuple[object, ...]) -> None:
        if self.on_step is None or not (name == "open" or name in CHANGES):
            return
        if name == "open" and not (isinstance(arguments[2], int) and arguments[2] & WRITING):
            return
        path = arguments[0]
        if isinstance(path, bytes):
            path = os.fsdecode(path)
        is_relative = isinstance(path, str) and not path.startswith("/")  # below an open folder, as rmtree does
        if (isinstance(path, str) and path.startswith(self.folder)) or (is_relative and name in CHANGES):
            self._step(name)

    def _step(self, name: str) -> None:
        on_step = self.on_step
        if on_step is not None:
            on_step(name)


watch = Watch()


def _kill_at_step(fault: Path) -> Callable[[str], None]:
    """Kill this process at a step, once the file of the fault is there; write the names of the steps beside it."""
    done = 0
    log = -1

    def on_step(name: str) -> None:
        nonlocal done, log
        process = multiprocessing.current_process().name
        try:
            descriptor = os.open(fault, os.O_RDONLY)
        except FileNotFoundError:
            done = 0
            return
        wanted, _, step = os.read(descriptor, 100).decode().partition(" ")
        os.close(descriptor)
        if wanted != process:
            return
        if log < 0:
            log = os.open(fault.with_name(f"steps-{process}"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        done += 1
        os.write(log, f"{done} {name}\n".encode())
        if done == int(step):
            os.kill(os.getpid(), signal.SIGKILL)

    return on_step


def _start() -> None:
    """Watch the children of a supervisor."""
    if VARIABLE in os.environ and "cfy_cli.manager.supervisor" in getattr(sys, "orig_argv", []):
        on_step = _kill_at_step(Path(os.environ[VARIABLE]))
        os.register_at_fork(after_in_child=lambda: watch.start(os.environ[FOLDER_VARIABLE], on_step))


_start()
