"""Bundles: many plugins in one archive, a folder of wagons and yaml files with a list of what belongs together."""

import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import yaml

from cfy_cli.errors import Invalid
from cfy_cli.manager.services.plugins.wagons import MOST_TEXT, Package, read_about, read_yaml
from cfy_cli.manager.services.transfer.archives import MOST_BYTES

LIST = "METADATA"  # YAML in the folder at the top: the path of each wagon, and that of its yaml file
MOST_PLUGINS = 500


def is_bundle(archive: Path) -> bool:
    """Whether it is one; wagons are told from it by what comes first in them."""
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                path = PurePosixPath(member.name)
                if path.name in (LIST, "package.json") and len(path.parts) <= 2:
                    return path.name == LIST
    except (tarfile.TarError, OSError, EOFError):
        pass  # whoever takes it apart says what it is instead
    return False


@contextmanager
def unpacked(archive: Path, beside: Path) -> Iterator[list[Package]]:
    """The plugins of a bundle; their wagons lie in a folder `beside` as long as the context lives. Raises Invalid."""
    with tempfile.TemporaryDirectory(dir=beside) as name:
        folder = Path(name)
        try:
            with tarfile.open(archive) as tar:
                tar.extractall(folder, _within_bounds(tar), filter="data")
        except (tarfile.TarError, OSError, EOFError) as error:
            raise Invalid(f"The bundle of plugins cannot be read: {error}") from error
        listing = next(path for path in (folder / LIST, *folder.glob(f"*/{LIST}")) if path.is_file())
        yield [_package(listing.parent, *pair) for pair in _listed(listing)]


def _within_bounds(tar: tarfile.TarFile) -> list[tarfile.TarInfo]:
    members = [member for member in tar.getmembers() if member.isfile() or member.isdir()]
    if sum(member.size for member in members) > MOST_BYTES:
        raise Invalid(f"A bundle of plugins may have {MOST_BYTES >> 30} GiB at most")
    return members


def _listed(file: Path) -> list[tuple[str, str]]:
    try:
        content = yaml.safe_load(file.read_bytes()[:MOST_TEXT])
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise Invalid(f"The {LIST} of the bundle is not YAML: {error}") from error
    if not isinstance(content, dict) or not content or len(content) > MOST_PLUGINS:
        raise Invalid(f"The {LIST} of the bundle does not say which yaml file each of its wagons has")
    return [(str(wagon), str(described)) for wagon, described in content.items()]


def _package(folder: Path, wagon: str, described: str) -> Package:
    for name in (wagon, described):
        path = folder / name
        if not path.is_file() or folder.resolve() not in path.resolve().parents:
            raise Invalid(f"The bundle lacks `{name}`, which its {LIST} names")
    text = (folder / described).read_bytes()
    if len(text) > MOST_TEXT:
        raise Invalid(f"`{described}` of the bundle is too large for a yaml file")
    file = PurePosixPath(described).name
    read_yaml(file, text)
    return Package(folder / wagon, read_about(folder / wagon), {file: text})
