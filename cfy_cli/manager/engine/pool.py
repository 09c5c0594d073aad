"""Threads that run operations for an execution."""

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue

Action = Callable[[], None]

log = logging.getLogger(__name__)


class Pool:
    """As many threads as are needed, up to `width`; they never keep the process from ending."""

    def __init__(self, concurrency: int, name: str) -> None:
        self.concurrency = concurrency
        self._name = name
        self._jobs: SimpleQueue[Action | None] = SimpleQueue()
        self._threads = 0

    def submit(self, job: Action) -> None:
        """At most `width` jobs may be under way: the caller counts."""
        self._jobs.put(job)
        if self._threads < self.concurrency:
            self._threads += 1
            threading.Thread(target=self._work, name=f"{self._name}-{self._threads}", daemon=True).start()

    def close(self) -> None:
        """Let the threads end when they are done with what they do."""
        for _ in range(self._threads):
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception:
                log.exception("a job of %s failed", self._name)
