"""A child process of an operation: its output by lines, its end, and the end of all processes it started."""

import copy
import os
import selectors
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cfy_cli.manager.engine.operation_user import OperationUser, process_owner
from cfy_cli.manager.engine.output import LineReader, OnLine
from cfy_cli.manager.engine.process_tree import OPERATION_ID_VARIABLE, kill_tree

CHUNK_SIZE = 65536  # bytes
KILL_TIMEOUT = 10.0  # seconds until killed processes are gone


@dataclass(frozen=True, slots=True)
class ProcessResult:
    pid: int
    code: int  # as shells report it: 128 + N when signal N ended the process
    stdout: str  # the tail of the output
    stderr: str
    timed_out: bool = False


class NotStarted(Exception):
    """The operating system refused to start the program; its OSError is the cause."""


class ProcessRegistry:
    """The running processes of one execution, so that all can be killed together."""

    def __init__(self) -> None:
        self._operation_ids: dict[int, str] = {}  # by pid
        self._changed = threading.Condition()
        self._killed = threading.Event()
        self._listener: Callable[[int], None] | None = None

    def with_listener(self, listener: Callable[[int], None]) -> "ProcessRegistry":
        """Return a view of the same processes; `listener` is called for each one that is added through the view."""
        view = copy.copy(self)
        view._listener = listener
        return view

    def add(self, pid: int, operation_id: str = "") -> None:
        with self._changed:
            self._operation_ids[pid] = operation_id
            if self._killed.is_set():
                kill_tree(pid, operation_id)
        if self._listener is not None:
            self._listener(pid)

    def discard(self, pid: int) -> None:
        with self._changed:
            self._operation_ids.pop(pid, None)
            self._changed.notify_all()

    def kill(self) -> None:
        """Kill the processes and all that they started, wait until they are gone; kill later ones when added."""
        with self._changed:
            self._killed.set()
            for pid, operation_id in self._operation_ids.items():
                kill_tree(pid, operation_id)
            self._changed.wait_for(lambda: not self._operation_ids, KILL_TIMEOUT)


def run_process(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    processes: ProcessRegistry,
    stdout: OnLine | None = None,
    stderr: OnLine | None = None,
    merge: bool = False,
    timeout: float | None = None,
    on_start: Callable[[int], None] | None = None,
    user: OperationUser | None = None,
) -> ProcessResult:
    """Run a command in a session of its own; `merge` sends its stderr to its stdout, `timeout` is in seconds.

    Return when the process itself has ended, even if a process that it left behind still holds its output.
    Raises NotStarted.
    """
    try:
        process = subprocess.Popen(
            command,
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merge else subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
            **process_owner(user),
        )
    except OSError as error:
        raise NotStarted(str(error)) from error
    operation_id = env.get(OPERATION_ID_VARIABLE, "")
    processes.add(process.pid, operation_id)
    try:
        if on_start:
            on_start(process.pid)
        return _ProcessWatcher(process, operation_id, LineReader(stdout), LineReader(stderr)).wait(timeout)
    except BaseException:
        kill_tree(process.pid, operation_id)  # nothing else watches it
        process.wait()
        raise
    finally:
        processes.discard(process.pid)


class _ProcessWatcher:
    """Waits for the output and the end of a process in one loop, without polling."""

    def __init__(
        self, process: "subprocess.Popen[bytes]", operation_id: str, stdout: LineReader, stderr: LineReader
    ) -> None:
        self._process, self._operation_id, self._stdout, self._stderr = process, operation_id, stdout, stderr
        self._selector = selectors.DefaultSelector()
        for pipe, lines in ((process.stdout, stdout), (process.stderr, stderr)):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
                self._selector.register(pipe.fileno(), selectors.EVENT_READ, lines)
        self._end_fd = _open_end_fd(process)
        self._selector.register(self._end_fd, selectors.EVENT_READ)

    def wait(self, timeout: float | None) -> ProcessResult:
        deadline = None if timeout is None else time.monotonic() + timeout
        timed_out = False
        while not self._select(None if deadline is None else max(0.0, deadline - time.monotonic())):
            if deadline is not None and time.monotonic() >= deadline:
                kill_tree(self._process.pid, self._operation_id)
                timed_out, deadline = True, None
        self._drain()
        code = self._process.wait()
        return ProcessResult(
            self._process.pid, code if code >= 0 else 128 - code, self._stdout.tail, self._stderr.tail, timed_out
        )

    def _select(self, timeout: float | None) -> bool:
        """Read what is there within the timeout; return whether the process has ended."""
        ended = False
        for key, _ in self._selector.select(timeout):
            if key.data is None:
                ended = True
            elif not self._read(key.fd, key.data):
                self._selector.unregister(key.fd)
        return ended

    def _read(self, fd: int, lines: LineReader) -> bool:
        """Read once; return False at the end of the stream."""
        try:
            data = os.read(fd, CHUNK_SIZE)
        except BlockingIOError:
            return True
        lines.feed(data)
        return bool(data)

    def _drain(self) -> None:
        """Read all that the process wrote; a pipe that another process still holds gets a reader of its own."""
        os.close(self._end_fd)
        self._selector.unregister(self._end_fd)
        for key in list(self._selector.get_map().values()):
            if self._read_available(key.fd, key.data):
                _discard_in_background(os.dup(key.fd))
        self._selector.close()
        for lines in (self._stdout, self._stderr):
            lines.end()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def _read_available(self, fd: int, lines: LineReader) -> bool:
        """Read until the pipe is empty; return whether more data may come."""
        while True:
            try:
                data = os.read(fd, CHUNK_SIZE)
            except BlockingIOError:
                return True
            if not data:
                return False
            lines.feed(data)


def _open_end_fd(process: "subprocess.Popen[bytes]") -> int:
    """Return a file descriptor that becomes readable when the process ends."""
    with suppress(AttributeError, OSError):
        return os.pidfd_open(process.pid)
    reader, writer = os.pipe()

    def wait() -> None:
        process.wait()
        os.close(writer)

    threading.Thread(target=wait, daemon=True).start()
    return reader


def _discard_in_background(fd: int) -> None:
    """Keep reading, so that a program left running does not fail with a broken pipe."""

    def read() -> None:
        os.set_blocking(fd, True)
        with suppress(OSError):
            while os.read(fd, CHUNK_SIZE):
                continue
        os.close(fd)

    threading.Thread(target=read, daemon=True).start()
