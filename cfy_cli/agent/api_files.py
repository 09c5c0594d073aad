"""Files of blueprints that an agent gets from the manager, and keeps as long as there is room."""

import importlib.util
import sys
import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import IO

from cfy_cli.agent.files import FilesOfOperation
from cfy_cli.agent.records import ApiRecords
from cfy_cli.contract.plan import PluginPlan
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.extraction import extract_all
from cfy_cli.manager.file_cache import FileCache

MAX_CACHE = 2 * 1024**3  # bytes of copies, beside those that are used
DEPLOYMENTS = "deployments"  # the folder with the working folders of deployments, which are not downloaded
KIND = "blueprints"  # of what is in the cache


class ApiFiles:
    """Copies of the manager's files in a folder of the agent. Files of a blueprint never change: one copy is enough."""

    def __init__(self, folder: Path) -> None:
        self.cache = FileCache(folder / "cache", MAX_CACHE)
        self.workdirs = folder / DEPLOYMENTS
        self._lock = threading.Lock()

    def open(self, operation_id: str, records: ApiRecords) -> FilesOfOperation:
        return _FilesOverApi(self, records)

    @contextmanager
    def use(self, folder: str, records: ApiRecords) -> Iterator[Path]:
        """Yield the copy of a folder, which is downloaded if it is not there and stays until the block ends."""
        key = (KIND, int(sha256(folder.encode()).hexdigest()[:15], 16))
        with self.cache.use(key) as target:
            with self._lock:  # one download for all operations that need it
                if not any(target.iterdir()):
                    self._download(folder, target, records)
                    self.cache.add_size(key)
            yield target

    def _download(self, folder: str, target: Path, records: ApiRecords) -> None:
        with tempfile.TemporaryDirectory(dir=self.cache.folder) as name:
            part = Path(name)
            archive = part / "files.tar.gz"
            records.download_folder(folder, archive)
            content = part / "content"
            with tarfile.open(archive) as opened:
                extract_all(opened, content)
            content.rename(target)


class _FilesOverApi:
    def __init__(self, files: ApiFiles, records: ApiRecords) -> None:
        self._files, self._records = files, records
        self._until_end = ExitStack()

    def find(self, folder: str) -> Path:
        parts = PurePosixPath(folder).parts
        if DEPLOYMENTS not in parts:
            return self._until_end.enter_context(self._files.use(folder, self._records))
        workdir = self._files.workdirs / parts[-1]
        workdir.mkdir(mode=0o700, parents=True, exist_ok=True)
        return workdir

    def close(self) -> None:
        """Let go of the copies, which stay as long as there is room."""
        self._until_end.close()

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
