"""Folders of files that belong to rows: received beside their place, synced, and renamed into it."""

import errno
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
BLUEPRINTS, DEPLOYMENTS, ICONS, PLUGINS, LOG_BUNDLES, SNAPSHOTS = (
    "blueprints",
    "deployments",
    "icons",
    "plugins",
    "log_bundles",
    "snapshots",
)  # folders of the files of rows
Content = Path | bytes  # a file to move, or what to write


class Files:
    """Everything the manager stores outside its database, below one folder.

    blueprints/ID/archive.SUFFIX, blueprints/ID/resources/, blueprints/ID/plugins/ (virtual environments of the plugins
    that a blueprint brings as source), deployments/ID/, icons/ID/, plugins/ID/, libraries/: ID is the storage id of the
    row, so no name that a user typed becomes the name of a folder. `incoming` is for files that are being received or
    removed.
    """

    def __init__(self, folder: Path, process: str = "") -> None:
        """Use a folder of its own for what a process receives, so that its next start can empty it."""
        self.folder = folder
        self.incoming = folder / "incoming" / process

    def create_folders(self) -> None:
        for folder in (self.folder, self.incoming):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def row_folder(self, kind: str, storage_id: int) -> Path:
        """Return the folder of the files that belong to a row."""
        return self.folder / kind / str(storage_id)

    def list_storage_ids(self, kind: str) -> list[int]:
        """Return the storage ids of the rows that have a folder."""
        with suppress(FileNotFoundError):
            return [int(path.name) for path in (self.folder / kind).iterdir() if path.name.isdecimal()]
        return []

    def blueprint_folder(self, storage_id: int) -> Path:
        return self.row_folder(BLUEPRINTS, storage_id)

    def resources_folder(self, storage_id: int) -> Path:
        """Return the folder of the unpacked blueprint, which holds its scripts and templates."""
        return self.blueprint_folder(storage_id) / "resources"

    def find_archive(self, storage_id: int) -> Path | None:
        with suppress(FileNotFoundError):  # the blueprint is deleted at this moment
            return next(iter(sorted(self.blueprint_folder(storage_id).glob("archive.*"))), None)
        return None

    def deployment_folder(self, storage_id: int) -> Path:
        return self.row_folder(DEPLOYMENTS, storage_id)

    def plugin_folder(self, storage_id: int) -> Path:
        """Return the folder of a plugin: its wagon, its YAML files and its virtual environment."""
        return self.row_folder(PLUGINS, storage_id)

    def libraries_folder(self) -> Path:
        """Return the folder of the virtual environment that plugins share."""
        return self.folder / "libraries"

    @contextmanager
    def open_temporary(self) -> Iterator[tuple[BinaryIO, Path]]:
        """Yield a temporary file to write to; it is removed at the end unless it was moved away."""
        self.incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=self.incoming)
        path = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file, path
        finally:
            path.unlink(missing_ok=True)

    def stage(self, contents: Mapping[str, Content]) -> Path:
        """Return a new folder with files, by their names, that survives a loss of power."""
        folder = self.new_staging_folder()
        try:
            for name, content in contents.items():
                if isinstance(content, Path):
                    content.replace(folder / name)
                else:
                    (folder / name).write_bytes(content)
                sync(folder / name)
            sync(folder)
        except BaseException:
            self.delete(folder)
            raise
        return folder

    def place(self, staged: Path, target: Path) -> None:
        """Move a staged folder to its place; replace what a process that was killed has left there."""
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self.discard(target)
            staged.rename(target)
        except BaseException:
            self.delete(staged)
            raise
        sync(target.parent)

    def place_all(self, staged: Mapping[Path, Path]) -> None:
        """Move many staged folders to their places, where nothing is."""
        parents = {target.parent for target in staged}
        for parent in parents:
            parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for target, folder in staged.items():
            folder.rename(target)
        for parent in parents:
            sync(parent)

    def new_staging_folder(self) -> Path:
        """Return a new folder to stage files in."""
        folder = self._new_path()
        folder.mkdir(mode=0o700, parents=True)
        return folder

    def discard(self, folder: Path) -> None:
        """Remove a folder, at once for everybody who looks for it; a process that is killed leaves nothing of it."""
        try:
            moved = self.set_aside(folder)
        except OSError:  # a full disk, which a folder can be removed from but not moved on
            moved = folder
        if moved:
            self.delete(moved)

    def set_aside(self, folder: Path) -> Path | None:
        """Move a folder away, to be deleted; return its path, None if there is none."""
        aside = self._new_path()
        aside.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            folder.rename(aside)
        except FileNotFoundError:
            return None
        return aside

    def delete(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)

    def _new_path(self) -> Path:
        return self.incoming / uuid.uuid4().hex


def sync(path: Path) -> None:
    """Write a file, or the entries of a folder, to the disk itself."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
