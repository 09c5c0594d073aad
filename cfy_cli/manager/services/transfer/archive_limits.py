"""Reading of archives from untrusted sources: headers and bytes are counted before they take memory, disk or time."""

import io
import lzma
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from cfy_cli.contract.archive_formats import detect_format
from cfy_cli.contract.limits import MIB, Limits, raise_hint
from cfy_cli.errors import Invalid

CHUNK_SIZE = 1 << 20  # bytes
MAX_HEADER_SIZE = 64 * 1024  # bytes of a long name, or of the extended attributes of a file, in a tar
MAX_HEADERS_PER_FILE = 3  # in a tar: extended attributes, a long name, a long target of a link
MAX_DIRECTORY_ENTRY = 1024  # bytes of one file in the directory of a zip, on average
MAX_XZ_MEMORY = 128 * MIB  # bytes to decompress; `xz -9` needs 65 MiB
MIN_RATIO_SIZE = 32 * MIB  # bytes to which an archive may unpack whatever its ratio
EXTENDED_TYPES = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)
DIRECTORY_SIGNATURE, DIRECTORY_HEADER_SIZE = b"PK\x01\x02", 46
ZIP_LZMA = "LZMA in a zip, whose memory has no limit"


class UnpackLimit:
    """Limit of the number of files and bytes that one archive may unpack to. The methods raise Invalid."""

    def __init__(self, archive: Path, limits: Limits) -> None:
        self._limits = limits
        self._files = 0
        self._headers = 0
        self._bytes = 0
        by_ratio = max(MIN_RATIO_SIZE, limits.archive_ratio * archive.stat().st_size)
        self._is_ratio = by_ratio < limits.archive_content
        self._max_bytes = min(by_ratio, limits.archive_content)

    def add_header(self, name: str, size: int) -> None:
        """Count an extended header of a tar, which is read into memory."""
        self._headers += 1
        if size > MAX_HEADER_SIZE or self._headers > MAX_HEADERS_PER_FILE * self._limits.archive_files:
            raise refused(f"the headers of its files are too large (at `{name[:100]}`)")

    def add_file(self, name: str, size: int = 0) -> None:
        self._files += 1
        if self._files > self._limits.archive_files:
            raise refused(f"it contains more than {self._limits.archive_files:,} files", "archive_files")
        self._add_bytes(name, size, size)

    def copy(self, source: IO[bytes], target: Path, name: str) -> None:
        """Write a file of the archive; count the bytes that are read, because an archive may state other sizes."""
        with target.open("wb") as file:
            for chunk in self.count(source, name):
                file.write(chunk)

    def count(self, source: IO[bytes], name: str) -> Iterator[bytes]:
        """Yield the content of a file of the archive."""
        self.add_file(name)
        size = 0
        while chunk := source.read(CHUNK_SIZE):
            size += len(chunk)
            self._add_bytes(name, len(chunk), size)
            yield chunk

    def _add_bytes(self, name: str, size: int, file_size: int) -> None:
        self._bytes += size
        if file_size > self._limits.archive_file:
            raise refused(f"`{name}` is larger than {_format(self._limits.archive_file)}", "archive_file")
        if self._bytes > self._max_bytes:
            size_text = f"it unpacks to more than {_format(self._max_bytes)}"
            if self._is_ratio:
                ratio = self._limits.archive_ratio
                raise refused(f"{size_text}, {ratio} times its size (at `{name}`)", "archive_ratio")
            raise refused(f"{size_text} (at `{name}`)", "archive_content")


class ArchiveTooLarge(Invalid):
    """An archive is beyond a limit of the manager, or of the one that unpacks it."""

    def __init__(self, message: str, limit: str) -> None:
        super().__init__(message, hint=raise_hint(limit))
        self.limit = limit


def refused(reason: str, limit: str | None = None) -> Invalid:
    message = f"The archive was refused: {reason}"
    return ArchiveTooLarge(message, limit) if limit else Invalid(message)


