"""How the supervisor knows that a child goes on: one that has stopped without having ended says nothing more."""

import contextlib
import os
import threading
import time

EVERY = 1.0  # seconds between two beats


class Heartbeat:
    """A child's, as its supervisor hears it."""

    def __init__(self) -> None:
        self._heard, self.handle = os.pipe()  # the child gets the handle
        os.set_blocking(self._heard, False)
        self.silent = 0  # times in a row that nothing was heard

    def leave_to_child(self) -> None:
        """Close our copy of its end."""
        os.close(self.handle)

    def listen(self) -> None:
        """Counted and not timed: while the machine sleeps nobody beats, and nobody listens."""
        heard = b""
        with contextlib.suppress(BlockingIOError):
            heard = os.read(self._heard, 4096)
        self.silent = 0 if heard else self.silent + 1

    def close(self) -> None:
        os.close(self._heard)


def beat(handle: int) -> None:
    """In a thread of its own, for as long as this process goes on."""
    os.set_blocking(handle, False)

    def keep_beating() -> None:
        with contextlib.suppress(BrokenPipeError):
            while True:
                with contextlib.suppress(BlockingIOError):  # nobody has listened for long
                    os.write(handle, b".")
                time.sleep(EVERY)

    threading.Thread(target=keep_beating, name="pulse", daemon=True).start()
