"""Uploaded plugins: a wagon, or a zip of a wagon, the plugin's YAML files and an icon."""

import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, TypedDict, cast

from cfy_cli.contract.archive_formats import READ_ERRORS, READ_HINT
from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.json_values import parse_json
from cfy_cli.contract.limits import Limits
from cfy_cli.dsl.yaml_reader import load_plain
from cfy_cli.errors import Invalid
from cfy_cli.manager.failures import is_disk_full
from cfy_cli.manager.services.transfer.archive_limits import UnpackLimit, check, open_tar, open_zip
from cfy_cli.manager.services.transfer.archives import readable

METADATA_FILE = "package.json"  # in the folder at the top of every wagon
SUFFIX = ".wgn"
MAX_TEXT_BYTES = 5 * 1024 * 1024  # of a YAML file, an icon or package.json
MAX_NAME_BYTES = 255  # of a file
REQUIRED = ("package_name", "package_version", "archive_name")
TEXTS = ("package_source", "supported_platform")
LISTS = ("supported_python_versions", "wheels", "excluded_wheels")
SYSTEM = "build_server_os_properties"


class BuildServer(TypedDict, total=False):
    distribution: str | None
    distribution_version: str | None
    distribution_release: str | None


class _RequiredMetadata(TypedDict):
    package_name: str
    package_version: str
    archive_name: str


class WagonMetadata(_RequiredMetadata, total=False):
    """The package.json of a wagon."""

    package_source: str | None
    supported_platform: str | None
    supported_python_versions: list[str] | None
    build_server_os_properties: BuildServer | None
    wheels: list[str] | None
    excluded_wheels: list[str] | None


@dataclass(frozen=True, slots=True)
class Package:
    """The parts of an uploaded plugin."""

    wagon: Path
    metadata: WagonMetadata
    yamls: dict[str, bytes] = field(default_factory=dict)  # by file name
    icon: bytes | None = None


def read_package(archive: Path, wagon: Path, limits: Limits) -> Package:
    """Read an uploaded plugin; if it is a zip that contains a wagon, unpack that to `wagon`. Raises Invalid."""
    with readable("The plugin's archive"):
        if not zipfile.is_zipfile(archive):
            return Package(archive, read_metadata(archive, limits))
        with open_zip(archive, limits) as packed:
            members = [member for member in packed.infolist() if not member.is_dir()]
            if any(_is_metadata(member.filename) for member in members):
                return Package(archive, read_metadata(archive, limits))
            limit = UnpackLimit(archive, limits)
            return _read_zip(packed, members, wagon, limit, limits)


def read_metadata(wagon: Path, limits: Limits) -> WagonMetadata:
    """Return the package.json of a wagon. Raises Invalid when the file is no wagon, or is damaged."""
    try:
        check(wagon, limits)
        with _open_metadata(wagon, limits) as file:
            metadata = parse_json(_read_bounded(file, METADATA_FILE), f"The {METADATA_FILE} of the wagon")
    except READ_ERRORS as error:
        if is_disk_full(error):
            raise
        is_archive = not isinstance(error, tarfile.ReadError)
        reason = error if is_archive else "it is neither a zip nor a complete tar archive"
        raise Invalid(f"The file is not a wagon: {reason}", hint=READ_HINT) from error
    if not isinstance(metadata, dict) or not all(
        isinstance(metadata.get(name), str) and metadata[name] for name in REQUIRED
    ):
        raise Invalid(f"The {METADATA_FILE} of the wagon needs {', '.join(REQUIRED)}")
    _check_types(metadata)
    return cast("WagonMetadata", metadata)


def _check_types(metadata: JsonObject) -> None:
    """Raise Invalid for an optional field of a wrong type."""
    system = metadata.get(SYSTEM) or {}
    fields: list[tuple[str, Json, str]] = [
        *((name, metadata.get(name) or "", "text") for name in TEXTS),
        *((name, metadata.get(name) or [], "a list of texts") for name in LISTS),
        (SYSTEM, system, "an object"),
    ]
    if isinstance(system, dict):
        fields += [(f"{SYSTEM}.{name}", value or "", "text") for name, value in system.items()]
    kinds = {"text": str, "a list of texts": list, "an object": dict}
    for name, value, kind in fields:
        is_text = not isinstance(value, list) or all(isinstance(item, str) for item in value)
        if not isinstance(value, kinds[kind]) or not is_text:
            raise Invalid(f"`{name}` in the {METADATA_FILE} of the wagon must be {kind}")


