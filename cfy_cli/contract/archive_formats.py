"""Formats of archives, recognized by their content, and files in archives that are not part of what was packed."""

import lzma
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

FORMATS = "a zip, tar, tar.gz, tar.bz2 or tar.xz archive"
MAGIC_NUMBERS = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),  # an empty one
    (b"\x1f\x8b", "tar.gz"),
    (b"BZh", "tar.bz2"),
    (b"\xfd7zXZ\x00", "tar.xz"),
)
READ_ERRORS = (  # what the standard library raises while it reads an incomplete or damaged archive
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,  # an encrypted zip
    NotImplementedError,  # a zip with an unknown compression
)
READ_HINT = "Create or download it again."
MACOS_FOLDER = "__MACOSX"
MACOS_PREFIX = "._"  # of the files in which macOS keeps attributes of others


def detect_format(path: Path) -> str | None:
    """Return zip, tar, tar.gz, tar.bz2 or tar.xz by the first bytes of a file, which may be incomplete, else None."""
    with path.open("rb") as file:
        start = file.read(6)
    for magic, name in MAGIC_NUMBERS:
        if start.startswith(magic):
            return name
    return "tar" if tarfile.is_tarfile(path) else None


def is_macos_metadata(name: str) -> bool:
    """Return whether macOS added this member to the archive."""
    parts = PurePosixPath(name).parts
    return bool(parts) and (MACOS_FOLDER in parts or parts[-1].startswith(MACOS_PREFIX) or parts[-1] == ".DS_Store")
