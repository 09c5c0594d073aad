"""Unpacking of archives from untrusted sources: nothing is written outside the target, and the size is limited."""

import shutil
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from cfy_cli.contract.archive_formats import FORMATS, READ_ERRORS, READ_HINT, detect_format, is_macos_metadata
from cfy_cli.errors import Invalid
from cfy_cli.manager.services.transfer.extraction import RefusedMember, extract_all

MAX_FILES = 10_000
MAX_BYTES = 500 * 1024 * 1024
CHUNK_SIZE = 1 << 20  # bytes


def detect_suffix(archive: Path) -> str:
    """Return zip, tar, tar.gz, tar.bz2 or tar.xz by the content of a file. Raises Invalid for anything else."""
    suffix = detect_format(archive)
    if suffix is None:
        raise Invalid(f"The uploaded file is not {FORMATS}")
    return suffix


def unpack(archive: Path, target: Path) -> None:
    """Replace the folder `target` by the content of an archive. Raises Invalid, and then leaves `target` as it is.

    If everything in the archive is in one folder, its content is that of this folder.
    """
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700, parents=True)
    try:
        if detect_suffix(archive) == "zip":
            _unpack_zip(archive, partial)
        else:
            _unpack_tar(archive, partial)
        shutil.rmtree(target, ignore_errors=True)
        _skip_single_folder(partial).rename(target)
    except (RefusedMember, KeyError) as error:
        raise Invalid(f"The archive was refused: {error}") from error
    except READ_ERRORS as error:
        raise Invalid(f"The archive cannot be read, it may be incomplete: {error}", hint=READ_HINT) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _skip_single_folder(folder: Path) -> Path:
    entries = list(folder.iterdir())
    is_single = len(entries) == 1 and entries[0].is_dir() and not entries[0].is_symlink()
    return entries[0] if is_single else folder


def _unpack_tar(archive: Path, target: Path) -> None:
    with tarfile.open(archive) as tar:
        extract_all(tar, target, _checked_members(tar))


def _checked_members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    limit = UnpackLimit()
    for member in tar:
        limit.add_file(member.name, member.size)
        if member.isdev():
            raise Invalid(f"The archive was refused: `{member.name}` is a device")
        if PurePosixPath(member.name).is_absolute():
            raise Invalid(f"The archive was refused: `{member.name}` is an absolute path")
        if not is_macos_metadata(member.name):
            yield member


def _unpack_zip(archive: Path, target: Path) -> None:
    limit = UnpackLimit()
    with zipfile.ZipFile(archive) as packed:
        for member in packed.infolist():
            path = PurePosixPath(member.filename)
            if path.is_absolute() or ".." in path.parts or "\\" in member.filename:
                raise Invalid(f"The archive was refused: `{member.filename}` is outside the archive's folder")
            if stat.S_ISLNK(member.external_attr >> 16):
                raise Invalid(f"The archive was refused: `{member.filename}` is a link, which a zip may not contain")
            if is_macos_metadata(member.filename):
                continue
            destination = target / path
            if member.is_dir():
                limit.add_file(member.filename)
                destination.mkdir(parents=True, exist_ok=True)
                continue
            destination.parent.mkdir(parents=True, exist_ok=True)
            with packed.open(member) as source:
                limit.copy(source, destination, member.filename)
            destination.chmod(0o700 if (member.external_attr >> 16) & stat.S_IXUSR else 0o600)


class UnpackLimit:
    """Limit of the number of files and bytes that one archive may unpack to. The methods raise Invalid."""

    def __init__(self) -> None:
        self._files, self._bytes = MAX_FILES, MAX_BYTES

    def add_file(self, name: str, size: int = 0) -> None:
        self._files -= 1
        if self._files < 0:
            raise Invalid(f"The archive was refused: it contains more than {MAX_FILES:,} files")
        self._add_bytes(name, size)

    def copy(self, source: IO[bytes], target: Path, name: str) -> None:
        """Write a file of the archive; count the bytes that are read, because an archive may state other sizes."""
        self.add_file(name)
        with target.open("wb") as file:
            while chunk := source.read(CHUNK_SIZE):
                self._add_bytes(name, len(chunk))
                file.write(chunk)

    def _add_bytes(self, name: str, size: int) -> None:
        self._bytes -= size
        if self._bytes < 0:
            raise Invalid(f"The archive was refused: it unpacks to more than {MAX_BYTES >> 20} MiB (at `{name}`)")
