"""Limit of concurrent executions in a worker. An execution that waits for others does not count."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class ConcurrencyLimit:
    """A semaphore of which all free slots can be acquired at once."""

    def __init__(self, limit: int) -> None:
        self._limit = self._free = limit
        self._changed = threading.Condition()

    def acquire_all(self, timeout: float) -> "list[Slot]":
        """Return all free slots; wait up to `timeout` seconds for the first one, then return an empty list."""
        with self._changed:
            self._changed.wait_for(lambda: self._free > 0, timeout)
            count = max(0, self._free)
            self._free -= count
        return [Slot(self) for _ in range(count)]

    def set_limit(self, limit: int) -> None:
        """Change the number of slots; occupied ones beyond it are not available again once they are released."""
        with self._changed:
            self._free += limit - self._limit
            self._limit = limit
            self._changed.notify_all()

    def add(self, count: int) -> None:
        """Free slots, or occupy them if `count` is negative, even when none is free."""
        with self._changed:
            self._free += count
            self._changed.notify_all()


class Slot:
    """The slot of one execution."""

    def __init__(self, limit: ConcurrencyLimit) -> None:
        self._limit = limit
        self._waiting_operations = 0
        self._lock = threading.Lock()

    def release(self) -> None:
        self._limit.add(1)

    @contextmanager
    def released(self) -> Iterator[None]:
        """Lend the slot to another execution while an operation waits for other executions.

        At the end the slot is occupied again at once: to wait for a free one could deadlock executions that wait for
        each other. Until enough others have ended, one more execution runs than the limit allows and no new one starts.
        """
        self._change_waiting(1)
        try:
            yield
        finally:
            self._change_waiting(-1)

    def _change_waiting(self, change: int) -> None:
        """Count an operation that starts or stops waiting. The first one frees the slot, the last one occupies it."""
        with self._lock:
            was_waiting = self._waiting_operations > 0
            self._waiting_operations += change
            if was_waiting != (self._waiting_operations > 0):
                self._limit.add(change)
