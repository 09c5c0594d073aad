"""Attributes of a process that only calls of the C library set; each has no effect where that does not have them."""

import ctypes
from contextlib import suppress

PR_SET_NAME = 15  # of prctl(2)
M_TRIM_THRESHOLD, M_ARENA_MAX = -1, -8  # of mallopt(3)
KEPT_MEMORY = 1024**2  # bytes
ARENAS = 2


def name_process(name: str) -> None:
    """Give the process the name that `top` and `ps -o comm` show, of at most 15 characters."""
    with suppress(AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_NAME, name.encode(), 0, 0, 0)


def limit_kept_memory() -> None:
    """Let the C library return memory that threads have freed to the system, instead of keeping it for each of them."""
    with suppress(AttributeError):
        set_option = ctypes.CDLL(None).mallopt
        set_option(M_ARENA_MAX, ARENAS)
        set_option(M_TRIM_THRESHOLD, KEPT_MEMORY)
