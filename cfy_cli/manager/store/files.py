"""Archives and unpacked folders on disk: written to a temporary file, synced and renamed."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class Files:
    """Everything the manager stores outside its database, below one folder.

    blueprints/ID/archive.SUFFIX, blueprints/ID/resources/, blueprints/ID/plugins/ (virtual environments of the plugins
    that a blueprint brings as source), deployments/ID/, plugins/ID/, libraries/: ID is the storage id of the row, so no
    name that a user typed becomes the name of a folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.incoming = folder / "incoming"

    def create_folders(self) -> None:
        for folder in (self.folder, self.incoming):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def blueprint_folder(self, storage_id: int) -> Path:
        return self.folder / "blueprints" / str(storage_id)

    def resources_folder(self, storage_id: int) -> Path:
        """Return the folder of the unpacked blueprint, which holds its scripts and templates."""
        return self.blueprint_folder(storage_id) / "resources"

    def find_archive(self, storage_id: int) -> Path | None:
        return next(iter(sorted(self.blueprint_folder(storage_id).glob("archive.*"))), None)

    def deployment_folder(self, storage_id: int) -> Path:
        return self.folder / "deployments" / str(storage_id)

    def plugin_folder(self, storage_id: int) -> Path:
        """Return the folder of a plugin: its wagon, its YAML files and its virtual environment."""
        return self.folder / "plugins" / str(storage_id)

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

    def save_archive(self, path: Path, storage_id: int, suffix: str) -> None:
        """Move a received file to where the blueprint's archive belongs, atomically."""
        with path.open("rb") as file:
            os.fsync(file.fileno())
        target = self.blueprint_folder(storage_id)
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.replace(target / f"archive.{suffix}")

    def delete_blueprint(self, storage_id: int) -> None:
        shutil.rmtree(self.blueprint_folder(storage_id), ignore_errors=True)

    def delete_deployment(self, storage_id: int) -> None:
        shutil.rmtree(self.deployment_folder(storage_id), ignore_errors=True)

    def delete_plugin(self, storage_id: int) -> None:
        shutil.rmtree(self.plugin_folder(storage_id), ignore_errors=True)
