"""Folders that a machine makes of stored files when it needs them, such as unpacked blueprints, bounded in size.

All processes of a machine share a cache. Who uses a folder holds a shared lock of the file `ID.lock` beside it; only
folders that nobody uses are removed. The time of that file is that of the last use, its content the size of the folder.
"""

import fcntl
import os
import shutil
import threading
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

Key = tuple[str, int]  # the kind of a row, and its storage id, which is never used again
TRIM_SHARE = 16  # the cache may grow by this part of its size until it is looked through again
LOCK, REMOVED = ".lock", "removed"
DELETED = b"deleted"  # the content of the file of a folder whose row is gone


@dataclass(slots=True)
class _Use:
    """The lock that this process holds, and how many of its threads need it."""

    descriptor: int
    count: int = 0


class FileCache:
    def __init__(self, folder: Path, max_size: int) -> None:
        self.folder, self._max_size = folder, max_size
        self._lock = threading.Lock()
        self._uses: dict[Key, _Use] = {}
        self._grown = max_size  # since the cache was looked through; at once in a new process

    def folder_of(self, key: Key) -> Path:
        kind, storage_id = key
        return self.folder / kind / str(storage_id)

    @contextmanager
    def use(self, key: Key) -> Iterator[Path]:
        """Yield the folder of a row, which is not removed until the block ends; it is empty at first."""
        with self._lock:
            use = self._uses.get(key)
            if use is None:
                use = self._uses[key] = _Use(_lock_shared(self._lock_path(key)))
            use.count += 1
        try:
            folder = self.folder_of(key)
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            yield folder
        finally:
            is_deleted = False
            with self._lock:
                use.count -= 1
                if not use.count:
                    del self._uses[key]
                    is_deleted = os.pread(use.descriptor, len(DELETED), 0) == DELETED
                    os.close(use.descriptor)
            if is_deleted:
                self._remove(key)

    def add_size(self, key: Key) -> None:
        """Count what was put into a folder that is in use, and remove others when the cache has become too large."""
        size = _measure(self.folder_of(key))
        with self._lock_path(key).open("r+b") as file:
            if file.read(len(DELETED)) != DELETED:
                file.seek(0)
                file.write(str(size).encode())
                file.truncate()
        self._grown += size
        if self._grown >= self._max_size // TRIM_SHARE:
            self._grown = 0
            self.trim()

    def trim(self) -> None:
        """Remove the folders that were not used for the longest time until the rest is as small as it has to be."""
        entries = []
        for path in self.folder.glob(f"*/*{LOCK}"):
            with suppress(OSError, ValueError):  # another process removes it
                entries.append((path.stat().st_mtime, int(path.read_text() or 0), path))
        total = sum(size for _, size, _ in entries)
        for _, size, path in sorted(entries):
            if total <= self._max_size:
                break
            if self._remove((path.parent.name, int(path.name.removesuffix(LOCK)))):
                total -= size

    def storage_ids(self, kind: str) -> list[int]:
        return [int(path.name.removesuffix(LOCK)) for path in (self.folder / kind).glob(f"*{LOCK}")]

    def remove(self, keys: Iterable[Key]) -> None:
        """Remove the folders of rows that are gone; those in use are removed by who uses them last."""
        for key in keys:
            if not self._remove(key):
                with suppress(FileNotFoundError), self._lock_path(key).open("r+b") as file:
                    file.write(DELETED)
                    file.truncate()

    def clear_removed(self) -> None:
        """Finish removals that were interrupted."""
        shutil.rmtree(self.folder / REMOVED, ignore_errors=True)

    def _remove(self, key: Key) -> bool:
        path = self._lock_path(key)
        try:
            descriptor = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return False
        aside = self.folder / REMOVED / uuid.uuid4().hex
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not _is_at(descriptor, path):
                return False
            aside.parent.mkdir(mode=0o700, exist_ok=True)
            with suppress(FileNotFoundError):
                self.folder_of(key).rename(aside)
            path.unlink()
        except OSError:  # in use, or the disk is full
            return False
        finally:
            os.close(descriptor)
        shutil.rmtree(aside, ignore_errors=True)
        return True

    def _lock_path(self, key: Key) -> Path:
        return self.folder_of(key).with_name(f"{key[1]}{LOCK}")


def _lock_shared(path: Path) -> int:
    """Open and lock a file that others may remove meanwhile, and note that it is used now."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            if _is_at(descriptor, path):
                os.utime(descriptor)
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    return False


def _measure(folder: Path) -> int:
    """Return the space that a folder takes on the disk, in bytes."""
    size = 0
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            with suppress(OSError):
                size += os.lstat(os.path.join(parent, name)).st_blocks * 512
    return size
