"""How processes tell each other that there is something to do or something done, without waiting for a next look."""

import contextlib
import os
import select
from collections.abc import Mapping

MANY = 65_536  # rings, more than a pipe holds


class WakeupPipe:
    """A pipe that processes share: a byte written wakes one of those who listen."""

    def __init__(self, read: int, write: int) -> None:
        self._read, self._write = read, write
        os.set_blocking(read, False)
        os.set_blocking(write, False)

    @classmethod
    def create(cls) -> "WakeupPipe":
        return cls(*os.pipe())

    def named(self, name: str) -> dict[str, int]:
        """The descriptors to pass to a child process, which `found` makes the same bell of."""
        return {f"{name}_read": self._read, f"{name}_write": self._write}

    @classmethod
    def attach(cls, name: str, descriptors: Mapping[str, int]) -> "WakeupPipe":
        return cls(descriptors[f"{name}_read"], descriptors[f"{name}_write"])

    def notify(self) -> None:
        with contextlib.suppress(BlockingIOError, BrokenPipeError):  # a full pipe has rung already
            os.write(self._write, b"!")

    def wait(self, seconds: float) -> None:
        """Return at the next ring, or when the time is up."""
        ready, _, _ = select.select([self._read], [], [], seconds)
        if ready:
            with contextlib.suppress(BlockingIOError):  # another worker was faster
                os.read(self._read, 1)

    def wait_and_drain(self, seconds: float) -> None:
        """The same for the only one who listens: many rings are one."""
        ready, _, _ = select.select([self._read], [], [], seconds)
        if ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self._read, MANY)

    def close(self) -> None:
        for handle in (self._read, self._write):
            with contextlib.suppress(OSError):
                os.close(handle)
