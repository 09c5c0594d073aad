"""Writing of a snapshot: rows page by page from one consistent view of the database, then the files of rows."""

import json
import shutil
import stat
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from sqlalchemy import JSON, Select, Table, Text, func, select
from sqlalchemy.orm import Session

from cfy_cli.errors import Failed, NotFound
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.encryption.cipher import Cipher
from cfy_cli.manager.services.runtime.working_folders import WorkingFolder
from cfy_cli.manager.services.snapshots import members
from cfy_cli.manager.services.snapshots.credentials import Export
from cfy_cli.manager.services.snapshots.metadata import METADATA, Contents, Metadata, TableContent
from cfy_cli.manager.services.snapshots.tables import Row, folder_tables, reencrypt, stored_tables
from cfy_cli.manager.store.files import DEPLOYMENTS, Files
from cfy_cli.manager.store.models import Event, Execution

PAGE, LARGE_PAGE = 1000, 20  # rows that are fetched at a time; the second of tables with values of any size
MAX_TRIES = 3
LOG = "cloudify_log"
CHUNK_SIZE = 1 << 20  # bytes
REGULAR = stat.S_IFREG | stat.S_IRUSR | stat.S_IWUSR
Warn = Callable[[str], None]


class FilesVanished(Exception):
    """A row with files was deleted while they were read."""


def write_snapshot(app: AppContext, file: BinaryIO, contents: Contents, execution_id: str, warn: Warn) -> Metadata:
    """Write the archive, without the execution that creates it.

    Raises Failed when rows with files are deleted again and again meanwhile.
    """
    for _ in range(MAX_TRIES):
        file.seek(0)
        file.truncate()
        try:
            return _write(app, file, contents, execution_id, warn)
        except FilesVanished:
            continue
    raise Failed(
        "Blueprints or plugins were deleted each time while their files were read",
        hint="Create the snapshot when nobody deletes any.",
    )


def _write(app: AppContext, file: BinaryIO, contents: Contents, execution_id: str, warn: Warn) -> Metadata:
    export = Export(app.service(Cipher), with_credentials=contents.credentials)
    tables: dict[str, TableContent] = {}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        with app.database.view() as session:
            for table in stored_tables():
                rows = reencrypt(table, _read_rows(session, _statement(table, contents, execution_id)), export)
                number = _write_rows(archive, table, rows)
                tables[table.name] = TableContent([column.name for column in table.columns], number)
            with_files = {folder: _find_ids(session, table) for folder, table in folder_tables().items()}
        for folder, storage_ids in with_files.items():
            for storage_id in storage_ids:
                if folder == DEPLOYMENTS:
                    _write_folder(archive, WorkingFolder(app, storage_id).fetch(), storage_id, warn)
                else:
                    _write_files(archive, app.files, folder, storage_id)
        with app.database.read() as session:
            for folder, table in folder_tables().items():
                if not set(with_files[folder]) <= set(_find_ids(session, table)):
                    raise FilesVanished
        metadata = Metadata.describe(contents, export.key, tables)
        archive.writestr(METADATA, json.dumps(metadata.as_json()))
    return metadata


def _statement(table: Table, contents: Contents, execution_id: str) -> Select[tuple[object, ...]]:
    """Select what belongs into the snapshot, in the order in which it can be stored again."""
    statement = select(*table.columns).order_by(*table.primary_key.columns)
    if table.name == Execution.__tablename__:
        return statement.where(table.c.id != execution_id)
    if table.name == Event.__tablename__:
        statement = statement.where(func.coalesce(table.c.execution_id, "") != execution_id)
        if not contents.logs:
            statement = statement.where(table.c.type != LOG)
        if not contents.events:
            statement = statement.where(table.c.type == LOG)
    return statement


def _read_rows(session: Session, statement: Select[tuple[object, ...]]) -> Iterator[Row]:
    is_large = any(isinstance(column.type, JSON | Text) for column in statement.selected_columns)
    page = LARGE_PAGE if is_large else PAGE
    for row in session.connection().execute(statement, execution_options={"yield_per": page}):
        yield dict(row._mapping)


def _write_rows(archive: zipfile.ZipFile, table: Table, rows: Iterator[Row]) -> int:
    number = 0
    with archive.open(members.rows_name(table.name), "w", force_zip64=True) as target:
        for row in rows:
            number += 1
            target.write(json.dumps(list(row.values()), separators=(",", ":")).encode() + b"\n")
    return number


def _find_ids(session: Session, table: Table) -> list[int]:
    return list(session.scalars(select(table.c.storage_id).order_by(table.c.storage_id)))


def _write_files(archive: zipfile.ZipFile, files: Files, folder: str, storage_id: int) -> None:
    for name in files.storage.names((folder, storage_id)):
        with suppress(NotFound), files.open((folder, storage_id), name) as source:  # else it was removed meanwhile
            info = zipfile.ZipInfo(members.file_name(folder, storage_id, PurePosixPath(name)))
            info.external_attr, info.compress_type = REGULAR << 16, zipfile.ZIP_DEFLATED
            with archive.open(info, "w", force_zip64=True) as target:
                shutil.copyfileobj(source, target, CHUNK_SIZE)


def _write_folder(archive: zipfile.ZipFile, root: Path, storage_id: int, warn: Warn) -> None:
    """Write the working folder of a deployment, where scripts may leave files of all kinds."""
    for path, name in _walk(root, PurePosixPath()):
        member = members.file_name(DEPLOYMENTS, storage_id, name)
        try:
            member.encode()
            _write_file(archive, path, name, member)
        except FileNotFoundError:  # it was removed meanwhile
            continue
        except (PermissionError, UnicodeEncodeError, _NotStored) as error:
            warn(f"The file {str(path).encode(errors='replace').decode()} is not in the snapshot: {error}")


def _walk(folder: Path, name: PurePosixPath) -> Iterator[tuple[Path, PurePosixPath]]:
    """Yield files, links and empty folders."""
    try:
        entries = sorted(folder.iterdir())
    except FileNotFoundError:
        return
    for path in entries:
        inner = name / path.name
        if path.is_dir() and not path.is_symlink() and any(path.iterdir()):
            yield from _walk(path, inner)
        else:
            yield path, inner


class _NotStored(Exception):
    """A file of a kind that a snapshot does not hold."""


def _write_file(archive: zipfile.ZipFile, path: Path, name: PurePosixPath, member: str) -> None:
    mode = path.lstat().st_mode
    info = zipfile.ZipInfo(member)
    info.external_attr, info.compress_type = mode << 16, zipfile.ZIP_DEFLATED
    if stat.S_ISLNK(mode):
        target = str(path.readlink())
        if not members.is_inside(name, target):
            raise _NotStored(f"it is a link to {target}, which is outside its folder")
        archive.writestr(info, target)
    elif stat.S_ISDIR(mode):
        info.filename += "/"
        archive.writestr(info, b"")
    elif stat.S_ISREG(mode):
        with path.open("rb") as source, archive.open(info, "w", force_zip64=True) as target_file:
            shutil.copyfileobj(source, target_file, CHUNK_SIZE)
    else:
        raise _NotStored("it is neither a file nor a folder")
