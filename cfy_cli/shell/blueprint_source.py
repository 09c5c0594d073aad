"""Sources of blueprints: a file with its folder, an archive, a URL, or a repository on GitHub."""

import os
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from cfy_cli.client.transfer import archive_of, save
from cfy_cli.contract.archive_formats import READ_ERRORS, READ_HINT, detect_format, is_macos_metadata
from cfy_cli.contract.names import make_name
from cfy_cli.errors import Invalid, Unreachable, Usage

DEFAULT_FILE = "blueprint.yaml"
CONNECT_TIMEOUT, READ_TIMEOUT = 10, 60  # seconds


@dataclass(frozen=True, slots=True)
class BlueprintSource:
    """An archive to upload, or its URL."""

    archive: Path | str  # str: a URL, which the manager downloads
    file_name: str  # of the main file in the archive
    default_id: str
    main_file: Path | None = None  # on this machine


@contextmanager
def open_source(typed: str, file_name: str, *, download: bool = False) -> Iterator[BlueprintSource]:
    """Yield the source ready to upload; with `download` a URL is downloaded first. Raises Usage."""
    path = Path(os.path.expanduser(typed))
    url = _url(typed)
    if path.is_file():
        if is_archive(path):
            yield BlueprintSource(path, file_name, _default_id(_top_folder(path, file_name), file_name))
        else:
            folder = path.resolve().parent
            with archive_of(folder) as archive:
                yield BlueprintSource(archive, path.name, _default_id(folder.name, file_name), path)
    elif url and download:
        with tempfile.TemporaryDirectory(prefix="cfy-") as temporary:
            archive = _download(url, Path(temporary))
            yield BlueprintSource(archive, file_name, _default_id(_top_folder(archive, file_name), file_name))
    elif url:
        folder_of_url = os.path.basename(os.path.dirname(urlsplit(url).path))
        yield BlueprintSource(url, file_name, _default_id(folder_of_url, file_name))
    elif path.is_dir():
        raise Usage(f"{typed} is a folder", hint=f"Give the blueprint's main file, such as {path / DEFAULT_FILE}")
    else:
        raise Usage(
            f"The file {typed} does not exist",
            hint="Give the blueprint's main file, an archive, a URL, or organization/repository.",
        )


def is_archive(path: Path) -> bool:
    return detect_format(path) is not None


def _url(typed: str) -> str | None:
    """Return the URL of a source that is not a file; `organization/repository[:reference]` is one on GitHub."""
    if "://" in typed:
        return typed
    repository, _, reference = typed.partition(":")
    if repository.count("/") == 1 and not os.path.isdir(os.path.dirname(typed)) and all(repository.split("/")):
        return f"https://github.com/{repository}/archive/{reference or 'master'}.tar.gz"
    return None


def _default_id(folder: str, file_name: str) -> str:
    """Return the name of the folder, with that of the main file unless it has the usual name."""
    name = folder if file_name == DEFAULT_FILE else f"{folder}.{Path(file_name).stem}"
    return make_name(name.replace("_", "-"), "blueprint")


def _top_folder(archive: Path, file_name: str) -> str:
    """Return the folder in the archive. Raises Usage when the main file is not in it."""
    names = [name.removeprefix("./") for name in _list_members(archive) if name not in (".", "./")]
    matches = [name for name in names if name == file_name or name.partition("/")[2] == file_name]
    if not matches:
        raise Usage(f"There is no {file_name} in {archive.name}", hint="Give the name of the main file: -n FILE")
    top, _, inner = matches[0].partition("/")
    return top if inner else archive.name.partition(".")[0]


def _list_members(archive: Path) -> list[str]:
    """Return the names in the archive. Raises Invalid when it is no archive, or incomplete."""
    try:
        if detect_format(archive) == "zip":
            with zipfile.ZipFile(archive) as file:
                names = file.namelist()
        else:
            with tarfile.open(archive) as tar:
                names = tar.getnames()
    except READ_ERRORS as error:
        raise Invalid(
            f"The archive {archive.name} cannot be read, it may be incomplete: {error}", hint=READ_HINT
        ) from error
    return [name for name in names if not is_macos_metadata(name)]


def _download(url: str, folder: Path) -> Path:
    import requests

    try:
        response = requests.get(url, stream=True, timeout=(CONNECT_TIMEOUT, READ_TIMEOUT))
        response.raise_for_status()
    except requests.RequestException as error:
        raise Unreachable(f"Cannot download {url}: {error}") from error
    return save(response, folder / "archive")
