"""The log of a manager: rotated by its supervisor, and followed by `cfy manager logs`."""

import os
import shutil
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

LOG_FILE = "logs/manager.log"  # in the data folder
POLL_INTERVAL = 0.2  # seconds


class LogFile:
    """A log to which several processes append, each through a descriptor that it has inherited."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def rotate(self, max_size: int, count: int) -> bool:
        """Keep a full log as `.1`, and the `count` - 1 ones before it. Return whether it was full.

        The file is copied and emptied: whoever appends to it would go on writing to a file that is only renamed.
        """
        try:
            if self._path.stat().st_size <= max_size:
                return False
            self._delete_from(count)
            with self._path.open("r+b") as file:
                self._keep_copy(file, count)
                file.truncate(0)
        except OSError:
            return False  # it is tried again
        self._new.replace(self._rotated(1))  # last, so that who follows the log finds all that was in it
        return True

    def last_lines(self, count: int) -> Iterator[str]:
        """Yield the last lines, also of the log before this one."""
        lines: deque[bytes] = deque(maxlen=count)
        with suppress(FileNotFoundError), self._rotated(1).open("rb") as file:
            lines.extend(file)
        with suppress(FileNotFoundError), self._path.open("rb") as file:
            lines.extend(file)
        return map(_decode, lines)

    def follow(self) -> Iterator[str]:
        """Yield the lines that are added from now on, until the caller stops."""
        position, rotation = self._path.stat().st_size, self._rotation()
        while True:
            if (now := self._rotation()) != rotation:
                yield from (_decode(line) for line in self._read(self._rotated(1), position))
                position, rotation = 0, now
            for line in self._read(self._path, position):
                position += len(line)
                yield _decode(line)
            time.sleep(POLL_INTERVAL)

    def _keep_copy(self, file: BinaryIO, count: int) -> None:
        """Copy the log, beside the copies that are there already."""
        with open(os.open(self._new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as copy:
            try:
                shutil.copyfileobj(file, copy)
            except OSError:  # the disk is full, which is a reason more to make the log shorter
                copy.truncate(0)
        for number in range(count - 1, 0, -1):
            with suppress(FileNotFoundError):
                self._rotated(number).replace(self._rotated(number + 1))

    def _delete_from(self, first: int) -> None:
        """Delete the rotated logs from a number onwards: the limit may have been lower before."""
        for path in self._path.parent.glob(f"{self._path.name}.*"):
            number = path.suffix.removeprefix(".")
            if number.isdecimal() and int(number) >= first:
                path.unlink()

    def _rotation(self) -> tuple[int, int] | None:
        """Return what differs after each rotation."""
        with suppress(FileNotFoundError):
            status = self._rotated(1).stat()
            return status.st_ino, status.st_mtime_ns
        return None

    def _rotated(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    @property
    def _new(self) -> Path:
        return self._path.with_name(f"{self._path.name}.new")

    @staticmethod
    def _read(path: Path, position: int) -> Iterator[bytes]:
        """Yield the complete lines from a position on."""
        with path.open("rb") as file:
            file.seek(position)
            yield from (line for line in file if line.endswith(b"\n"))


def _decode(line: bytes) -> str:
    return line.decode(errors="replace").rstrip("\n")
