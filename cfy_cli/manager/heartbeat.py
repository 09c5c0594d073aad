"""Heartbeats over a pipe, by which the supervisor notices that a child hangs without having exited."""

import contextlib
import os
import threading
import time

HEARTBEAT_INTERVAL = 1.0  # seconds


class Heartbeat:
    """The supervisor's end of the pipe that one child sends heartbeats over."""

    def __init__(self) -> None:
        self._descriptor, self.child_descriptor = os.pipe()
        os.set_blocking(self._descriptor, False)
        self.missed = 0  # consecutive polls without a heartbeat

    def close_child_end(self) -> None:
        """Close our copy of the descriptor that the child has inherited."""
        os.close(self.child_descriptor)

    def poll(self) -> None:
        """Count a missed heartbeat, or start again from zero.

        Polls are counted, not seconds: while the machine sleeps, nobody sends heartbeats and nobody polls.
        """
        received = b""
        with contextlib.suppress(BlockingIOError):
            received = os.read(self._descriptor, 4096)
        self.missed = 0 if received else self.missed + 1

    def close(self) -> None:
        os.close(self._descriptor)


def start_heartbeat(descriptor: int) -> None:
    """Send heartbeats from a daemon thread for as long as this process runs."""
    os.set_blocking(descriptor, False)

    def send_all() -> None:
        with contextlib.suppress(BrokenPipeError):
            while True:
                with contextlib.suppress(BlockingIOError):  # the pipe is full: the supervisor has not polled for long
                    os.write(descriptor, b".")
                time.sleep(HEARTBEAT_INTERVAL)

    threading.Thread(target=send_all, name="heartbeat", daemon=True).start()