@contextmanager
def open_tar(archive: Path, limits: Limits, *, to_end: bool = True) -> Iterator[tarfile.TarFile]:
    """Open a tar whose headers and sizes are counted as they are read.

    At the end the rest is read too, unless `to_end` is false: only then the checksum of a compressed tar is compared.
    """
    limit = UnpackLimit(archive, limits)

    class CountedMember(tarfile.TarInfo):
        """Checks a header before what it announces is read; tarfile calls `_proc_member` for each one."""

        def _proc_member(self, tar: tarfile.TarFile) -> tarfile.TarInfo:
            if self.type in EXTENDED_TYPES:
                limit.add_header(self.name, self.size)
            elif self.type == tarfile.GNUTYPE_SPARSE:
                raise refused(f"`{self.name}` is a sparse file")
            else:
                limit.add_file(self.name, self.size)
            member: tarfile.TarInfo = super()._proc_member(tar)  # type: ignore[misc]
            return member

        def _proc_gnusparse_10(self, *_arguments: object) -> None:
            raise refused(f"`{self.name}` is a sparse file")

    if detect_format(archive) == "tar.xz":
        _check_xz(archive, limits)
    with tarfile.open(archive, tarinfo=CountedMember) as tar:
        yield tar
        if to_end:
            for _ in tar:
                pass
            _read_rest(tar, limits)


def _read_rest(tar: tarfile.TarFile, limits: Limits) -> None:
    """Read what follows the last file, so that the checksum at the end of a compressed tar is compared."""
    file = tar.fileobj
    assert file is not None
    remaining = limits.archive_content
    while chunk := file.read(CHUNK_SIZE):
        remaining -= len(chunk)
        if remaining < 0:
            raise refused("there is too much after its last file")


def _check_xz(archive: Path, limits: Limits) -> None:
    """Decompress a tar.xz once with limited memory; the library reads it with as much as the archive demands."""
    remaining = limits.archive_content + limits.archive_files * MAX_DIRECTORY_ENTRY
    with archive.open("rb") as file:
        rest = b""
        while rest or (rest := file.read(CHUNK_SIZE)):
            decompressor = lzma.LZMADecompressor(memlimit=MAX_XZ_MEMORY)
            while not decompressor.eof:
                if decompressor.needs_input and not rest and not (rest := file.read(CHUNK_SIZE)):
                    raise EOFError("Compressed file ended before the end-of-stream marker was reached")
                remaining -= len(decompressor.decompress(rest, CHUNK_SIZE))
                rest = b""
                if remaining < 0:
                    raise refused(f"it unpacks to more than {_format(limits.archive_content)}", "archive_content")
            rest = decompressor.unused_data.lstrip(b"\0")


class _CountedFile(io.BufferedReader):
    """A zip whose directory is counted before the library makes objects of it."""

    def __init__(self, archive: Path, limits: Limits) -> None:
        super().__init__(io.FileIO(archive))
        self._limits = limits

    def read(self, size: int | None = -1, /) -> bytes:
        """Read; the only long read of the library is that of the whole directory."""
        longest = max(CHUNK_SIZE, self._limits.archive_files * MAX_DIRECTORY_ENTRY)
        if size is not None and size > longest:
            raise self._too_many()
        data = super().read(size)
        if data.startswith(DIRECTORY_SIGNATURE):
            self._count(data)
        return data

    def _count(self, directory: bytes) -> None:
        position = number = 0
        while directory.startswith(DIRECTORY_SIGNATURE, position):
            number += 1
            if number > self._limits.archive_files:
                raise self._too_many()
            lengths = directory[position + 28 : position + 34]
            position += DIRECTORY_HEADER_SIZE + sum(
                int.from_bytes(lengths[start : start + 2], "little") for start in (0, 2, 4)
            )

    def _too_many(self) -> Invalid:
        return refused(f"it contains more than {self._limits.archive_files:,} files", "archive_files")


@contextmanager
def open_zip(archive: Path, limits: Limits) -> Iterator[zipfile.ZipFile]:
    """Open a zip whose directory is counted before it takes memory."""
    with _CountedFile(archive, limits) as file, zipfile.ZipFile(file) as packed:
        if any(member.compress_type == zipfile.ZIP_LZMA for member in packed.infolist()):
            raise refused(f"it uses {ZIP_LZMA}")
        yield packed


def check(archive: Path, limits: Limits) -> None:
    """Read an archive to its end, counted, and compare its checksums. Raises Invalid and what the library raises."""
    if not zipfile.is_zipfile(archive):
        with open_tar(archive, limits):
            return
    limit = UnpackLimit(archive, limits)
    with open_zip(archive, limits) as packed:
        for member in packed.infolist():
            with packed.open(member) as source:
                for _ in limit.count(source, member.filename):
                    pass


def _format(size: int) -> str:
    return f"{size / MIB:g} MiB" if size >= MIB else f"{size:,} bytes"
