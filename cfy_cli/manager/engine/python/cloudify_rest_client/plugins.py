"""Plugins."""

from collections.abc import Sequence
from contextlib import closing

from .collection import Collection, Fields, given
from .constants import VisibilityState
from .item import Answer, Item, fields
from .responses import ListResponse
from .transfer import OnProgress, is_url, read_file, write_file


class Plugin(Item):
    FIELDS = fields(
        "id archive_name blueprint_labels created_by distribution distribution_release distribution_version "
        "excluded_wheels file_server_path installation_state labels package_name package_source package_version "
        "resource_tags supported_platform supported_py_versions tenant_name title uploaded_at visibility wheels "
        "yaml_files_paths yaml_url_path"
    )


class PluginsClient(Collection[Plugin]):
    path, item = "/plugins", Plugin

    def list(
        self, _include: Fields | None = None, sort: str | None = None, is_descending: bool = False, **kwargs: object
    ) -> ListResponse:
        return self._list(kwargs, _include, sort, is_descending)

    def get(self, plugin_id: str, _include: Fields | None = None, **kwargs: object) -> Plugin:
        return self._one(self.api.get(self._url(plugin_id), params=kwargs, _include=_include))

    def delete(self, plugin_id: str, force: bool = False) -> None:
        self.api.delete(self._url(plugin_id), {"force": force})

    def upload(
        self,
        plugin_path: str,
        plugin_title: str | None = None,
        visibility: str = VisibilityState.TENANT,
        progress_callback: OnProgress | None = None,
        _plugin_id: str | None = None,
        _uploaded_at: str | None = None,
        _created_by: str | None = None,
    ) -> Plugin | ListResponse:
        """Upload a wagon, or a zip of it and its YAML files, or a URL; a bundle answers a list of plugins."""
        query = given(
            visibility=visibility, title=plugin_title, id=_plugin_id, uploaded_at=_uploaded_at, created_by=_created_by
        )
        if is_url(plugin_path):
            answer = self.api.post(self.path, params={**query, "plugin_archive_url": plugin_path})
        else:
            answer = self.api.post(self.path, read_file(plugin_path, progress_callback), query)
        if "items" in answer and "metadata" in answer:
            return ListResponse(map(self.item, answer["items"]), answer["metadata"])
        return self._one(answer)

    def download(
        self,
        plugin_id: str,
        output_file: str | None,
        progress_callback: OnProgress | None = None,
        full_archive: bool = False,
    ) -> str:
        """Write the wagon, or all uploaded files as a zip, to a new file and return its path."""
        query = {"full_archive": full_archive or None}
        with closing(self.api.get(self._url(plugin_id, "archive"), params=query, stream=True)) as response:
            return write_file(response, output_file, progress_callback)

    def download_yaml(
        self, plugin_id: str, output_file: str | None, progress_callback: OnProgress | None = None
    ) -> str:
        with closing(self.api.get(self._url(plugin_id, "yaml"), stream=True)) as response:
            return write_file(response, output_file, progress_callback)

    def get_yaml(
        self, plugin_id: str, dsl_version: str | None = None, progress_callback: OnProgress | None = None
    ) -> str:
        query = {"dsl_version": dsl_version}
        with closing(self.api.get(self._url(plugin_id, "yaml"), params=query, stream=True)) as response:
            return b"".join(response.bytes_stream()).decode()

    def list_yaml_files(self, plugin_id: str, dsl_version: str | None = None) -> Sequence[str]:
        """Return the paths of the YAML files; only those for a version of the language if one is given."""
        paths: Sequence[str] = self.get(plugin_id).yaml_files_paths or []
        return [path for path in paths if not dsl_version or path.endswith(f"{dsl_version}.yaml")]

    def set_global(self, plugin_id: str) -> Answer:
        return self._set_visibility(plugin_id, VisibilityState.GLOBAL)

    def set_visibility(self, plugin_id: str, visibility: str) -> Answer:
        return self._set_visibility(plugin_id, visibility)

    def install(
        self, plugin_id: str, managers: Sequence[str] | None = None, agents: Sequence[str] | None = None
    ) -> Plugin:
        if not managers and not agents:
            raise RuntimeError("Name the managers or the agents to install the plugin on.")
        return self._one(self.api.post(self._url(plugin_id), given(action="install", managers=managers, agents=agents)))

    def set_state(
        self,
        plugin_id: str,
        state: str,
        agent_name: str | None = None,
        manager_name: str | None = None,
        error: str | None = None,
    ) -> Plugin:
        if agent_name and manager_name:
            raise RuntimeError("Name an agent or a manager, not both.")
        body = given(state=state, agent=agent_name, manager=manager_name, error=error)
        return self._one(self.api.put(self._url(plugin_id), body))

    def set_owner(self, plugin_id: str, creator: str) -> Plugin:
        return self.update(plugin_id, creator=creator)

    def update(self, plugin_id: str, **kwargs: object) -> Plugin:
        return self._one(self.api.patch(self._url(plugin_id), kwargs))
