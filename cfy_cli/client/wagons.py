"""Whether the archive of a plugin is whole, found out without a manager."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from cfy_cli.errors import Invalid, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

ABOUT = "package.json"
NEEDED = ("package_name", "package_version", "archive_name", "supported_platform", "wheels")


@dataclass(frozen=True, slots=True)
class Wagon:
    package_name: str
    package_version: str
    supported_platform: str
    wheels: tuple[str, ...]


def check_wagon(archive: Path) -> Wagon:
    """What a wagon holds, alone or in a zip with its yaml files. Raises Invalid with all that is wrong with it."""
    if not archive.is_file():
        raise Usage(f"There is no file {archive}")
    about: Any = None
    seen: dict[str, bool] = {}  # wheels, and whether each is whole
    try:
        for name, content in _files(archive):
            if PurePosixPath(name).name == ABOUT:
                about = json.loads(content)
            elif name.endswith(".whl"):
                seen[PurePosixPath(name).name] = _is_whole(content)
    except (tarfile.TarError, zipfile.BadZipFile, OSError, EOFError, ValueError, zlib.error) as error:
        raise Invalid(f"{archive} cannot be read: {error}") from error
    problems = _problems(about, seen)
    if problems:
        raise Invalid("\n".join(f"{archive}: {problem}" for problem in problems))
    name, version, platform = (str(about[field]) for field in ("package_name", "package_version", "supported_platform"))
    return Wagon(name, version, platform, tuple(seen))


def _problems(about: Any, seen: dict[str, bool]) -> list[str]:
    if not isinstance(about, dict):
        return [f"it is no wagon: it holds no {ABOUT}"]
    missing = [f"{ABOUT} does not tell `{name}`" for name in NEEDED if not about.get(name)]
    listed = [str(name) for name in about.get("wheels") or ()]
    absent = [f"the wheel {name} is not there" for name in listed if name not in seen]
    damaged = [f"the wheel {name} is damaged" for name, whole in seen.items() if not whole]
    return [*missing, *absent, *damaged]


def _files(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file of the wagon."""
    if not zipfile.is_zipfile(archive):
        with tarfile.open(archive) as tar:
            yield from _in_tar(tar)
        return
    with zipfile.ZipFile(archive) as packed:
        inner = [name for name in packed.namelist() if name.endswith(".wgn")]
        if not inner:
            yield from ((name, packed.read(name)) for name in packed.namelist() if not name.endswith("/"))
            return
        for name in inner:
            with packed.open(name) as file, tarfile.open(fileobj=file) as tar:
                yield from _in_tar(tar)


def _in_tar(tar: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    for member in tar:
        file = tar.extractfile(member) if member.isfile() else None
        if file is not None:
            yield member.name, file.read()


def _is_whole(wheel: bytes) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(wheel)) as packed:
            return packed.testzip() is None
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError):
        return False
