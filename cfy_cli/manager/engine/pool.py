"""Threads that run the operations of an execution."""

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue

log = logging.getLogger(__name__)


class ThreadPool:
    """Up to `size` daemon threads, started as they are needed; they never keep the process from exiting."""

    def __init__(self, size: int, name: str) -> None:
        self._size, self._name = size, name
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads = 0

    def submit(self, call: Callable[[], None]) -> None:
        """Run a call in a thread; the caller has to submit no more than `size` at a time."""
        self._calls.put(call)
        if self._threads < self._size:
            self._threads += 1
            threading.Thread(target=self._run, name=f"{self._name}-{self._threads}", daemon=True).start()

    def close(self) -> None:
        """Let each thread end after its current call."""
        for _ in range(self._threads):
            self._calls.put(None)

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            try:
                call()
            except Exception:
                log.exception("A call in %s failed", self._name)
