"""Reading of the log of the embedded manager, which is rotated while it is read."""

import time
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

POLL_INTERVAL = 0.2  # seconds


def last_lines(file: TextIO, count: int) -> Iterable[str]:
    """Read a file to its end and return its last lines."""
    return deque((text.rstrip("\n") for text in file), maxlen=count)


def follow_lines(path: Path, file: TextIO) -> Iterator[str]:
    """Yield the lines that are added to an open file."""
    while True:
        if text := file.readline():
            yield text.rstrip("\n")
        else:
            time.sleep(POLL_INTERVAL)
