"""Keeping Python's cycle collector out of work that makes many values and little garbage."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """The collector rests meanwhile: it would go over everything made so far again and again, four times the work.

    Another thread that pauses it too loses the rest of its pause when we end, and nothing else.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
