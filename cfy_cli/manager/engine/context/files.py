"""The files of a blueprint and of its deployment, for what runs on their behalf."""

import shutil
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path

from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.ports import Job


class JobFiles(ABC):
    def __init__(self, job: Job) -> None:
        self.job = job

    @abstractmethod
    def log(self, level: str, message: str) -> None: ...

    def resource(self, path: str) -> Path | None:
        """A file or folder of the deployment or, failing that, of the blueprint; None when there is none."""
        for folder in (self.job.workdir, self.job.resources):
            found = (folder / path).resolve()
            if found.is_relative_to(folder.resolve()) and found.exists():
                return found
        return None

    def existing(self, path: str) -> Path:
        found = self.resource(path)
        if found is None:
            raise Invalid(f"There is no {path} in the folder of the blueprint {self.job.blueprint_id}.")
        return found

    def download(self, path: str, target: str | None = None) -> str:
        """Copy a file of the blueprint to `target`, or to a new folder that lasts as long as the deployment."""
        source = self.existing(path)
        if not source.is_file():
            raise Invalid(f"{path} is not a file.")
        copy = self._place_for(source.name, target)
        shutil.copyfile(source, copy)
        self.log("info", f"Downloaded {path} to {copy}")
        return str(copy)

    def keep(self, path: str, text: str, target: str | None = None) -> str:
        """Write what was made of a file of the blueprint, to where `download` would copy it."""
        copy = self._place_for(Path(path).name, target)
        copy.write_text(text, encoding="utf-8")
        self.log("info", f"Downloaded {path} to {copy}")
        return str(copy)

    def _place_for(self, name: str, target: str | None) -> Path:
        return Path(target) if target else self._new_folder() / name

    def _new_folder(self) -> Path:
        downloads = self.job.workdir / "downloads"
        downloads.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=downloads))
