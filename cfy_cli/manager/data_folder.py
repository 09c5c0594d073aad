"""Permissions of the data folder: only its owner reads and writes what is in it."""

import os
import stat
from pathlib import Path

from cfy_cli.errors import Conflict

OTHERS = stat.S_IRWXG | stat.S_IRWXO
READABLE = stat.S_IRGRP | stat.S_IXGRP
WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def check_owner(folder: Path) -> None:
    """Raise Conflict when the folder belongs to another user, since two users cannot share a manager's files."""
    if folder.exists() and folder.stat().st_uid != os.getuid():
        raise Conflict(
            f"The data folder {folder} belongs to another user",
            hint="Set CFY_WORKDIR to a folder of your own, or give one with --data-dir.",
        )


def protect(folder: Path, readers: int | None = None) -> int:
    """Take the permissions of other users from all that is in a folder; return how many files and folders had some.

    The group `readers` keeps the permissions to read and search. Raises Conflict when the folder belongs to another
    user, or when others could write to it and did. What belongs to others in a folder that only its owner could write
    to was given to them by the manager or by a script, and stays as it is.
    """
    if not folder.exists():
        return 0
    check_owner(folder)
    status = folder.stat()
    refused = _find_refused(status, readers)
    folder.chmod(stat.S_IMODE(status.st_mode) & ~refused)  # first, so that nobody adds something meanwhile
    is_foreign_refused = bool(status.st_mode & WRITABLE_BY_OTHERS)
    return bool(refused) + _protect_content(str(folder), readers, refuse_foreign=is_foreign_refused)


def _find_refused(status: os.stat_result, readers: int | None) -> int:
    """Return the permissions of others that a file may not have."""
    allowed = READABLE if status.st_gid == readers else 0
    return status.st_mode & OTHERS & ~allowed


def _protect_content(folder: str, readers: int | None, *, refuse_foreign: bool) -> int:
    count = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            status = entry.stat(follow_symlinks=False)
            if status.st_uid != os.getuid():
                if refuse_foreign:
                    raise Conflict(
                        f"Other users could write to the data folder, and {entry.path} belongs to one of them",
                        hint="Look at it and remove it, or give another folder with --data-dir.",
                    )
                continue
            if stat.S_ISLNK(status.st_mode):
                continue
            if refused := _find_refused(status, readers):
                os.chmod(entry.path, stat.S_IMODE(status.st_mode) & ~refused)
                count += 1
            if stat.S_ISDIR(status.st_mode):
                count += _protect_content(entry.path, readers, refuse_foreign=refuse_foreign)
    return count
