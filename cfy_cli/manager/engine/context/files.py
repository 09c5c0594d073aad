"""Files of a blueprint and of its deployment, for operations and workflows."""

import copy
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Self

from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.operation_user import acting_as
from cfy_cli.manager.engine.ports import Job

MANAGER_RESOURCES = "/opt/manager/resources"  # the folder of a public manager, which public code has built in


class JobFiles(ABC):
    def __init__(self, job: Job) -> None:
        self.job = job
        self._folder = job.workdir  # relative targets are resolved from here

    def in_folder(self, folder: str) -> Self:
        """Return a copy that resolves relative targets from another folder."""
        other = copy.copy(self)
        other._folder = self._folder / folder
        return other

    @abstractmethod
    def log(self, level: str, message: str) -> None: ...

    def resource(self, path: str) -> Path | None:
        """Return a file or folder of the deployment or else of the blueprint; None when neither has it.

        What is imported under a namespace, `NAMESPACE--PATH`, is a file of the imported blueprint, or of the blueprint
        itself.
        """
        found = self._find(path, self.job.resources)
        if found is None and "--" in path:
            namespace, _, name = path.rpartition("--")
            return self._find(name, self.job.imported.get(namespace, self.job.resources))
        return found

    def _find(self, path: str, resources: Path) -> Path | None:
        workdir = self.job.workdir.resolve()
        path = path.removeprefix(f"{MANAGER_RESOURCES}/blueprints/{self.job.tenant_name}/{self.job.blueprint_id}/")
        for folder in (workdir, resources.resolve()):
            resolved = (folder / path).resolve()
            # The deployment's folder itself holds downloads, so the one of the blueprint is meant.
            if resolved.is_relative_to(folder) and resolved.exists() and resolved != workdir:
                return resolved
        return None

    def blueprint_folder(self, file: Path) -> Path | None:
        """Return the folder of the blueprint, or of an imported one, that holds a file; None for other files."""
        folders = (folder.resolve() for folder in (self.job.resources, *self.job.imported.values()))
        return next((folder for folder in folders if file.is_relative_to(folder)), None)

    def require(self, path: str) -> Path:
        """Return a file or folder. Raises Invalid when there is none."""
        resource = self.resource(path)
        if resource is None:
            raise Invalid(f"There is no {path} in the folder of the blueprint {self.job.blueprint_id}.")
        return resource

    def file(self, path: str) -> Path:
        """Return a file. Raises Invalid when there is none or it is a folder."""
        resource = self.require(path)
        if not resource.is_file():
            raise Invalid(f"{path} is not a file.")
        return resource

    def read(self, path: str) -> bytes:
        """Return the content of a file. Raises Invalid when there is none, or when it cannot be read."""
        file = self.file(path)
        try:
            with acting_as(self.job.user):
                return file.read_bytes()
        except OSError as error:
            raise Invalid(f"{path} cannot be read: {error.strerror or error}.") from error

    def download(self, path: str, target: str | None = None) -> str:
        """Copy a file of the blueprint to `target`, or to a new folder that is kept as long as the deployment."""
        source = self.file(path)
        return self._write_file(path, target, lambda destination: shutil.copyfile(source, destination))

    def write_rendered(self, path: str, text: str, target: str | None = None) -> str:
        """Write a rendered file of the blueprint to the path to which `download` would copy the file."""
        return self._write_file(path, target, lambda destination: destination.write_text(text, encoding="utf-8"))

    def download_folder(self, path: str, target: str | None = None) -> str:
        """Copy a folder as `download` copies a file; other files in `target` stay."""
        source = self.require(path)
        if not source.is_dir():
            raise Invalid(f"{path} is not a folder.")
        destination = self._folder / target if target else self._create_folder()
        return self._write(path, destination, lambda folder: shutil.copytree(source, folder, dirs_exist_ok=True))

    def _write_file(self, path: str, target: str | None, write: Callable[[Path], object]) -> str:
        destination = self._folder / target if target else self._create_folder()
        return self._write(path, destination / Path(path).name if destination.is_dir() else destination, write)

    def _write(self, path: str, destination: Path, write: Callable[[Path], object]) -> str:
        try:
            with acting_as(self.job.user):
                write(destination)
        except OSError as error:
            raise Invalid(f"{path} cannot be copied to {destination}: {error.strerror or error}.") from error
        self.log("info", f"Downloaded {path} to {destination}")
        return str(destination)

    def _create_folder(self) -> Path:
        downloads = self.job.workdir / "downloads"
        with acting_as(self.job.user):
            downloads.mkdir(parents=True, exist_ok=True)
            return Path(tempfile.mkdtemp(dir=downloads))
