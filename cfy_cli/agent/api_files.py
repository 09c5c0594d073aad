"""Files of blueprints that an agent gets from the manager, and keeps as long as there is room."""

import importlib.util
import os
import shutil
import sys
import tarfile
import tempfile
import threading
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import IO

from cfy_cli.agent.files import FilesOfOperation
from cfy_cli.agent.records import ApiRecords
from cfy_cli.contract.plan import PluginPlan
from cfy_cli.errors import Invalid

MAX_CACHED = 50  # folders of blueprints
DEPLOYMENTS = "deployments"  # the folder with the working folders of deployments, which are not downloaded


class ApiFiles:
    """Copies of the manager's files in a folder of the agent. Files of a blueprint never change: one copy is enough."""

    def __init__(self, folder: Path) -> None:
        self.cache = folder / "blueprints"
        self.workdirs = folder / DEPLOYMENTS
        self._lock = threading.Lock()

    def open(self, operation_id: str, records: ApiRecords) -> FilesOfOperation:
        return _FilesOverApi(self, records)

    def ensure(self, folder: str, records: ApiRecords) -> Path:
        """Return the copy of a folder, which is downloaded if it is not there."""
        target = self.cache / sha256(folder.encode()).hexdigest()[:32]
        with self._lock:  # one download for all operations that need it
            if not target.is_dir():
                self.cache.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._download(folder, target, records)
                self._make_room()
            os.utime(target)
        return target

    def _download(self, folder: str, target: Path, records: ApiRecords) -> None:
        with tempfile.TemporaryDirectory(dir=self.cache) as name:
            part = Path(name)
            archive = part / "files.tar.gz"
            records.download_folder(folder, archive)
            content = part / "content"
            with tarfile.open(archive) as opened:
                opened.extractall(content, filter="data")
            content.rename(target)

    def _make_room(self) -> None:
        """Remove the copies that were not used for the longest time."""
        copies = sorted((each for each in self.cache.iterdir() if each.is_dir()), key=lambda each: each.stat().st_mtime)
        for each in copies[: max(0, len(copies) - MAX_CACHED)]:
            shutil.rmtree(each, ignore_errors=True)


class _FilesOverApi:
    def __init__(self, files: ApiFiles, records: ApiRecords) -> None:
        self._files, self._records = files, records

    def find(self, folder: str) -> Path:
        parts = PurePosixPath(folder).parts
        if DEPLOYMENTS not in parts:
            return self._files.ensure(folder, self._records)
        workdir = self._files.workdirs / parts[-1]
        workdir.mkdir(mode=0o700, parents=True, exist_ok=True)
        return workdir

    def close(self) -> None:
        """Do nothing: the copies stay as long as there is room."""

    def ensure_installed(self, plugin: PluginPlan, log: Callable[[str, str], None]) -> Path:
        """Return the environment of the agent itself. Raises Invalid when it has not the plugin."""
        package = str(plugin.get("package_name") or plugin["name"]).replace("-", "_")
        if plugin.get("install") is False or importlib.util.find_spec(package) is not None:
            return Path(sys.prefix)
        raise Invalid(
            f"The agent has not the plugin {plugin['name']}: agents run scripts, and plugins of their own environment",
            hint=f"Install it there: {sys.executable} -m pip install {plugin.get('package_name') or plugin['name']}",
        )

    def fetch(self, url: str, file: IO[bytes]) -> None:
        self._records.download_url(url, file)
