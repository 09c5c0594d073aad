"""A child process of an operation: its output line by line, its end, and the end of everything it started."""

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

from cfy_cli.manager.engine.output import Lines, OnLine
from cfy_cli.manager.engine.process_tree import MARK, kill_tree

CHUNK = 65536
PATIENCE = 10.0  # seconds for killed processes to go


@dataclass(frozen=True, slots=True)
class Finished:
    pid: int
    code: int  # as a shell tells it: 128 + N when signal N ended it
    stdout: str  # the end of what it wrote
    stderr: str
    timed_out: bool = False


class NotStarted(Exception):
    """The operating system refused to start the program; its OSError is the cause."""


class Processes:
    """The processes of one execution, so that all can be killed at once."""

    def __init__(self) -> None:
        self._marks: dict[int, str] = {}  # of each process, that of its operation
        self._change = threading.Condition()
        self._killed = threading.Event()
        self._note: Callable[[int], None] | None = None

    def with_listener(self, note: Callable[[int], None]) -> "Processes":
        """The same ones; `note` is told of each that is added through what is returned."""
        noting = copy.copy(self)
        noting._note = note
        return noting

    def add(self, pid: int, mark: str = "") -> None:
        with self._change:
            self._marks[pid] = mark
            if self._killed.is_set():
                kill_tree(pid, mark)
        if self._note is not None:
            self._note(pid)

    def discard(self, pid: int) -> None:
        with self._change:
            self._marks.pop(pid, None)
            self._change.notify_all()

    def kill(self) -> None:
        """End them and all they started, and see them gone; those that are still to come die at birth."""
        with self._change:
            self._killed.set()
            for pid, mark in self._marks.items():
                kill_tree(pid, mark)
            self._change.wait_for(lambda: not self._marks, PATIENCE)


def run(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    processes: Processes,
    stdout: OnLine | None = None,
    stderr: OnLine | None = None,
    merge: bool = False,
    timeout: float | None = None,
    started: Callable[[int], None] | None = None,
) -> Finished:
    """Run a command in a session of its own; `merge` sends its stderr with its stdout.

    Returns when the process itself has ended, even if something it left behind still holds its output.
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
        )
    except OSError as error:
        raise NotStarted(str(error)) from error
    mark = env.get(MARK, "")
    processes.add(process.pid, mark)
    try:
        if started:
            started(process.pid)
        return _Watch(process, mark, Lines(stdout), Lines(stderr)).until_end(timeout)
    except BaseException:
        kill_tree(process.pid, mark)  # nobody would look after it
        process.wait()
        raise
    finally:
        processes.discard(process.pid)


class _Watch:
    """Waits for output and for the end of a process in one loop, without asking it again and again."""

    def __init__(self, process: "subprocess.Popen[bytes]", mark: str, stdout: Lines, stderr: Lines) -> None:
        self._process, self._mark, self._stdout, self._stderr = process, mark, stdout, stderr
        self._selector = selectors.DefaultSelector()
        for pipe, lines in ((process.stdout, stdout), (process.stderr, stderr)):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
                self._selector.register(pipe.fileno(), selectors.EVENT_READ, lines)
        self._end = _end_of(process)
        self._selector.register(self._end, selectors.EVENT_READ)

    def until_end(self, timeout: float | None) -> Finished:
        deadline = None if timeout is None else time.monotonic() + timeout
        timed_out = False
        while not self._round(None if deadline is None else max(0.0, deadline - time.monotonic())):
            if deadline is not None and time.monotonic() >= deadline:
                kill_tree(self._process.pid, self._mark)
                timed_out, deadline = True, None
        self._drain()
        code = self._process.wait()
        return Finished(
            self._process.pid, code if code >= 0 else 128 - code, self._stdout.tail, self._stderr.tail, timed_out
        )

    def _round(self, timeout: float | None) -> bool:
        """Whether the process has ended."""
        ended = False
        for key, _ in self._selector.select(timeout):
            if key.data is None:
                ended = True
            elif not self._read(key.fd, key.data):
                self._selector.unregister(key.fd)
        return ended

    def _read(self, fd: int, lines: Lines) -> bool:
        """False at the end of the stream."""
        try:
            data = os.read(fd, CHUNK)
        except BlockingIOError:
            return True
        lines.feed(data)
        return bool(data)

    def _drain(self) -> None:
        """What the process wrote before it ended; a pipe that somebody still holds is left to a reader of its own."""
        os.close(self._end)
        self._selector.unregister(self._end)
        for key in list(self._selector.get_map().values()):
            if self._empty(key.fd, key.data):
                _discard_later(os.dup(key.fd))
        self._selector.close()
        for lines in (self._stdout, self._stderr):
            lines.end()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def _empty(self, fd: int, lines: Lines) -> bool:
        """Read what there is; True when more may come."""
        while True:
            try:
                data = os.read(fd, CHUNK)
            except BlockingIOError:
                return True
            if not data:
                return False
            lines.feed(data)


def _end_of(process: "subprocess.Popen[bytes]") -> int:
    """A descriptor that becomes readable when the process ends."""
    with suppress(AttributeError, OSError):
        return os.pidfd_open(process.pid)
    reader, writer = os.pipe()

    def wait() -> None:
        process.wait()
        os.close(writer)

    threading.Thread(target=wait, daemon=True).start()
    return reader


def _discard_later(fd: int) -> None:
    """Keep reading, so that a program left running does not die of a broken pipe."""

    def read() -> None:
        os.set_blocking(fd, True)
        with suppress(OSError):
            while os.read(fd, CHUNK):
                continue
        os.close(fd)

    threading.Thread(target=read, daemon=True).start()
