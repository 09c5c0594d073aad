"""Files without rows in the data folder, removed when a manager starts."""

import os

from sqlalchemy import select

from cfy_cli.errors import Failed
from cfy_cli.manager.store.database import Database
from cfy_cli.manager.store.file_changes import remove_unreferenced
from cfy_cli.manager.store.files import Files
from cfy_cli.manager.store.models import Base, Tenant

DATABASE_FILE = "files.database"  # beside the folder of files: when the database that they belong to was created


def models_with_files() -> list[type[Base]]:
    return [mapper.class_ for mapper in Base.registry.mappers if mapper.class_.FOLDER]


def check_database(database: Database, files: Files) -> None:
    """Raise Failed when there are files of another database."""
    file = files.folder.with_name(DATABASE_FILE)
    known = file.read_text("utf-8", "replace") if file.exists() else ""
    if (
        not known.strip() or _created_at(database) in known.split()
    ):  # empty: the machine failed before it was on the disk
        return
    if any(files.list_storage_ids(model.FOLDER) for model in models_with_files()):
        raise Failed(
            f"The files in {files.folder} belong to another database, which was created at {known.split()[0]}",
            hint="Start the manager with that database, or with another data folder; "
            f"to begin anew, move {files.folder} away.",
        )


def remember_database(database: Database, files: Files, *, becomes: str = "") -> None:
    """Store which database the files belong to, and to which one they will if a transaction is committed."""
    file, created_at = files.folder.with_name(DATABASE_FILE), f"{_created_at(database)} {becomes}".strip()
    if created_at and not (file.exists() and file.read_text("utf-8", "replace") == created_at):
        with files.open_temporary() as (stream, temporary):
            stream.write(created_at.encode())
            stream.flush()
            os.fsync(stream.fileno())  # before its name: an empty file would allow any database
            temporary.replace(file)


def remove_leftovers(database: Database, files: Files) -> None:
    """Remove the folders that have no row, such as those of processes that were killed."""
    keys = [(model, storage_id) for model in models_with_files() for storage_id in files.list_storage_ids(model.FOLDER)]
    if keys:
        remove_unreferenced(database, files, keys)


def _created_at(database: Database) -> str:
    """Return what identifies a database, empty for a new one."""
    with database.read() as session:
        return session.scalar(select(Tenant.created_at).order_by(Tenant.storage_id).limit(1)) or ""
