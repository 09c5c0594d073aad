"""Working folders that are packed and unpacked, as with and as before Python 3.11.4."""

import io
import tarfile
from pathlib import Path

import pytest

from cfy_cli.manager.store.packed_folders import pack, unpack


@pytest.fixture(params=["with filter", "without filter"], autouse=True)
def filters(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "without filter":
        monkeypatch.delattr(tarfile, "tar_filter", raising=False)
    elif not hasattr(tarfile, "tar_filter"):
        pytest.skip("this Python has no filters")


def test_folder_is_unpacked_as_it_was(tmp_path: Path) -> None:
    packed, unpacked, content = tmp_path / "packed", tmp_path / "unpacked", io.BytesIO()
    (packed / "sub").mkdir(parents=True)
    (packed / "sub" / "run").write_text("text")
    (packed / "sub" / "run").chmod(0o777)
    (packed / "link").symlink_to("/nowhere")
    unpacked.mkdir()
    pack(packed, content)
    content.seek(0)
    unpack(content, unpacked)
    assert (unpacked / "sub" / "run").read_text() == "text"
    assert (unpacked / "sub" / "run").stat().st_mode & 0o7777 == 0o755, "others cannot change it"
    assert (unpacked / "link").readlink() == Path("/nowhere")


@pytest.mark.parametrize("name", ["../out", "link/out"])
def test_nothing_is_written_outside(tmp_path: Path, name: str) -> None:
    target, content = tmp_path / "target", io.BytesIO()
    target.mkdir()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
        tar.addfile(link)
        tar.addfile(tarfile.TarInfo(name))
    content.seek(0)
    with pytest.raises(tarfile.TarError):
        unpack(content, target)
    assert not (tmp_path / "out").exists()
