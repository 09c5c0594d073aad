"""The files of a blueprint and of its deployment, for what runs on their behalf."""

import copy
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Self

from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.ports import Job


class JobFiles(ABC):
    def __init__(self, job: Job) -> None:
        self.job = job
        self._standing = job.workdir  # where relative targets lead from

    def standing(self, folder: str) -> Self:
        """The same, for one who asks from another folder."""
        same = copy.copy(self)
        same._standing = self._standing / folder
        return same

    @abstractmethod
    def log(self, level: str, message: str) -> None: ...

    def resource(self, path: str) -> Path | None:
        """A file or folder of the deployment or, failing that, of the blueprint; None when there is none."""
        for folder in (self.job.workdir.resolve(), self.job.resources.resolve()):
            found = (folder / path).resolve()
            whole = found == self.job.workdir.resolve()  # it holds what was downloaded: the blueprint's is meant
            if found.is_relative_to(folder) and found.exists() and not whole:
                return found
        return None

    def require(self, path: str) -> Path:
        found = self.resource(path)
        if found is None:
            raise Invalid(f"There is no {path} in the folder of the blueprint {self.job.blueprint_id}.")
        return found

    def file(self, path: str) -> Path:
        found = self.require(path)
        if not found.is_file():
            raise Invalid(f"{path} is not a file.")
        return found

    def download(self, path: str, target: str | None = None) -> str:
        """Copy a file of the blueprint to `target`, or to a new folder that lasts as long as the deployment."""
        source = self.file(path)
        return self._placed(path, target, lambda place: shutil.copyfile(source, place))

    def keep(self, path: str, text: str, target: str | None = None) -> str:
        """Write what was made of a file of the blueprint, to where `download` would copy it."""
        return self._placed(path, target, lambda place: place.write_text(text, encoding="utf-8"))

    def download_folder(self, path: str, target: str | None = None) -> str:
        """As download, with all that is in a folder; what is in `target` already stays."""
        source = self.require(path)
        if not source.is_dir():
            raise Invalid(f"{path} is not a folder.")
        place = self._standing / target if target else self._new_folder()
        return self._written(path, place, lambda place: shutil.copytree(source, place, dirs_exist_ok=True))

    def _placed(self, path: str, target: str | None, write: Callable[[Path], object]) -> str:
        place = self._standing / target if target else self._new_folder()
        return self._written(path, place / Path(path).name if place.is_dir() else place, write)

    def _written(self, path: str, place: Path, write: Callable[[Path], object]) -> str:
        try:
            write(place)
        except OSError as error:
            raise Invalid(f"{path} cannot be copied to {place}: {error.strerror or error}.") from error
        self.log("info", f"Downloaded {path} to {place}")
        return str(place)

    def _new_folder(self) -> Path:
        downloads = self.job.workdir / "downloads"
        downloads.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=downloads))
