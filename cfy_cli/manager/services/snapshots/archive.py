"""Reading of the archive of a snapshot: counted, and checked as if somebody hostile had made it."""

import json
import math
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, NoReturn

from sqlalchemy import JSON, Boolean, Column, Float, Integer, String, Table

from cfy_cli.contract.limits import Limits
from cfy_cli.errors import Invalid
from cfy_cli.manager.services.snapshots import members
from cfy_cli.manager.services.snapshots.members import RowFile
from cfy_cli.manager.services.snapshots.metadata import MAX_METADATA, METADATA, Metadata, not_a_snapshot
from cfy_cli.manager.services.snapshots.tables import Row, folder_tables, stored_tables
from cfy_cli.manager.services.transfer.archive_limits import ArchiveTooLarge, UnpackLimit, open_zip
from cfy_cli.manager.services.transfer.archives import detect_suffix, readable

MAX_INTEGER = 2**63
WHAT = "The snapshot"
IsValid = Callable[[object], bool]


@dataclass(frozen=True)
class SnapshotArchive:
    """An open archive. The methods raise Invalid for what is damaged or hostile in it."""

    path: Path
    zip: zipfile.ZipFile
    metadata: Metadata
    limits: Limits

    def rows(self, table: Table, limit: UnpackLimit | None = None) -> Iterator[Row]:
        """Yield the rows of a table in the order of their storage ids, each value of the type of its column."""
        content = self.metadata.tables.get(table.name)
        columns = {column.name: column for column in table.columns}
        if content is None or set(content.columns) != set(columns):
            raise damaged(f"the columns of `{table.name}` are not those of its revision")
        checks = [_check_of(columns[name]) for name in content.columns]
        names, number, latest = content.columns, 0, 0
        for line in self._lines(table.name, limit or self.limit()):
            number += 1
            values = _parse_row(table.name, number, line)
            if len(values) != len(names):
                raise damaged(f"row {number} of `{table.name}` has {len(values)} values, not {len(names)}")
            for name, is_valid, value in zip(names, checks, values, strict=True):
                if not is_valid(value):
                    raise damaged(f"`{name}` in row {number} of `{table.name}` has a value that it cannot have")
            row = dict(zip(names, values, strict=True))
            storage_id = row.get("storage_id")
            if isinstance(storage_id, int):
                if storage_id <= latest:
                    raise damaged(f"the rows of `{table.name}` are not in the order of their storage ids")
                latest = storage_id
            yield row
        if number != content.rows:
            raise damaged(f"`{table.name}` has {number} rows, and {METADATA} says {content.rows}")

    def row_files(self) -> Iterator[RowFile]:
        return members.row_files(self.zip.infolist(), self.metadata.tables, folder_tables())

    def read_link(self, file: RowFile) -> str:
        """Return the target of a link of a row, which is within the folder of the row."""
        with self.zip.open(file.info) as source:
            target = source.read(members.MAX_LINK + 1).decode("utf-8", "replace")
        if len(target) > members.MAX_LINK or not members.is_inside(file.path, target):
            raise damaged(f"`{file.info.filename}` is a link that leads out of the folder of its row")
        return target

    def limit(self) -> UnpackLimit:
        """Return a new count of what is unpacked. Rows may be more alike than the ratio of other archives allows."""
        return UnpackLimit(self.path, replace(self.limits, archive_ratio=2**40))

    def _lines(self, table: str, limit: UnpackLimit) -> Iterator[bytes]:
        name = members.rows_name(table)
        pending = bytearray()
        with self._open(name) as source:
            for chunk in limit.count(source, name):
                pending += chunk
                if b"\n" in chunk:
                    *lines, rest = bytes(pending).split(b"\n")
                    yield from lines
                    pending = bytearray(rest)
                if len(pending) > self.limits.snapshot_row:
                    raise ArchiveTooLarge(f"{WHAT} was refused: a row of `{table}` is too long", "snapshot_row")
        if pending:
            raise damaged(f"the last row of `{table}` is incomplete")

    def _open(self, name: str) -> IO[bytes]:
        try:
            return self.zip.open(name)
        except KeyError:
            raise damaged(f"it has no {name}") from None


