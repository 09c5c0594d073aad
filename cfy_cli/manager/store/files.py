"""Archives and unpacked folders on disk: written beside, synced, renamed."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


class Files:
    """Everything the manager keeps outside its database, below one folder.

    blueprints/NUMBER/archive.SUFFIX, blueprints/NUMBER/resources/, blueprints/NUMBER/plugins/ (the environments of
    plugins that it brings as source), deployments/NUMBER/, plugins/NUMBER/: NUMBER is the row's storage id, so nothing
    a user types becomes the name of a folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.incoming = folder / "incoming"

    def prepare(self) -> None:
        for folder in (self.folder, self.incoming):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def blueprint(self, number: int) -> Path:
        return self.folder / "blueprints" / str(number)

    def resources(self, number: int) -> Path:
        """The unpacked blueprint: what scripts and templates are read from."""
        return self.blueprint(number) / "resources"

    def archive(self, number: int) -> Path | None:
        return next(iter(sorted(self.blueprint(number).glob("archive.*"))), None)

    def deployment(self, number: int) -> Path:
        return self.folder / "deployments" / str(number)

    def plugin(self, number: int) -> Path:
        """A plugin's wagon, its YAML files, and the environment it is installed in."""
        return self.folder / "plugins" / str(number)

    @contextmanager
    def receive(self) -> Iterator[tuple[BinaryIO, Path]]:
        """A temporary file to fill; removed at the end unless it was moved away by then."""
        self.incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.incoming)
        path = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file, path
        finally:
            path.unlink(missing_ok=True)

    def keep_archive(self, path: Path, number: int, suffix: str) -> None:
        """Make a received file the blueprint's archive, whole or not at all."""
        with path.open("rb") as file:
            os.fsync(file.fileno())
        target = self.blueprint(number)
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.replace(target / f"archive.{suffix}")

    def forget_blueprint(self, number: int) -> None:
        shutil.rmtree(self.blueprint(number), ignore_errors=True)

    def forget_deployment(self, number: int) -> None:
        shutil.rmtree(self.deployment(number), ignore_errors=True)

    def forget_plugin(self, number: int) -> None:
        shutil.rmtree(self.plugin(number), ignore_errors=True)
