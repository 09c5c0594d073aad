"""Keys in files of the data folder that only their owner can read."""

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from cfy_cli.errors import Unavailable

RESTORE_HINT = "it is in each backup of the manager (`cfy manager backup FILE`)."


def load_or_create_key(path: Path, generate: Callable[[], bytes]) -> bytes:
    """Return the key in a file; create the file if there is none.

    The file never has a part of a key only. If several processes create it at once, all of them return the same key.
    """
    if not path.exists():
        _create(path, generate())
    return read_key(path)


def read_key(path: Path) -> bytes:
    """Return the key in a file. Raises Unavailable when it is empty: that is no key to sign or encrypt with."""
    key = path.read_bytes()
    if not key.strip():
        raise Unavailable(f"The key file {path} is empty", hint=f"Restore it: {RESTORE_HINT}")
    return key


def _create(path: Path, key: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent)  # mode 0600
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)  # unlike a rename, this keeps the file of a process that was faster
    finally:
        temporary.unlink()
