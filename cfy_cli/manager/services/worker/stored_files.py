"""Files for operations that a broker has sent to this machine: from the storage, into the cache of the machine."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import IO, cast

from cfy_cli.agent.files import FilesOfOperation, SharedFiles
from cfy_cli.agent.records import ApiRecords
from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.plan import PluginPlan
from cfy_cli.errors import NotFound
from cfy_cli.manager.services.blueprints import unpacked
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.plugins.installation import ensure_plugin_venv
from cfy_cli.manager.services.plugins.sources import ensure_source_venv
from cfy_cli.manager.services.runtime.working_folders import WorkingFolder
from cfy_cli.manager.store.files import BLUEPRINTS, CACHE, DEPLOYMENTS, PLUGINS
from cfy_cli.manager.store.models import Plugin


class StoredFiles:
    """The files of a manager, as this machine has them; folders are named relative to a data folder."""

    def __init__(self, app: AppContext) -> None:
        self.app = app
        self.shared = SharedFiles(app.settings.data_dir)

    def open(self, operation_id: str, records: ApiRecords) -> "_FilesOfOperation":
        return _FilesOfOperation(self, self.shared.open(operation_id, records))


class _FilesOfOperation:
    def __init__(self, files: StoredFiles, shared: FilesOfOperation) -> None:
        self._files, self._app, self._shared = files, files.app, shared
        self._until_end = ExitStack()

    def find(self, folder: str) -> Path:
        """Return a folder that a machine of the manager has named, as it is on this one."""
        parts = PurePosixPath(folder).parts
        if parts[:2] == (CACHE, BLUEPRINTS):
            return self._until_end.enter_context(unpacked.use(self._app.files, int(parts[2])))
        if parts[1:2] == (DEPLOYMENTS,):
            return self._enter_working_folder(int(parts[2]))
        return self._shared.find(folder)

    def _enter_working_folder(self, storage_id: int) -> Path:
        """Return the folder as this machine has it, and store it when the operation has ended."""
        working_folder = WorkingFolder(self._app, storage_id)
        path = self._until_end.enter_context(working_folder.use())
        self._until_end.callback(working_folder.store)
        return path

    def ensure_installed(self, plugin: PluginPlan, log: Callable[[str, str], None]) -> Path:
        """Install on this machine what the manager has installed for the operation where it answers."""
        present = self._shared.ensure_installed(plugin, log)
        data_dir = self._app.settings.data_dir
        parts = present.relative_to(data_dir).parts if present.is_relative_to(data_dir) else ()
        if parts[:2] == (CACHE, PLUGINS):
            key = (PLUGINS, int(parts[2]))
            self._until_end.enter_context(self._app.files.cache.use(key))
            with self._app.database.read() as session:
                row = session.get(Plugin, key[1])
            if row is None:
                raise NotFound("The plugin was deleted")
            return ensure_plugin_venv(self._app, row, log)
        if parts[:2] == (CACHE, BLUEPRINTS):
            storage_id = int(parts[2])
            resources = self._until_end.enter_context(unpacked.use(self._app.files, storage_id))
            return ensure_source_venv(self._app, storage_id, resources, cast(JsonObject, plugin), log)
        return present

    def fetch(self, url: str, file: IO[bytes]) -> None:
        self._shared.fetch(url, file)

    def close(self) -> None:
        """Store the working folder, and let go of what the operation has used. Raises CfyError."""
        self._until_end.close()
