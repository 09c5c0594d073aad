"""Wake-up pipes, by which processes notify each other of new work or of ended executions between two polls."""

import contextlib
import os
import select
from collections.abc import Mapping

MAX_PIPE_BYTES = 65_536  # more notifications than a pipe holds


class WakeupPipe:
    """A pipe shared by processes: each byte written wakes one of the readers."""

    def __init__(self, read: int, write: int) -> None:
        self._read, self._write = read, write
        os.set_blocking(read, False)
        os.set_blocking(write, False)

    @classmethod
    def create(cls) -> "WakeupPipe":
        return cls(*os.pipe())

    def descriptors(self, name: str) -> dict[str, int]:
        """Return the descriptors to pass to a child process, which gives them to `attach`."""
        return {f"{name}_read": self._read, f"{name}_write": self._write}

    @classmethod
    def attach(cls, name: str, descriptors: Mapping[str, int]) -> "WakeupPipe":
        """Return the pipe of that name in a child process that has inherited its descriptors."""
        return cls(descriptors[f"{name}_read"], descriptors[f"{name}_write"])

    def notify(self) -> None:
        """Wake a process, whichever."""
        self.notify_here()

    def notify_here(self) -> None:
        """Wake a process of this machine."""
        with contextlib.suppress(BlockingIOError, BrokenPipeError):  # a full pipe wakes the reader anyway
            os.write(self._write, b"!")

    def wait(self, seconds: float) -> None:
        """Consume one notification, waiting up to `seconds` for it."""
        self._wait(seconds, 1)

    def wait_and_drain(self, seconds: float) -> None:
        """Consume all notifications, waiting up to `seconds` for the first; for a pipe with a single reader."""
        self._wait(seconds, MAX_PIPE_BYTES)

    def _wait(self, seconds: float, count: int) -> None:
        ready, _, _ = select.select([self._read], [], [], seconds)
        if ready:
            with contextlib.suppress(BlockingIOError):  # another reader was faster
                os.read(self._read, count)

    def close(self) -> None:
        for descriptor in (self._read, self._write):
            with contextlib.suppress(OSError):
                os.close(descriptor)
