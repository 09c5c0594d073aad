"""Files in archives of blueprints, whatever their format."""

import shutil
import tarfile
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from cfy_cli.contract.archive_formats import READ_ERRORS, detect_format, is_macos_metadata


def read_files(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield the name below the archive's top folder and the content of each file; nothing of an unreadable archive."""
    try:
        if detect_format(archive) == "zip":
            with zipfile.ZipFile(archive) as packed:
                for info in packed.infolist():
                    if not info.is_dir() and not is_macos_metadata(info.filename):
                        with packed.open(info) as content:
                            yield _inner_name(info.filename), content
        else:
            with tarfile.open(archive) as tar:
                for member in tar:
                    file = tar.extractfile(member) if member.isfile() else None
                    if file is not None and not is_macos_metadata(member.name):
                        yield _inner_name(member.name), file
    except READ_ERRORS:
        return


def unpack_files(archive: Path, folder: Path, suffixes: Collection[str] = ()) -> None:
    """Write the files of an archive into a folder: all, or those with one of the suffixes; none outside the folder."""
    root = folder.resolve()
    for name, content in read_files(archive):
        target = (root / name).resolve()
        if target.is_relative_to(root) and (not suffixes or target.suffix in suffixes):
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                shutil.copyfileobj(content, file)


def _inner_name(name: str) -> str:
    parts = PurePosixPath(name).parts
    return str(PurePosixPath(*parts[1:])) if len(parts) > 1 else name
