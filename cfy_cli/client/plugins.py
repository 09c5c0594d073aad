"""Client of `/plugins`: packaging, uploads, archives and YAML files."""

import os
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import requests

from cfy_cli.client.collection import Collection, Item, without_none
from cfy_cli.client.transfer import Progress, StreamedFile, save, silent
from cfy_cli.contract.labels import Label
from cfy_cli.errors import Unreachable, Usage

ICON = "icon.png"
CONNECT_TIMEOUT, DOWNLOAD_TIMEOUT = 10, 60  # seconds


class Plugins(Collection):
    def upload(self, archive: Path, *, progress: Progress = silent, **params: object) -> Item:
        """Send a wagon, or a zip of a wagon and its YAML files."""
        body = StreamedFile(archive, progress)
        return self.http.upload("POST", "plugins", body, "application/octet-stream", without_none(params))

    def upload_bundle(self, source: Path | str, *, progress: Progress = silent, **params: object) -> list[Item]:
        """Send many plugins in one archive, or its URL for the manager to fetch; return the new ones."""
        if isinstance(source, Path):
            return [dict(item) for item in self.upload(source, progress=progress, **params)["items"]]
        params["plugin_archive_url"] = source
        answer = self.http.upload("POST", "plugins", b"", "application/octet-stream", without_none(params))
        return [dict(item) for item in answer["items"]]

    def set_tags(self, key: str, tags: Mapping[str, object]) -> Item:
        return self.patch(key, resource_tags=dict(tags))

    def propagated_labels(self, field: str) -> "PluginLabels":
        return PluginLabels(self, field)

    def archive(self, key: str) -> requests.Response:
        return self.http.download(f"{self.path(key)}/archive")

    def yaml(self, key: str) -> requests.Response:
        return self.http.download(f"{self.path(key)}/yaml")

    def install(self, key: str, managers: Sequence[str], agents: Sequence[str]) -> Item:
        """Start to install the plugin; its `installation_state` shows the progress."""
        targets = {"managers": list(managers) or None, "agents": list(agents) or None}
        return self.http.item("POST", self.path(key), json={"action": "install", **without_none(targets)})

    def managers(self) -> list[str]:
        """Return the host names of the managers."""
        return [manager["hostname"] for manager in self.http.item("GET", "managers")["items"]]


class PluginLabels:
    """Labels that a plugin gives to blueprints (`blueprint_labels`) or deployments (`labels`) that use it."""

    def __init__(self, plugins: Plugins, field: str) -> None:
        self._plugins, self._field = plugins, field

    def get(self, key: str, **query: object) -> Item:
        return self._plugins.get(key, **query)

    def labels_of(self, key: str) -> object:
        return self._plugins.get(key).get(self._field) or {}

    def set_labels(self, key: str, labels: Iterable[Label]) -> Item:
        values: dict[str, list[str]] = {}
        for name, value in labels:
            values.setdefault(name, []).append(value)
        return self._plugins.patch(key, **{self._field: values})


@contextmanager
def package(plugin: str, yamls: Sequence[str], icon: str | None) -> Iterator[Path]:
    """Yield the file to upload: the wagon itself, or a temporary zip of it with its YAML files and icon.

    Each argument is a path or a URL. Raises Usage for a missing file, Unreachable for a failed download.
    """
    with tempfile.TemporaryDirectory(prefix="cfy-") as name:
        folder = Path(name)
        wagon = _local_file(plugin, folder)
        if not yamls and not icon:
            yield wagon
            return
        bundle = folder / "plugin.zip"
        with zipfile.ZipFile(bundle, "w") as packed:  # a wagon is compressed already
            packed.write(wagon, wagon.name)
            for yaml in yamls:
                file = _local_file(yaml, folder)
                packed.write(file, file.name)
            if icon:
                packed.write(_local_file(icon, folder), ICON)
        yield bundle


def _local_file(source: str, folder: Path) -> Path:
    path = Path(os.path.expanduser(source))
    if path.is_file():
        return path
    if "://" not in source:
        raise Usage(f"There is no file {source}")
    target = folder / (Path(urlsplit(source).path).name or "download")
    try:
        with requests.get(source, stream=True, timeout=(CONNECT_TIMEOUT, DOWNLOAD_TIMEOUT)) as response:
            response.raise_for_status()
            return save(response, target)
    except requests.RequestException as error:
        raise Unreachable(f"Cannot download {source}: {error}") from error
