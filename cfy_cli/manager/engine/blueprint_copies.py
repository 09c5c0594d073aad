"""Copies of the files of a blueprint, one for each script that runs.

What a script writes beside itself belongs to its run: others do not see it, and the stored blueprint stays as it is. A
copy is used again once all that the script before it has changed is restored, which is faster than another copy.
"""

import os
import shutil
import stat
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from cfy_cli.manager.engine.operation_user import OperationUser, give
from cfy_cli.manager.engine.tasks import Failure, OperationFailed

PREFIX = "files-"
CHUNK_SIZE = 1 << 30  # bytes of one call of the kernel


@dataclass(slots=True)
class BlueprintCopy:
    """A copy that a script uses; `pid` is that of its process, which leads a process group."""

    folder: Path
    source: Path  # the folder of the blueprint
    pid: int = 0


class BlueprintCopies:
    """The copies for the scripts of one execution, in the temporary folder, which is emptied when a worker starts.

    Scripts are those of the deployment's blueprint and of the blueprints that it imports.
    """

    def __init__(self, user: OperationUser | None = None) -> None:
        """Give the copies to a user, who gets a new one for each script."""
        self._user = user
        self._free: dict[Path, list[Path]] = {}  # by the folder of the blueprint
        self._originals: dict[Path, Original] = {}
        self._closed = False
        self._lock = threading.Lock()

    @contextmanager
    def lend(self, source: Path) -> Iterator[BlueprintCopy]:
        """Yield a copy of a folder that nothing else uses. Raises OperationFailed when it cannot be copied."""
        copy = BlueprintCopy(self._take(source), source)
        try:
            yield copy
        finally:
            self._give_back(copy)

    def close(self) -> None:
        """Remove all copies except those that running scripts, or processes that they left, still use."""
        with self._lock:
            self._closed = True
            free, self._free = self._free, {}
        for folder in chain(*free.values()):
            shutil.rmtree(folder, ignore_errors=True)
        if self._originals:
            _remove_abandoned()

    def _take(self, source: Path) -> Path:
        with self._lock:
            free = self._free.get(source)
            folder = free.pop() if free else None
        try:
            folder = folder or Path(tempfile.mkdtemp(prefix=PREFIX))
            _restore(self._read_original(source), str(folder))
            give(folder, self._user)
        except OSError as error:
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
            message = f"The files of the blueprint cannot be copied for the script: {error.strerror or error}."
            raise OperationFailed(Failure("RecoverableError", message)) from error
        return folder

    def _read_original(self, source: Path) -> "Original":
        if source not in self._originals:
            self._originals[source] = _read(str(source))
        return self._originals[source]

    def _give_back(self, copy: BlueprintCopy) -> None:
        if _is_group_alive(copy.pid):
            _marker(copy.folder).write_text(str(copy.pid))
            return
        with self._lock:
            if not self._closed and self._user is None:  # a user can put links into its copy
                self._free.setdefault(copy.source, []).append(copy.folder)
                return
        shutil.rmtree(copy.folder, ignore_errors=True)


def _remove_abandoned() -> None:
    """Remove the copies that processes used which a script had left, once these have ended."""
    for marker in Path(tempfile.gettempdir()).glob(f"{PREFIX}*.pid"):
        with suppress(OSError, ValueError):
            if not _is_group_alive(int(marker.read_text())):
                shutil.rmtree(marker.with_suffix(""), ignore_errors=True)
                marker.unlink()


def _marker(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.pid")


def _is_group_alive(pid: int) -> bool:
    """Return whether a process has left others in its group, such as a server that it started."""
    if not pid:
        return False
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@dataclass(frozen=True, slots=True)
class Original:
    """A file or folder of the blueprint."""

    path: str
    status: os.stat_result
    members: "dict[str, Original]"  # of a folder

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self.status.st_mode)


def _read(path: str) -> Original:
    status = os.lstat(path)
    names = os.listdir(path) if stat.S_ISDIR(status.st_mode) else []
    return Original(path, status, {name: _read(os.path.join(path, name)) for name in names})


def _restore(folder: Original, target: str) -> None:
    """Make a folder equal to an original: copy what is missing or has changed, remove what is new.

    Copies get the times of their originals, so that any later change shows in their time.
    """
    missing = dict(folder.members)
    with os.scandir(target) as entries:
        for entry in entries:
            original = missing.get(entry.name)
            if original is None or _differs(entry, original):
                _remove(entry)
                continue
            del missing[entry.name]
            if original.is_folder:
                _restore(original, entry.path)
    for name, original in missing.items():
        path = os.path.join(target, name)
        if original.is_folder:
            os.mkdir(path)
            _restore(original, path)
        else:
            _copy(original, path)
    mode = stat.S_IMODE(folder.status.st_mode)
    if stat.S_IMODE(os.stat(target).st_mode) != mode:
        os.chmod(target, mode)


def _differs(entry: "os.DirEntry[str]", original: Original) -> bool:
    status, expected = entry.stat(follow_symlinks=False), original.status
    if original.is_folder or stat.S_ISDIR(status.st_mode):
        return stat.S_IFMT(status.st_mode) != stat.S_IFMT(expected.st_mode)
    return (status.st_mode, status.st_mtime_ns, status.st_size) != (
        expected.st_mode,
        expected.st_mtime_ns,
        expected.st_size,
    )


def _copy(original: Original, target: str) -> None:
    status = original.status
    if stat.S_ISLNK(status.st_mode):
        os.symlink(os.readlink(original.path), target)
    elif stat.S_ISREG(status.st_mode):
        _copy_content(original.path, target, status.st_size)
        os.chmod(target, stat.S_IMODE(status.st_mode))
    else:
        return
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns), follow_symlinks=False)


def _copy_content(source: str, target: str, size: int) -> None:
    """Copy a file; file systems that can share the blocks of copies do so."""
    with suppress(OSError, AttributeError), open(source, "rb") as old, open(target, "xb") as new:
        while size > 0 and (copied := os.copy_file_range(old.fileno(), new.fileno(), min(size, CHUNK_SIZE))):
            size -= copied
        if size <= 0:
            return
    shutil.copyfile(source, target)


def _remove(entry: "os.DirEntry[str]") -> None:
    if entry.is_dir(follow_symlinks=False):
        shutil.rmtree(entry.path)
    else:
        os.unlink(entry.path)
