"""Unpacking what strangers packed: nothing leaves the folder, nothing grows without end."""

import shutil
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from cfy_cli.errors import Invalid

MOST_FILES = 10_000
MOST_BYTES = 500 * 1024 * 1024
KINDS = "a zip, tar, tar.gz, tar.bz2 or tar.xz archive"


def suffix_of(archive: Path) -> str:
    """zip, tar, tar.gz, tar.bz2 or tar.xz, by what is in it. Raises Invalid for anything else."""
    if zipfile.is_zipfile(archive):
        return "zip"
    head = archive.open("rb").read(6)
    for magic, suffix in ((b"\x1f\x8b", "tar.gz"), (b"BZh", "tar.bz2"), (b"\xfd7zXZ\x00", "tar.xz")):
        if head.startswith(magic):
            return suffix
    if tarfile.is_tarfile(archive):
        return "tar"
    raise Invalid(f"What was uploaded is not {KINDS}")


def unpack(archive: Path, target: Path) -> None:
    """All of it into `target`, in place of what is there; on any failure nothing of it remains. Raises Invalid."""
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700, parents=True)
    try:
        if suffix_of(archive) == "zip":
            _unzip(archive, partial)
        else:
            _untar(archive, partial)
        shutil.rmtree(target, ignore_errors=True)
        _single_folder(partial).rename(target)
    except (tarfile.FilterError, KeyError) as error:
        raise Invalid(f"The archive was refused: {error}") from error
    except (
        tarfile.TarError,
        zipfile.BadZipFile,
        EOFError,
        OSError,
        ValueError,
        RuntimeError,
        NotImplementedError,
    ) as error:
        raise Invalid(f"The archive cannot be read: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _single_folder(folder: Path) -> Path:
    """Archives are packed with one folder at their top, or without: both mean its content."""
    inside = list(folder.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() and not inside[0].is_symlink() else folder


def _untar(archive: Path, target: Path) -> None:
    with tarfile.open(archive) as tar:
        tar.extractall(target, members=_bounded_members(tar), filter="data")


def _bounded_members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    budget = Budget()
    for member in tar:
        budget.spend(member.name, member.size)
        if member.isdev():
            raise Invalid(f"The archive was refused: `{member.name}` is a device")
        if PurePosixPath(member.name).is_absolute():
            raise Invalid(f"The archive was refused: `{member.name}` is an absolute path")
        yield member


def _unzip(archive: Path, target: Path) -> None:
    budget = Budget()
    with zipfile.ZipFile(archive) as packed:
        for member in packed.infolist():
            path = PurePosixPath(member.filename)
            if path.is_absolute() or ".." in path.parts or "\\" in member.filename:
                raise Invalid(f"The archive was refused: `{member.filename}` would leave its folder")
            if stat.S_ISLNK(member.external_attr >> 16):
                raise Invalid(f"The archive was refused: `{member.filename}` is a link; zip archives may not hold any")
            budget.spend(member.filename, 0)
            destination = target / path
            if member.is_dir():
                destination.mkdir(parents=True, exist_ok=True)
                continue
            destination.parent.mkdir(parents=True, exist_ok=True)
            with packed.open(member) as source, destination.open("wb") as file:
                _copy(source, file, budget, member.filename)  # counted as it comes: the directory's sizes may lie
            destination.chmod(0o755 if (member.external_attr >> 16) & stat.S_IXUSR else 0o644)


def _copy(source: object, file: BinaryIO, budget: "Budget", name: str) -> None:
    while chunk := source.read(1 << 20):  # type: ignore[attr-defined]
        budget.spend_bytes(name, len(chunk))
        file.write(chunk)


class Budget:
    """What one archive may still grow to."""

    def __init__(self) -> None:
        self.files, self.bytes = MOST_FILES, MOST_BYTES

    def spend(self, name: str, size: int) -> None:
        self.files -= 1
        if self.files < 0:
            raise Invalid(f"The archive was refused: it holds more than {MOST_FILES:,} files")
        self.spend_bytes(name, size)

    def spend_bytes(self, name: str, size: int) -> None:
        self.bytes -= size
        if self.bytes < 0:
            raise Invalid(f"The archive was refused: it unpacks to more than {MOST_BYTES >> 20} MiB (at `{name}`)")
