"""Offline validation of plugin archives."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from cfy_cli.contract.archive_formats import READ_ERRORS, READ_HINT
from cfy_cli.errors import Invalid, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

METADATA_FILE = "package.json"
REQUIRED = ("package_name", "package_version", "archive_name", "supported_platform", "wheels")


IDENTITY = ("package_name", "package_version", "supported_platform")


@dataclass(frozen=True, slots=True)
class Wagon:
    package_name: str
    package_version: str
    supported_platform: str
    wheels: tuple[str, ...]


def check_wagon(archive: Path) -> Wagon:
    """Read a wagon, alone or in a zip with its YAML files. Raises Invalid with all its problems."""
    if not archive.is_file():
        raise Usage(f"There is no file {archive}")
    metadata: object = None
    wheels: dict[str, bool] = {}  # file name -> whether the wheel is intact
    try:
        for name, content in _files(archive):
            if PurePosixPath(name).name == METADATA_FILE:
                metadata = json.loads(content)
            elif name.endswith(".whl"):
                wheels[PurePosixPath(name).name] = _is_intact(content)
    except READ_ERRORS as error:
        raise Invalid(f"{archive} cannot be read, it may be incomplete: {error}", hint=READ_HINT) from error
    problems = _problems(metadata, wheels)
    if problems or not isinstance(metadata, dict):
        raise Invalid("\n".join(f"{archive}: {problem}" for problem in problems))
    name, version, platform = (
        str(metadata[field]) for field in ("package_name", "package_version", "supported_platform")
    )
    return Wagon(name, version, platform, tuple(wheels))


def _problems(metadata: object, wheels: dict[str, bool]) -> list[str]:
    if not isinstance(metadata, dict):
        return [f"it is not a wagon: it has no {METADATA_FILE}"]
    missing = [f"{METADATA_FILE} lacks `{name}`" for name in REQUIRED if not metadata.get(name)]
    listed = [str(name) for name in metadata.get("wheels") or ()]
    absent = [f"the wheel {name} is missing" for name in listed if name not in wheels]
    damaged = [f"the wheel {name} is damaged" for name, is_intact in wheels.items() if not is_intact]
    return [*missing, *absent, *damaged]


def _files(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of each file of the wagon."""
    if not zipfile.is_zipfile(archive):
        with tarfile.open(archive) as tar:
            yield from _tar_files(tar)
        return
    with zipfile.ZipFile(archive) as archive_file:
        inner = [name for name in archive_file.namelist() if name.endswith(".wgn")]
        if not inner:
            yield from ((name, archive_file.read(name)) for name in archive_file.namelist() if not name.endswith("/"))
            return
        for name in inner:
            with archive_file.open(name) as file, tarfile.open(fileobj=file) as tar:
                yield from _tar_files(tar)


def _tar_files(tar: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    for member in tar:
        file = tar.extractfile(member) if member.isfile() else None
        if file is not None:
            yield member.name, file.read()


def _is_intact(wheel: bytes) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(wheel)) as archive_file:
            return archive_file.testzip() is None
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError):
        return False