@contextmanager
def open_snapshot(path: Path, limits: Limits) -> Iterator[SnapshotArchive]:
    """Open a snapshot. Raises Invalid for what is none, and for snapshots of public managers."""
    of_snapshots = replace(
        limits,
        archive_files=limits.snapshot_files,
        archive_content=limits.snapshot_content,
        archive_file=limits.snapshot_content,
    )
    if detect_suffix(path) != "zip":
        raise not_a_snapshot("snapshots are zip archives")
    with _own_limits(), readable(WHAT), open_zip(path, of_snapshots) as packed:
        if METADATA not in packed.namelist():
            raise not_a_snapshot(f"it has no {METADATA}")
        with packed.open(METADATA) as source:
            content = source.read(MAX_METADATA + 1)
        if len(content) > MAX_METADATA:
            raise not_a_snapshot(f"{METADATA} is too large")
        yield SnapshotArchive(path, packed, Metadata.parse(content.decode("utf-8", "replace")), of_snapshots)


@contextmanager
def _own_limits() -> Iterator[None]:
    """Name the limits of snapshots where those of other archives are named."""
    try:
        yield
    except ArchiveTooLarge as error:
        name = "snapshot_files" if error.limit == "archive_files" else "snapshot_content"
        raise ArchiveTooLarge(error.message, error.limit if error.limit == "snapshot_row" else name) from error


def check_snapshot(path: Path, limits: Limits) -> None:
    """Read a snapshot to its end. Raises Invalid for one that is damaged or hostile.

    The rows of another version are counted, but their values cannot be checked.
    """
    with open_snapshot(path, limits) as archive:
        limit = archive.limit()
        files = list(archive.row_files())
        present = _check_rows(archive, limit)
        for file in files:
            if file.storage_id not in present.get(file.folder, {file.storage_id}):
                raise damaged(f"`{file.info.filename}` belongs to no row")
            if file.is_link:
                archive.read_link(file)
                continue
            with archive.zip.open(file.info) as source:
                for _ in limit.count(source, file.info.filename):
                    pass


def damaged(reason: str) -> Invalid:
    return Invalid(f"{WHAT} is damaged: {reason}", hint="Create or download it again.")


def _check_rows(archive: SnapshotArchive, limit: UnpackLimit) -> Mapping[str, set[int]]:
    """Check all rows; return the storage ids of those that may have files, by folder."""
    try:
        archive.metadata.check_revision()
    except Invalid:
        for name in archive.metadata.tables:
            for number, line in enumerate(archive._lines(name, limit), 1):
                _parse_row(name, number, line)
        return {}
    present: dict[str, set[int]] = {}
    folders = {table.name: folder for folder, table in folder_tables().items()}
    for table in stored_tables():
        ids = present.setdefault(folders[table.name], set()) if table.name in folders else None
        for row in archive.rows(table, limit):
            if ids is not None:
                ids.add(int(str(row["storage_id"])))
    return present


def _parse_row(table: str, number: int, line: bytes) -> list[object]:
    try:
        values = json.loads(line, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise damaged(f"row {number} of `{table}` is not JSON") from None
    if not isinstance(values, list):
        raise damaged(f"row {number} of `{table}` is no list of values")
    return values


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _check_of(column: Column[object]) -> IsValid:
    """Return whether a value may be in a column of a database of either kind."""
    type_, may_be_null = column.type, bool(column.nullable)
    if isinstance(type_, JSON):
        return lambda value: value is not None or may_be_null
    is_valid = _check_of_type(type_)
    return lambda value: may_be_null if value is None else is_valid(value)


def _check_of_type(type_: object) -> IsValid:
    if isinstance(type_, Boolean):
        return lambda value: isinstance(value, bool)
    if isinstance(type_, Integer):
        return lambda value: type(value) is int and -MAX_INTEGER <= value < MAX_INTEGER
    if isinstance(type_, Float):
        return lambda value: isinstance(value, int | float) and math.isfinite(value)
    length = type_.length or MAX_INTEGER if isinstance(type_, String) else MAX_INTEGER
    return lambda value: isinstance(value, str) and len(value) <= length and "\0" not in value
