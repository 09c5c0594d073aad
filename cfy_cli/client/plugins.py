"""Plugins on the wire: packing, uploads, archives and yaml files."""

import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from cfy_cli.client.collection import Collection, Item, given
from cfy_cli.client.transfer import CHUNK, Progress, save, silent
from cfy_cli.contract.labels import Label
from cfy_cli.errors import Unreachable, Usage

ICON = "icon.png"


class Plugins(Collection):
    def upload(self, archive: Path, *, progress: Progress = silent, **params: Any) -> Item:
        """Send a wagon, or a zip of a wagon and its yaml files."""
        body = _Streamed(archive, progress)
        return self.http.upload("POST", "plugins", body, "application/octet-stream", given(params))

    def upload_bundle(self, source: Path | str, *, progress: Progress = silent, **params: Any) -> list[Item]:
        """Send many plugins in one archive, or its URL for the manager to fetch; those that are new."""
        if isinstance(source, Path):
            return [dict(item) for item in self.upload(source, progress=progress, **params)["items"]]
        params["plugin_archive_url"] = source
        answer = self.http.upload("POST", "plugins", b"", "application/octet-stream", given(params))
        return [dict(item) for item in answer["items"]]

    def set_tags(self, key: str, tags: Mapping[str, Any]) -> Item:
        return self.patch(key, resource_tags=dict(tags))

    def handed_on(self, field: str) -> "PluginLabels":
        return PluginLabels(self, field)

    def archive(self, key: str) -> requests.Response:
        return self.http.download(f"{self.path(key)}/archive")

    def yaml(self, key: str) -> requests.Response:
        return self.http.download(f"{self.path(key)}/yaml")

    def install(self, key: str, managers: Sequence[str], agents: Sequence[str]) -> Item:
        """Start to install it there; its `installation_state` tells how that goes."""
        places = {"managers": list(managers) or None, "agents": list(agents) or None}
        return self.http.item("POST", self.path(key), json={"action": "install", **given(places)})

    def managers(self) -> list[str]:
        """The host names of the managers."""
        return [manager["hostname"] for manager in self.http.item("GET", "managers")["items"]]


class PluginLabels:
    """Labels that a plugin gives to what is made with it: `blueprint_labels`, or for deployments `labels`."""

    def __init__(self, plugins: Plugins, field: str) -> None:
        self._plugins, self._field = plugins, field

    def get(self, key: str, **query: Any) -> Item:
        return self._plugins.get(key, **query)

    def labels_of(self, key: str) -> Any:
        return self._plugins.get(key).get(self._field) or {}

    def set_labels(self, key: str, labels: Iterable[Label]) -> Item:
        values: dict[str, list[str]] = {}
        for name, value in labels:
            values.setdefault(name, []).append(value)
        return self._plugins.patch(key, **{self._field: values})


class _Streamed:
    """A file as a body that is sent in pieces; may be iterated more than once."""

    def __init__(self, file: Path, progress: Progress) -> None:
        self._file, self._progress = file, progress

    def __len__(self) -> int:
        return self._file.stat().st_size

    def __iter__(self) -> Iterator[bytes]:
        with self._file.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
                self._progress(len(chunk))


@contextmanager
def package(plugin: str, yamls: Sequence[str], icon: str | None) -> Iterator[Path]:
    """What to upload, which lives as long as the context: the file itself, or a zip of it and what goes with it.

    Each is a path or a URL. Raises Usage for a file that is not there, Unreachable for a URL.
    """
    with tempfile.TemporaryDirectory(prefix="cfy-") as name:
        folder = Path(name)
        wagon = _local(plugin, folder)
        if not yamls and not icon:
            yield wagon
            return
        whole = folder / "plugin.zip"
        with zipfile.ZipFile(whole, "w") as packed:  # a wagon is compressed already
            packed.write(wagon, wagon.name)
            for yaml in yamls:
                file = _local(yaml, folder)
                packed.write(file, file.name)
            if icon:
                packed.write(_local(icon, folder), ICON)
        yield whole


def _local(typed: str, folder: Path) -> Path:
    path = Path(typed).expanduser()
    if path.is_file():
        return path
    if "://" not in typed:
        raise Usage(f"There is no file {typed}")
    target = folder / (Path(urlsplit(typed).path).name or "download")
    try:
        with requests.get(typed, stream=True, timeout=(10, 60)) as response:
            response.raise_for_status()
            return save(response, target)
    except requests.RequestException as error:
        raise Unreachable(f"Cannot download {typed}: {error}") from error
