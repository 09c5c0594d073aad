"""Plugin packages as they are sent: a wagon, or a zip that holds a wagon and the plugin's YAML files."""

import json
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any

import yaml

from cfy_cli.errors import Invalid
from cfy_cli.manager.services.transfer.archives import MOST_BYTES

ABOUT = "package.json"  # in the folder at the top of every wagon
SUFFIX = ".wgn"
MOST_TEXT = 5 * 1024 * 1024  # bytes of a YAML file, an icon or package.json
NEEDED = ("package_name", "package_version", "archive_name")


@dataclass(frozen=True, slots=True)
class Package:
    """A plugin taken apart: where its wagon lies, what package.json says of it, and what came beside it."""

    wagon: Path
    about: dict[str, Any]
    yamls: dict[str, bytes] = field(default_factory=dict)  # by file name
    icon: bytes | None = None


def look_into(archive: Path, beside: Path) -> Package:
    """What somebody sent; a wagon within a zip is unpacked to `beside`. Raises Invalid."""
    try:
        if not zipfile.is_zipfile(archive):
            return Package(archive, read_about(archive))
        with zipfile.ZipFile(archive) as packed:
            files = [member for member in packed.infolist() if not member.is_dir()]
            if any(_is_about(member.filename) for member in files):
                return Package(archive, read_about(archive))
            return _taken_apart(packed, files, beside)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, EOFError) as error:
        raise Invalid(f"The plugin's archive cannot be read: {error}") from error


def read_about(wagon: Path) -> dict[str, Any]:
    """The package.json of a wagon. Raises Invalid when it is no wagon."""
    try:
        with _about_file(wagon) as file:
            about = json.loads(_bounded(file, ABOUT))
    except (tarfile.TarError, zipfile.BadZipFile, OSError, EOFError, ValueError) as error:
        opened = not isinstance(error, tarfile.ReadError)
        reason = error if opened else "it is neither a zip nor a whole tar archive"
        raise Invalid(f"This is no wagon: {reason}") from error
    if not isinstance(about, dict) or not all(isinstance(about.get(name), str) and about[name] for name in NEEDED):
        raise Invalid(f"The {ABOUT} of the wagon does not tell {', '.join(NEEDED)}")
    return about


@contextmanager
def wheels_of(wagon: Path) -> Iterator[Iterator[tuple[str, IO[bytes]]]]:
    """(file name, content) of each wheel in a wagon; each is to be read before the next is asked for."""
    if zipfile.is_zipfile(wagon):
        with zipfile.ZipFile(wagon) as packed:
            yield ((PurePosixPath(name).name, packed.open(name)) for name in packed.namelist() if _is_wheel(name))
        return
    with tarfile.open(wagon) as tar:
        yield (
            (PurePosixPath(member.name).name, file)
            for member in tar
            if member.isfile() and _is_wheel(member.name) and (file := tar.extractfile(member)) is not None
        )


def _taken_apart(packed: zipfile.ZipFile, files: list[zipfile.ZipInfo], beside: Path) -> Package:
    wagons = [member for member in files if member.filename.endswith(SUFFIX)]
    yamls = {
        PurePosixPath(member.filename).name: member
        for member in files
        if member.filename.lower().endswith((".yaml", ".yml"))
    }
    if len(wagons) != 1:
        raise Invalid(
            f"Archive must include one wgn file; this one has {len(wagons)}",
            hint="Send a zip of a wagon (*.wgn) and its plugin.yaml.",
        )
    if not yamls:
        raise Invalid("Archive must include the plugin's yaml file beside the wagon")
    texts = {name: _member(packed, member) for name, member in yamls.items()}
    for name, text in texts.items():
        read_yaml(name, text)
    icon = next((_member(packed, member) for member in files if member.filename == "icon.png"), None)
    _copy(packed, wagons[0], beside)
    return Package(beside, read_about(beside), texts, icon)


def read_yaml(name: str, text: bytes) -> dict[str, Any]:
    """The sections of a plugin's YAML file. Raises Invalid."""
    try:
        document = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise Invalid(f"`{name}` is not YAML: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("plugins"), dict):
        raise Invalid(f"`{name}` is not the YAML file of a plugin: it has no section `plugins`")
    return document


@contextmanager
def _about_file(wagon: Path) -> Iterator[IO[bytes]]:
    if zipfile.is_zipfile(wagon):
        with zipfile.ZipFile(wagon) as packed:
            name = next((name for name in packed.namelist() if _is_about(name)), None)
            if name is None:
                raise ValueError(f"it holds no {ABOUT}")
            with packed.open(name) as file:
                yield file
        return
    with tarfile.open(wagon) as tar:
        for member in tar:
            if member.isfile() and _is_about(member.name) and (found := tar.extractfile(member)) is not None:
                yield found
                return
        raise ValueError(f"it holds no {ABOUT}")


def _is_about(name: str) -> bool:
    return PurePosixPath(name).name == ABOUT and len(PurePosixPath(name).parts) <= 2


def _is_wheel(name: str) -> bool:
    return name.endswith(".whl")


def _member(packed: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    with packed.open(member) as file:
        return _bounded(file, member.filename)


def _bounded(file: IO[bytes], name: str) -> bytes:
    content = file.read(MOST_TEXT + 1)
    if len(content) > MOST_TEXT:
        raise Invalid(f"The archive was refused: `{name}` is larger than {MOST_TEXT >> 20} MiB")
    return content


def _copy(packed: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    left = MOST_BYTES
    with packed.open(member) as source, target.open("wb") as file:
        while chunk := source.read(1 << 20):
            left -= len(chunk)
            if left < 0:
                raise Invalid(f"The archive was refused: its wagon is larger than {MOST_BYTES >> 20} MiB")
            file.write(chunk)
