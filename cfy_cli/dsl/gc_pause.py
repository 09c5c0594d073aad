"""A pause of Python's garbage collector for work that creates many objects and little garbage."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def gc_paused() -> Iterator[None]:
    """Disable the garbage collector, which would traverse all new objects again and again: four times the work.

    If two threads pause it at once, the first to finish enables it for both; that costs time and nothing else.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
