"""Keys that are files in the data folder, for their owner alone."""

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def key_in(path: Path, new: Callable[[], bytes]) -> bytes:
    """The key in a file, a `new` one where there is no file yet.

    It is whole from the moment it is there; of several processes that make one at once, the first wins.
    """
    if not path.exists():
        _make(path, new())
    return path.read_bytes()


def _make(path: Path, key: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent)  # mode 0600
    beside = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(beside, path)
    finally:
        beside.unlink()
