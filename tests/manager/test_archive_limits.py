"""Archives that are damaged, or made to exhaust memory, disk or time: refused before they do, and nothing stays."""

import bz2
import gzip
import io
import lzma
import tarfile
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cfy_cli.contract.limits import MIB, Limits
from cfy_cli.errors import Invalid
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.transfer.archives import unpack
from tests.conftest import Ask
from tests.manager.conftest import HELLO, SAY, archive
from tests.wagons import wagon

pytestmark = pytest.mark.sqlite

PEAK = 48 * MIB  # of memory while an archive is refused
NUMBER = 12_000  # more than the limit of files


def header(kind: bytes, name: str, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.type, member.size = kind, size
    return member.tobuf(tarfile.GNU_FORMAT)


def gzipped(*parts: bytes) -> bytes:
    return gzip.compress(b"".join(parts), 1)


def one_long_header(kind: bytes) -> bytes:
    return gzipped(header(kind, "././@LongLink", 200 * MIB), bytes(200 * MIB))


def many_headers(kind: bytes, text: bytes) -> bytes:
    return gzipped((header(kind, "x", len(text)) + text.ljust(512, b"\0")) * 4 * NUMBER)


def sparse(pax: bool) -> bytes:
    if not pax:
        return gzipped(header(tarfile.GNUTYPE_SPARSE, "x", 0), bytes(1024))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", format=tarfile.PAX_FORMAT) as tar:
        member = tarfile.TarInfo("x")
        member.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "x"}
        member.size = 512
        tar.addfile(member, io.BytesIO(b"9999999\n".ljust(512, b"1")))
    return packed.getvalue()


def zip_of(number: int) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as zipped:
        for index in range(number):
            zipped.writestr(f"f{index}", "")
    return packed.getvalue()


def zeros(compress: Callable[[bytes], bytes], size: int) -> bytes:
    return compress(header(tarfile.REGTYPE, "zeros", size) + bytes(size))


def xz_with_large_dictionary() -> bytes:
    """Let the header of the first block demand a dictionary of 4 GiB."""
    packed = bytearray(lzma.compress(archive_tar(), preset=0))
    end = 12 + packed[12] * 4  # of the header of the block, without its checksum
    packed[16] = 40  # follows the size of the header, flags, number of the filter and size of its properties
    packed[end : end + 4] = zlib.crc32(packed[12:end]).to_bytes(4, "little")
    return bytes(packed)


def archive_tar() -> bytes:
    return gzip.decompress(archive({"blueprint.yaml": HELLO, "noise": str(list(range(9999)))}))


def zip_with(method: int) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as zipped:
        zipped.writestr("app/blueprint.yaml", HELLO)
        zipped.writestr("app/noise", str(list(range(9999))))
    return packed.getvalue()


def flipped(content: bytes, position: float = 0.5, length: int = 100) -> bytes:
    start = int(len(content) * position)
    return content[:start] + bytes(byte ^ 0xFF for byte in content[start : start + length]) + content[start + length :]


BOMBS: dict[str, Callable[[], bytes]] = {
    "long name": lambda: one_long_header(tarfile.GNUTYPE_LONGNAME),
    "long link": lambda: one_long_header(tarfile.GNUTYPE_LONGLINK),
    "long pax": lambda: one_long_header(tarfile.XHDTYPE),
    "long global pax": lambda: one_long_header(tarfile.XGLTYPE),
    "many long names": lambda: many_headers(tarfile.GNUTYPE_LONGNAME, b"name"),
    "many global pax": lambda: many_headers(tarfile.XGLTYPE, b"15 comment=abc\n"),
    "many files": lambda: gzipped(header(tarfile.REGTYPE, "x", 0) * NUMBER),
    "sparse": lambda: sparse(pax=False),
    "sparse pax": lambda: sparse(pax=True),
    "zip of many files": lambda: zip_of(NUMBER),
    "gz of zeros": lambda: zeros(gzip.compress, 100 * MIB),
    "bz2 of zeros": lambda: zeros(bz2.compress, 100 * MIB),
    "xz of zeros": lambda: zeros(lambda content: lzma.compress(content, preset=0), 100 * MIB),
    "zeros after the end": lambda: gzipped(archive_tar(), bytes(600 * MIB)),
    "xz with a large dictionary": xz_with_large_dictionary,
    "zip in LZMA": lambda: zip_with(zipfile.ZIP_LZMA),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bomb_is_refused_with_little_memory(tmp_path: Path, name: str):
    file = tmp_path / "archive"
    file.write_bytes(BOMBS[name]())
    tracemalloc.start()
    try:
        with pytest.raises(Invalid, match=r"refused|cannot be read"):
            unpack(file, tmp_path / "target", Limits())
        assert tracemalloc.get_traced_memory()[1] < PEAK
    finally:
        tracemalloc.stop()
    assert [path.name for path in tmp_path.iterdir()] == ["archive"]


DAMAGED: dict[str, Callable[[], bytes]] = {
    "tar.gz": lambda: flipped(gzip.compress(archive_tar(), 0)),
    "end of a tar.gz": lambda: flipped(gzip.compress(archive_tar()), 0.9999, 4),
    "deflate": lambda: flipped(gzip.compress(archive_tar())),
    "tar.bz2": lambda: flipped(bz2.compress(archive_tar())),
    "tar.xz": lambda: flipped(lzma.compress(archive_tar())),
    "cut tar.xz": lambda: lzma.compress(archive_tar())[:-300],
    "zip": lambda: flipped(zip_with(zipfile.ZIP_DEFLATED)),
    "zip in bz2": lambda: flipped(zip_with(zipfile.ZIP_BZIP2)),
    "zip in LZMA": lambda: flipped(zip_with(zipfile.ZIP_LZMA)),
    "stored zip": lambda: flipped(zip_with(zipfile.ZIP_STORED)),
    "long name of a file": lambda: archive({"blueprint.yaml": HELLO, "x" * 300: ""}),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_blueprint_fails_and_can_be_uploaded_again(ask: Ask, worker: object, app: AppContext, name: str):
    refused = ask("PUT", "/blueprints/app", data=DAMAGED[name]())
    assert (refused.status_code, refused.json()["message"][:12]) == (400, "The archive ")
    assert ask("GET", "/blueprints/app").json()["state"] == "failed_extracting"
    assert [path for path in app.files.folder.rglob("*") if path.is_file()] == []
    assert ask("PUT", "/blueprints/app", data=archive({"blueprint.yaml": HELLO, "say.sh": SAY})).status_code == 201


@pytest.mark.parametrize("zipped", [False, True])
def test_damaged_wagon_is_refused(ask: Ask, app: AppContext, zipped: bool):
    refused = ask("POST", "/plugins", data=flipped(wagon(zipped=zipped), 0.5, 40))
    assert (refused.status_code, refused.json()["error_code"]) == (400, "bad_parameters_error")
    assert [path for path in app.files.folder.rglob("*") if path.is_file()] == []
    assert ask("POST", "/plugins", data=wagon(zipped=zipped)).status_code == 201


def test_archive_limits_are_settings(tmp_path: Path):
    file = tmp_path / "archive"
    file.write_bytes(archive({"a": "x" * 2000, "b": "y" * 2000}))
    for limits, hint in (
        (replace(Limits(), archive_files=1), "archive_files"),
        (replace(Limits(), archive_content=3000), "archive_content"),
        (replace(Limits(), archive_file=1000), "archive_file"),
    ):
        with pytest.raises(Invalid) as error:
            unpack(file, tmp_path / "target", limits)
        assert f"--limit {hint}=" in str(error.value.hint)
    unpack(file, tmp_path / "target", Limits())
