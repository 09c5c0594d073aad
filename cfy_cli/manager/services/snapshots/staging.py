"""Unpacking of the files of rows beside their places, from where they are moved when the rows are stored."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from cfy_cli.manager.services.snapshots.archive import SnapshotArchive
from cfy_cli.manager.store.files import DEPLOYMENTS, Files

RowFolder = tuple[str, int]  # the folder of a table, and a storage id in the snapshot


class Staging:
    """The unpacked files of a snapshot, which one transaction takes; what is left of them is removed at the end."""

    def __init__(self, files: Files, archive: SnapshotArchive) -> None:
        self._files, self._archive = files, archive
        self._root: Path | None = None
        self._folders: Mapping[RowFolder, Path] | None = None

    def prepare(self) -> None:
        """Unpack the files. Raises Invalid for a damaged archive, and OSError for a full disk."""
        self.remove()
        self._root = self._files.new_staging_folder()
        self._folders = _unpack(self._archive, self._root)
        for (kind, _), folder in self._folders.items():
            for path in folder.iterdir() if kind != DEPLOYMENTS else ():
                self._files.storage.prepare(path)
        os.sync()  # once for all files; a loss of power after the commit must not take them

    def take(self) -> Mapping[RowFolder, Path]:
        """Return the folders of rows; unpack them again when a transaction that failed has moved them away."""
        if self._folders is None:
            self.prepare()
        folders, self._folders = self._folders, None
        return folders or {}

    def remove(self) -> None:
        if self._root:
            for path in self._root.rglob("*"):
                self._files.storage.forget(path)
            shutil.rmtree(self._root, ignore_errors=True)
            self._root, self._folders = None, None


def _unpack(archive: SnapshotArchive, root: Path) -> Mapping[RowFolder, Path]:
    folders: dict[RowFolder, Path] = {}
    limit = archive.limit()
    links: list[tuple[Path, str]] = []
    for file in archive.row_files():
        if file.folder != DEPLOYMENTS and len(file.path.parts) > 1:
            continue  # unpacked by an older version, and made anew from the archive
        folder = root / file.folder / str(file.storage_id)
        folders[file.folder, file.storage_id] = folder
        target = folder / file.path
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if file.is_link:
            links.append((target, archive.read_link(file)))
        elif file.info.is_dir():
            limit.add_file(file.info.filename)
            target.mkdir(mode=0o700, exist_ok=True)
        else:
            with archive.zip.open(file.info) as source:
                limit.copy(source, target, file.info.filename)
            target.chmod(0o700 if file.is_executable else 0o600)
    for target, destination in links:  # last, so that nothing is written through one
        os.symlink(destination, target)
    return folders
