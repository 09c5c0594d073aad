"""Names of what is in the archive of a snapshot, and what a hostile archive may not name.

files/FOLDER/ID/PATH is a file of a row: FOLDER is that of the files of its table, ID its storage id. A symbolic link
stays within the folder of its row.
"""

import stat
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from cfy_cli.manager.services.snapshots.metadata import METADATA
from cfy_cli.manager.services.transfer.archive_limits import refused

FILES, TABLES, ROWS_SUFFIX = "files", "tables", ".jsonl"
MAX_LINK = 4096  # bytes


@dataclass(frozen=True, slots=True)
class RowFile:
    """A file, a folder or a link of a row."""

    info: zipfile.ZipInfo
    folder: str
    storage_id: int
    path: PurePosixPath  # within the folder of the row

    @property
    def is_link(self) -> bool:
        return stat.S_ISLNK(self.info.external_attr >> 16)

    @property
    def is_executable(self) -> bool:
        return bool((self.info.external_attr >> 16) & stat.S_IXUSR)


def rows_name(table: str) -> str:
    return f"{TABLES}/{table}{ROWS_SUFFIX}"


def file_name(folder: str, storage_id: int, path: PurePosixPath) -> str:
    return f"{FILES}/{folder}/{storage_id}/{path}"


def row_files(infos: Iterable[zipfile.ZipInfo], tables: Iterable[str], folders: Iterable[str]) -> Iterator[RowFile]:
    """Yield the files of rows. Raises Invalid for what a snapshot does not have, and for names that are twice in it."""
    expected = {METADATA, *map(rows_name, tables)}
    folders = set(folders)
    seen: set[str] = set()
    no_folders: set[str] = set()
    found = []
    for info in infos:
        name = info.filename.rstrip("/")
        if name in seen:
            raise refused(f"`{name}` is in it twice")
        seen.add(name)
        if name in expected:
            continue
        file = _parse(info, name, folders)
        found.append(file)
        if file.is_link or not info.is_dir():
            no_folders.add(name)
    for file in found:
        above = PurePosixPath(file.info.filename).parents
        if any(str(parent) in no_folders for parent in above):
            raise refused(f"`{file.info.filename}` is below a file")
        yield file


def is_inside(path: PurePosixPath, target: str) -> bool:
    """Return whether a link leads to a place in the folder that its path is relative to, whatever is there.

    That can be told only of a target whose `..` come first: a later one may be above another link.
    """
    parts = PurePosixPath(target).parts
    ups = next((index for index, part in enumerate(parts) if part != ".."), len(parts))
    is_relative = bool(parts) and not target.startswith("/") and "\0" not in target
    return is_relative and ups <= len(path.parts) - 1 and ".." not in parts[ups:]


def _parse(info: zipfile.ZipInfo, name: str, folders: set[str]) -> RowFile:
    parts = name.split("/")
    is_named = len(parts) > 3 and parts[0] == FILES and parts[1] in folders
    storage_id = parts[2] if is_named else ""
    if not (storage_id.isascii() and storage_id.isdecimal() and storage_id == str(int(storage_id))):
        raise refused(f"`{name[:100]}` is nothing that a snapshot has")
    if any(part in ("", ".", "..") for part in parts):
        raise refused(f"`{name[:100]}` is outside the folder of its row")
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
        raise refused(f"`{name[:100]}` is a special file")
    return RowFile(info, parts[1], int(storage_id), PurePosixPath(*parts[3:]))
