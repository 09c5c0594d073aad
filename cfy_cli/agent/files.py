"""The files of blueprints and the plugins that operations use, where they run."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Protocol, cast

from cfy_cli.agent.records import ApiRecords, OperationFiles
from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.plan import PluginPlan


class FileSource(Protocol):
    """The files of the manager, as a worker or an agent gets them."""

    def open(self, operation_id: str, records: ApiRecords) -> "FilesOfOperation": ...


class FilesOfOperation(OperationFiles, Protocol):
    def find(self, folder: str) -> Path:
        """Return a folder of the manager's files on this machine; the one of a deployment is created."""

    def close(self) -> None:
        """Let go of the files when the operation has ended, before its outcome is sent."""


class SharedFiles:
    """The files of a manager that this process can reach in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self, operation_id: str, records: ApiRecords) -> FilesOfOperation:
        return _SharedFilesOfOperation(self.folder, records)


class _SharedFilesOfOperation:
    def __init__(self, folder: Path, records: ApiRecords) -> None:
        self._folder, self._records = folder, records

    def find(self, folder: str) -> Path:
        return self._folder / folder

    def ensure_installed(self, plugin: PluginPlan, log: Callable[[str, str], None]) -> Path:
        """Have the manager install the plugin in the folder that both use."""
        installed = cast(JsonObject, self._records.call("install_plugin", plugin=cast(Json, plugin)))
        for level, message in cast("list[list[str]]", installed["log"]):
            log(level, message)
        folder = installed["folder"]
        return Path(sys.prefix) if folder is None else self._folder / str(folder)

    def close(self) -> None:
        """Do nothing: the manager keeps them."""

    def fetch(self, url: str, file: IO[bytes]) -> None:
        self._records.download_url(url, file)
