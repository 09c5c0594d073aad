"""Files of rows in a folder: received beside their place, synced, and renamed into it."""

import errno
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from cfy_cli.errors import CfyError, Unavailable
from cfy_cli.manager.store.storage import Content, RowKey, StoredFile

ABANDONED_AFTER = 24 * 3600  # seconds until what another machine had begun to transfer is taken for abandoned


class FolderStorage:
    """Folders KIND/ID/. All machines that share the folder must see it at the same path or at others, as they like.

    `incoming` is for files that this process receives or removes; `owner_file` names the databases of the files.
    """

    def __init__(self, folder: Path, incoming: Path, owner_file: Path, *, is_shared: bool = False) -> None:
        self.folder, self._incoming, self._owner_file, self._is_shared = folder, incoming, owner_file, is_shared
        self.address = str(folder)

    @property
    def incoming(self) -> Path:
        return self._incoming

    def check(self) -> None:
        """Create the folder, and write a file in it. Raises Unavailable."""
        try:
            for folder in (self.folder, self._incoming):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._is_shared:
                with tempfile.TemporaryFile(dir=self._incoming) as file:
                    file.write(b"cfy")
        except OSError as error:
            if not self._is_shared:
                raise
            raise CfyError(
                f"The storage {self.folder} cannot be used: {error.strerror}",
                hint="Give a folder that all machines can write to: cfy manager start --storage DIR",
            ) from error

    def prepare(self, path: Path) -> None:
        """Do nothing: files are received beside their place."""

    def forget(self, path: Path) -> None:
        """Do nothing."""

    def put(self, key: RowKey, contents: Mapping[str, Content]) -> None:
        target = self._path(key)
        staged = self._stage(contents)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self._discard(target)  # what a process that was killed has left there
            staged.rename(target)
        except BaseException:
            _remove(staged)
            raise
        sync(target.parent)

    def put_folders(self, folders: Mapping[RowKey, Path]) -> None:
        parents = {self._path(key).parent for key in folders}
        for parent in parents:
            parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for key, folder in folders.items():
            folder.rename(self._path(key))
        for parent in parents:
            sync(parent)

    def names(self, key: RowKey) -> list[str]:
        with suppress(FileNotFoundError):  # the row is deleted at this moment
            return sorted(path.name for path in self._path(key).iterdir() if path.is_file())
        self._check_reachable()
        return []

    def find(self, key: RowKey, name: str) -> StoredFile | None:
        try:
            found = (self._path(key) / name).stat()
        except FileNotFoundError:
            self._check_reachable()
            return None
        return StoredFile(name, found.st_size, found.st_mtime, f"{found.st_mtime_ns}-{found.st_size}-{found.st_ino}")

    def local_path(self, key: RowKey, name: str) -> Path:
        return self._path(key) / name

    def open(self, key: RowKey, name: str, start: int = 0, end: int | None = None) -> BinaryIO:
        try:
            file = (self._path(key) / name).open("rb")
        except FileNotFoundError:
            self._check_reachable()
            raise
        file.seek(start)
        return file

    def storage_ids(self, kind: str) -> list[int]:
        with suppress(FileNotFoundError):
            return [int(path.name) for path in (self.folder / kind).iterdir() if path.name.isdecimal()]
        return []

    def delete(self, keys: Collection[RowKey]) -> None:
        for key in keys:
            self._discard(self._path(key))

    def remove_interrupted(self) -> None:
        """Do nothing: what is in its place is complete."""

    def remove_unpacked(self, kinds: Iterable[str]) -> None:
        """Remove what former versions have made of files beside them: unpacked blueprints, and environments."""
        for kind in kinds:
            for path in (self.folder / kind).glob("*/*"):
                if path.is_dir() or path.is_symlink() or path.suffix == ".lock":
                    _remove(path)

    def remove_incoming(self) -> None:
        """Remove what machines that are gone have left; `process.py` empties the folder of this process."""
        if not self._is_shared:
            return
        limit = time.time() - ABANDONED_AFTER
        with suppress(OSError):
            for path in self._incoming.parent.parent.glob("*/*/*"):
                if path.lstat().st_mtime < limit:
                    _remove(path)

    def read_owner(self) -> str:
        return self._owner_file.read_text("utf-8", "replace") if self._owner_file.exists() else ""

    def write_owner(self, text: str) -> None:
        self._incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = self._incoming / uuid.uuid4().hex
        try:
            with temporary.open("w+b") as file:
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())  # before its name: an empty file would allow any database
            temporary.replace(self._owner_file)
        finally:
            temporary.unlink(missing_ok=True)

    def _path(self, key: RowKey) -> Path:
        kind, storage_id = key
        return self.folder / kind / str(storage_id)

    def _check_reachable(self) -> None:
        """Tell a file that there is not from a folder that is not mounted any more. Raises Unavailable."""
        if self._is_shared and not self._owner_file.exists():
            raise Unavailable(
                f"The storage {self.folder} cannot be reached: the files of the manager are not there",
                hint="Check that the folder is mounted.",
            )

    def _stage(self, contents: Mapping[str, Content]) -> Path:
        """Return a new folder with files, by their names, that survives a loss of power."""
        folder = self._incoming / uuid.uuid4().hex
        folder.mkdir(mode=0o700, parents=True)
        try:
            for name, content in contents.items():
                if isinstance(content, Path):
                    _move(content, folder / name)
                else:
                    (folder / name).write_bytes(content)
                sync(folder / name)
            sync(folder)
        except BaseException:
            _remove(folder)
            raise
        return folder

    def _discard(self, folder: Path) -> None:
        """Remove a folder, at once for everybody who looks for it; a process that is killed leaves nothing of it."""
        with suppress(OSError):  # what is not empty is removed below
            folder.rmdir()
            return
        aside = self._incoming / uuid.uuid4().hex
        try:
            aside.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.rename(aside)
        except FileNotFoundError:
            return
        except OSError:  # a full disk, which a folder can be removed from but not moved on
            aside = folder
        _remove(aside)


def sync(path: Path) -> None:
    """Write a file, or the entries of a folder, to the disk itself."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _move(source: Path, target: Path) -> None:
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.copyfile(source, target)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
