"""How the server tells the workers that there is something to do, without waiting for their next look."""

import contextlib
import os
import select


class Bell:
    """A pipe that processes share: a byte written wakes one of those who listen."""

    def __init__(self, read: int, write: int) -> None:
        self._read, self._write = read, write
        os.set_blocking(read, False)
        os.set_blocking(write, False)

    @classmethod
    def hang(cls) -> "Bell":
        return cls(*os.pipe())

    @property
    def handles(self) -> tuple[int, int]:
        """The descriptors to pass to a child process."""
        return self._read, self._write

    def ring(self) -> None:
        with contextlib.suppress(BlockingIOError, BrokenPipeError):  # a full pipe has rung already
            os.write(self._write, b"!")

    def wait(self, seconds: float) -> None:
        """Return at the next ring, or when the time is up."""
        ready, _, _ = select.select([self._read], [], [], seconds)
        if ready:
            with contextlib.suppress(BlockingIOError):  # another worker was faster
                os.read(self._read, 1)

    def close(self) -> None:
        for handle in self.handles:
            with contextlib.suppress(OSError):
                os.close(handle)
