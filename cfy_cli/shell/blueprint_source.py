"""Where a blueprint comes from: a file and its folder, an archive, a URL, or a repository on GitHub."""

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
from cfy_cli.errors import Unreachable, Usage

DEFAULT_FILE = "blueprint.yaml"


@dataclass(frozen=True, slots=True)
class Source:
    """What to send: an archive on disk, or the URL of one (`archive` is a str then)."""

    archive: Path | str
    file_name: str
    default_id: str
    blueprint: Path | None = None  # the blueprint's own file, where it is on this machine


@contextmanager
def prepared(typed: str, file_name: str, *, fetch: bool = False) -> Iterator[Source]:
    """The source that was typed, ready to send; with `fetch` a URL is downloaded first. Raises Usage."""
    path = Path(typed).expanduser()
    address = _address(typed)
    if path.is_file():
        if is_archive(path):
            yield Source(path, file_name, _id(_top_folder(path, file_name), file_name))
        else:
            folder = path.resolve().parent
            with archive_of(folder) as archive:
                yield Source(archive, path.name, _id(folder.name, file_name), path)
    elif address and fetch:
        with tempfile.TemporaryDirectory(prefix="cfy-") as folder_name:
            archive = _downloaded(address, Path(folder_name))
            yield Source(archive, file_name, _id(_top_folder(archive, file_name), file_name))
    elif address:
        folder_of_url = os.path.basename(os.path.dirname(urlsplit(address).path))
        yield Source(address, file_name, _id(folder_of_url, file_name))
    elif path.is_dir():
        raise Usage(f"{typed} is a folder", hint=f"Name the blueprint's file in it, such as {path / DEFAULT_FILE}")
    else:
        raise Usage(
            f"There is no file {typed}", hint="Give a blueprint's file, an archive, a URL, or organization/repository."
        )


def is_archive(path: Path) -> bool:
    return tarfile.is_tarfile(path) or zipfile.is_zipfile(path)


def _address(typed: str) -> str | None:
    if "://" in typed:
        return typed
    repository, _, reference = typed.partition(":")
    if repository.count("/") == 1 and not os.path.isdir(os.path.dirname(typed)) and all(repository.split("/")):
        return f"https://github.com/{repository}/archive/{reference or 'master'}.tar.gz"
    return None


def _id(folder: str, file_name: str) -> str:
    """A blueprint is called like its folder, and like its file too when that has not the usual name."""
    name = folder if file_name == DEFAULT_FILE else f"{folder}.{Path(file_name).stem}"
    return name.replace("_", "-")


def _top_folder(archive: Path, file_name: str) -> str:
    """The folder an archive holds. Raises Usage when the blueprint's file is not in it."""
    if tarfile.is_tarfile(archive):
        with tarfile.open(archive) as tar:
            names = tar.getnames()
    else:
        with zipfile.ZipFile(archive) as file:
            names = file.namelist()
    names = [name.removeprefix("./") for name in names if name not in (".", "./")]
    found = [name for name in names if name == file_name or name.partition("/")[2] == file_name]
    if not found:
        raise Usage(f"There is no {file_name} in {archive.name}", hint="Name the blueprint's file: -n FILE")
    top, _, inner = found[0].partition("/")
    return top if inner else archive.name.partition(".")[0]


def _downloaded(address: str, folder: Path) -> Path:
    import requests

    try:
        response = requests.get(address, stream=True, timeout=(10, 60))
        response.raise_for_status()
    except requests.RequestException as error:
        raise Unreachable(f"Cannot download {address}: {error}") from error
    return save(response, folder / "archive")
