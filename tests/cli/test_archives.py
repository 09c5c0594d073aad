"""Archives that are incomplete, or that macOS added files to, at every command that reads one."""

import os
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Cfy

pytestmark = pytest.mark.usefixtures("worker")
FORMATS = {"tar.gz": "gztar", "tar.bz2": "bztar", "tar.xz": "xztar", "zip": "zip"}
COMMANDS = (
    "blueprints upload {} -b cut",
    "blueprints validate {}",
    "install {} -b cut",
    "profiles import {}",
    "plugins validate {}",
    "plugins upload {}",
)
BLUEPRINT = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_templates: {a: {type: cloudify.nodes.Root}}
"""


@pytest.fixture
def app_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "whole" / "app"
    folder.mkdir(parents=True)
    (folder / "blueprint.yaml").write_text(BLUEPRINT)
    (folder / "noise.bin").write_bytes(os.urandom(20_000))
    return folder


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("size", [100, 9000])
def test_incomplete_archive_is_refused(cfy: Cfy, app_folder: Path, tmp_path: Path, suffix: str, size: int) -> None:
    whole = Path(shutil.make_archive(str(tmp_path / "all"), FORMATS[suffix], app_folder.parent, "app"))
    incomplete = tmp_path / f"cut.{suffix}"
    incomplete.write_bytes(whole.read_bytes()[:size])
    for command in COMMANDS:
        cfy(command.format(incomplete), code=1)
        assert "Interrupted" not in cfy.errors, command
        assert "UTF-8" not in cfy.errors, command
        assert "Hint: " in cfy.errors, command
    assert cfy("blueprints list --format name") == ""


def _pack_tar(target: Path, members: dict[str, bytes]) -> None:
    source = target.parent / "source"
    with tarfile.open(target, "w:gz") as tar:
        for name, content in members.items():
            source.write_bytes(content)
            tar.add(source, name)


def _pack_zip(target: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(target, "w") as packed:
        for name, content in members.items():
            packed.writestr(name, content)


@pytest.mark.parametrize("pack", [_pack_tar, _pack_zip])
def test_archive_made_by_macos_is_uploaded(
    cfy: Cfy, tmp_path: Path, pack: Callable[[Path, dict[str, bytes]], None]
) -> None:
    archive = tmp_path / "app.archive"
    attributes = b"\x00\x05\x16\x07"
    files = {"app/blueprint.yaml": BLUEPRINT.encode(), "app/x.sh": b"true"}
    extra = dict.fromkeys(("._app", "app/._x.sh", "app/.DS_Store", "__MACOSX/app/._blueprint.yaml"), attributes)
    pack(archive, {**extra, **files})
    assert "The blueprint's id is app" in cfy(f"blueprints upload {archive}")