@contextmanager
def open_wheels(wagon: Path, limits: Limits) -> Iterator[Iterator[tuple[str, IO[bytes]]]]:
    """Yield file name and content of each wheel in a wagon; read each before the next one."""
    if zipfile.is_zipfile(wagon):
        with open_zip(wagon, limits) as packed:
            yield ((PurePosixPath(name).name, packed.open(name)) for name in packed.namelist() if _is_wheel(name))
        return
    with open_tar(wagon, limits) as tar:
        yield (
            (PurePosixPath(member.name).name, file)
            for member in tar
            if member.isfile() and _is_wheel(member.name) and (file := tar.extractfile(member)) is not None
        )


def read_yaml(name: str, text: bytes) -> JsonObject:
    """Return the sections of a plugin's YAML file. Raises Invalid."""
    try:
        document = load_plain(text)
    except ValueError as error:
        raise Invalid(f"`{name}` cannot be read: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("plugins"), dict):
        raise Invalid(f"`{name}` is not the YAML file of a plugin: it has no section `plugins`")
    return document


def _read_zip(
    packed: zipfile.ZipFile, members: list[zipfile.ZipInfo], wagon: Path, limit: UnpackLimit, limits: Limits
) -> Package:
    wagons = [member for member in members if member.filename.endswith(SUFFIX)]
    if len(wagons) != 1:
        raise Invalid(
            f"Archive must include one wgn file; this one has {len(wagons)}",
            hint="Send a zip of a wagon (*.wgn) and its plugin.yaml.",
        )
    yamls = {
        PurePosixPath(member.filename).name: _read_member(packed, member)
        for member in members
        if member.filename.lower().endswith((".yaml", ".yml"))
    }
    if not yamls:
        raise Invalid("Archive must include the plugin's yaml file beside the wagon")
    for name, text in yamls.items():
        check_file_name(name)
        read_yaml(name, text)
    icon = next((_read_member(packed, member) for member in members if member.filename == "icon.png"), None)
    with packed.open(wagons[0]) as source:
        limit.copy(source, wagon, wagons[0].filename)
    return Package(wagon, read_metadata(wagon, limits), yamls, icon)


def check_file_name(name: str) -> None:
    """Raise Invalid for a name that no file can have."""
    if len(name.encode(errors="surrogatepass")) > MAX_NAME_BYTES:
        raise Invalid(f"The archive was refused: the name `{name[:40]}...` is longer than {MAX_NAME_BYTES} bytes")


@contextmanager
def _open_metadata(wagon: Path, limits: Limits) -> Iterator[IO[bytes]]:
    if zipfile.is_zipfile(wagon):
        with open_zip(wagon, limits) as packed:
            name = next((name for name in packed.namelist() if _is_metadata(name)), None)
            if name is None:
                raise ValueError(f"it contains no {METADATA_FILE}")
            with packed.open(name) as file:
                yield file
        return
    with open_tar(wagon, limits, to_end=False) as tar:
        for member in tar:
            if member.isfile() and _is_metadata(member.name) and (found := tar.extractfile(member)) is not None:
                yield found
                return
        raise ValueError(f"it contains no {METADATA_FILE}")


def _is_metadata(name: str) -> bool:
    return PurePosixPath(name).name == METADATA_FILE and len(PurePosixPath(name).parts) <= 2


def _is_wheel(name: str) -> bool:
    return name.endswith(".whl")


def _read_member(packed: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    with packed.open(member) as file:
        return _read_bounded(file, member.filename)


def _read_bounded(file: IO[bytes], name: str) -> bytes:
    content = file.read(MAX_TEXT_BYTES + 1)
    if len(content) > MAX_TEXT_BYTES:
        raise Invalid(f"The archive was refused: `{name}` is larger than {MAX_TEXT_BYTES >> 20} MiB")
    return content
