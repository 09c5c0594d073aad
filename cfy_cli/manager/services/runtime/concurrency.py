"""How many executions of a worker are at work at once; one that only waits for others is not."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class ConcurrencyLimit:
    def __init__(self, number: int) -> None:
        self._free = number
        self._changed = threading.Condition()

    def take(self, timeout: float) -> "list[Slot]":
        """All that are free, for new executions; none when none gets free in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._free > 0, timeout)
            taken = max(0, self._free)
            self._free -= taken
        return [Slot(self) for _ in range(taken)]

    def add(self, number: int) -> None:
        with self._changed:
            self._free += number
            self._changed.notify_all()


class Slot:
    """One execution's place among those at work."""

    def __init__(self, slots: ConcurrencyLimit) -> None:
        self._slots = slots
        self._resting = 0
        self._guard = threading.Lock()

    def give_back(self) -> None:
        self._slots.add(1)

    @contextmanager
    def resting(self) -> Iterator[None]:
        """While some of its operations wait for other executions, one of those may have the place.

        Who comes back does not wait for a place: that would let executions wait for each other for ever. Until
        enough others have ended there is one more at work then, and no new one begins.
        """
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    def _count(self, change: int) -> None:
        with self._guard:
            before = self._resting
            self._resting += change
            if (before == 0) != (self._resting == 0):
                self._slots.add(change)
