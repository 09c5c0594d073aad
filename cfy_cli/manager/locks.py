"""File locks between processes (flock). The system releases them when their process ends, however it ends."""

import fcntl
import os
from pathlib import Path


class FileLock:
    """An exclusive lock: held from `try_acquire` or `with` until `release`, at the latest until the process ends."""

    def __init__(self, path: Path) -> None:
        """Open or create the file. Raises FileNotFoundError when its folder is missing."""
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)

    def try_acquire(self) -> bool:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Release the lock and close the file; the lock cannot be acquired again."""
        os.close(self._descriptor)

    def __enter__(self) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def __exit__(self, *_error: object) -> None:
        self.release()


def is_locked(path: Path) -> bool:
    """Return whether another process holds the exclusive lock of a file; a missing file is not locked."""
    try:
        with open(path) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except BlockingIOError:
        return True
    except OSError:
        return False
