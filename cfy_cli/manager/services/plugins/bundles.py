"""Bundles: many plugins in one tar archive, which lists the YAML file of each wagon."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from cfy_cli.contract.archive_formats import READ_ERRORS
from cfy_cli.contract.limits import Limits
from cfy_cli.dsl.yaml_reader import load_plain
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.extraction import extract_all
from cfy_cli.manager.failures import is_disk_full
from cfy_cli.manager.services.plugins.wagons import MAX_TEXT_BYTES, METADATA_FILE, Package, read_metadata, read_yaml
from cfy_cli.manager.services.transfer.archive_limits import open_tar
from cfy_cli.manager.services.transfer.archives import readable

LIST_FILE = "METADATA"  # YAML in the folder at the top: the path of the YAML file by the path of the wagon
MAX_PLUGINS = 500


def is_bundle(archive: Path, limits: Limits) -> bool:
    """Return whether an archive is a bundle; what is neither a bundle nor a wagon is reported when it is read."""
    try:
        with open_tar(archive, limits, to_end=False) as tar:
            for member in tar:  # a wagon has its own file first, so that large wagons are not read to the end
                path = PurePosixPath(member.name)
                if path.name in (LIST_FILE, METADATA_FILE) and len(path.parts) <= 2:
                    return path.name == LIST_FILE
    except READ_ERRORS as error:
        if is_disk_full(error):
            raise
    return False


@contextmanager
def unpack(archive: Path, folder: Path, limits: Limits) -> Iterator[list[Package]]:
    """Yield the plugins of a bundle; their wagons are below `folder` until the context ends. Raises Invalid."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        unpacked = Path(name)
        with readable("The bundle of plugins"), open_tar(archive, limits) as tar:
            extract_all(tar, unpacked, (member for member in tar if member.isfile() or member.isdir()))
        list_file = next(path for path in (unpacked / LIST_FILE, *unpacked.glob(f"*/{LIST_FILE}")) if path.is_file())
        yield [_read_plugin(list_file.parent, *pair, limits) for pair in _read_list(list_file)]


def _read_list(file: Path) -> list[tuple[str, str]]:
    """Return the paths of each wagon and its YAML file."""
    try:
        content = load_plain(file.read_bytes()[:MAX_TEXT_BYTES])
    except ValueError as error:
        raise Invalid(f"The {LIST_FILE} of the bundle cannot be read: {error}") from error
    if not isinstance(content, dict) or not content or len(content) > MAX_PLUGINS:
        raise Invalid(f"The {LIST_FILE} of the bundle does not say which yaml file each of its wagons has")
    return [(str(wagon), str(yaml_file)) for wagon, yaml_file in content.items()]


def _read_plugin(folder: Path, wagon: str, yaml_file: str, limits: Limits) -> Package:
    for name in (wagon, yaml_file):
        path = folder / name
        if not path.is_file() or folder.resolve() not in path.resolve().parents:
            raise Invalid(f"The bundle lacks `{name}`, which its {LIST_FILE} names")
    text = (folder / yaml_file).read_bytes()
    if len(text) > MAX_TEXT_BYTES:
        raise Invalid(f"`{yaml_file}` of the bundle is larger than {MAX_TEXT_BYTES >> 20} MiB")
    name = PurePosixPath(yaml_file).name
    read_yaml(name, text)
    return Package(folder / wagon, read_metadata(folder / wagon, limits), {name: text})
