"""Working folders of deployments as archives in a storage that machines share."""

import stat
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

PACKED = "folder.tar.gz"  # the only file of a deployment in the storage
PACKED_KINDS = (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK)
COMPRESSION = 1  # the fastest: it is packed after each operation that changes something


def pack(folder: Path, file: BinaryIO) -> None:
    """Write files, folders and links to an archive; what is removed meanwhile is left out."""
    with tarfile.open(fileobj=file, mode="w:gz", compresslevel=COMPRESSION) as tar:
        for path in sorted(folder.rglob("*")):
            with suppress(FileNotFoundError):
                if stat.S_IFMT(path.lstat().st_mode) in PACKED_KINDS:
                    tar.add(path, str(path.relative_to(folder)), recursive=False)


def unpack(file: BinaryIO, folder: Path) -> None:
    """Read what `pack` wrote into an empty folder; nothing is written outside it."""
    with tarfile.open(fileobj=file, mode="r:gz") as tar:
        if hasattr(tarfile, "tar_filter"):
            tar.extractall(folder, filter="tar")
        else:  # before Python 3.11.4
            tar.extractall(folder, _filter_members(tar, folder))  # noqa: S202


def _filter_members(tar: tarfile.TarFile, folder: Path) -> Iterator[tarfile.TarInfo]:
    """Yield the members as the filter `tar` does, one after another while they are extracted."""
    root = folder.resolve()
    for member in tar:
        if not (root / member.name).resolve().is_relative_to(root):
            raise tarfile.ExtractError(f"{member.name} is outside of the folder")
        member.mode &= 0o755
        yield member


def describe(folder: Path) -> frozenset[tuple[str, int, int]]:
    """Return a value that changes whenever a file in a folder does."""
    found = set()
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            status = path.lstat()
            found.add((str(path), status.st_mtime_ns, status.st_size))
    return frozenset(found)
