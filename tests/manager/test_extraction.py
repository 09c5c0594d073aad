"""Extraction of tar archives, with the filter of tarfile and without it."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from cfy_cli.manager.engine.extraction import RefusedMember, extract_all

Member = tuple[str, bytes, str, int]  # name, type, target of a link, mode

HARMLESS: tuple[Member, ...] = (
    ("app/", tarfile.DIRTYPE, "", 0o700),
    ("app/run.sh", tarfile.REGTYPE, "", 0o4777),
    ("app/data", tarfile.REGTYPE, "", 0o044),
    ("/app/absolute", tarfile.REGTYPE, "", 0o644),
    ("app/link", tarfile.SYMTYPE, "run.sh", 0o777),
    ("app/again", tarfile.LNKTYPE, "app/run.sh", 0o755),
)
HOSTILE: dict[str, tuple[Member, ...]] = {
    "path above": (("../out", tarfile.REGTYPE, "", 0o644),),
    "path above within": (("app/../../out", tarfile.REGTYPE, "", 0o644),),
    "absolute link": (("link", tarfile.SYMTYPE, "/etc/passwd", 0o777),),
    "link above": (("app/link", tarfile.SYMTYPE, "../../out", 0o777),),
    "hard link above": (("app/link", tarfile.LNKTYPE, "../out", 0o777),),
    "file through a link": (
        ("a", tarfile.SYMTYPE, ".", 0o777),
        ("a/b", tarfile.SYMTYPE, "..", 0o777),
        ("b/out", tarfile.REGTYPE, "", 0o644),
    ),
    "pipe": (("pipe", tarfile.FIFOTYPE, "", 0o644),),
    "device": (("device", tarfile.CHRTYPE, "", 0o644),),
}


@pytest.fixture(params=["with filter", "without filter"])
def archive(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Path of an archive to write; extraction works as with and as before Python 3.11.4."""
    if request.param == "without filter":
        monkeypatch.delattr(tarfile, "data_filter", raising=False)
    elif not hasattr(tarfile, "data_filter"):
        pytest.skip("this Python has no filters")
    return tmp_path / "archive.tar"


def pack(archive: Path, members: tuple[Member, ...]) -> None:
    with tarfile.open(archive, "w") as tar:
        for name, kind, link, mode in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.mode, member.uid, member.uname = kind, link, mode, 12345, "nobody"
            member.size = 3 if kind == tarfile.REGTYPE else 0
            tar.addfile(member, io.BytesIO(b"abc"))


def extract(archive: Path) -> Path:
    target = archive.parent / "target"
    target.mkdir()
    with tarfile.open(archive) as tar:
        extract_all(tar, target, iter(tar.getmembers()))
    return target


def test_harmless_members_are_extracted_as_own_files(archive: Path) -> None:
    pack(archive, HARMLESS)
    target = extract(archive)
    modes = {name: (target / name).lstat().st_mode & 0o7777 for name in ("app/run.sh", "app/data", "app/absolute")}
    assert modes == {"app/run.sh": 0o700, "app/data": 0o600, "app/absolute": 0o600}
    assert (target / "app/link").readlink() == Path("run.sh")
    assert (target / "app/again").read_bytes() == b"abc"
    assert {path.lstat().st_uid for path in target.rglob("*")} == {os.getuid()}


@pytest.mark.parametrize("name", list(HOSTILE))
def test_hostile_members_are_refused(archive: Path, name: str) -> None:
    pack(archive, HOSTILE[name])
    with pytest.raises(RefusedMember):
        extract(archive)
    assert {path.name for path in archive.parent.iterdir()} <= {"archive.tar", "target"}
