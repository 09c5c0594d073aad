"""Files that come and go with the rows they belong to, in one transaction."""

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from cfy_cli.errors import CfyError
from cfy_cli.manager.store.advisory_locks import LockKey, acquire_lock
from cfy_cli.manager.store.database import Database
from cfy_cli.manager.store.files import Content, Files
from cfy_cli.manager.store.models import Base

log = logging.getLogger(__name__)
RowKey = tuple[type[Base], int]  # a model and a storage id


class FileChanges:
    """Changes of files in one transaction: new ones are moved into place before its commit, old ones removed after.

    A process that is killed in between leaves a folder without a row. The next start removes it (`leftovers.py`),
    and a row that gets the same storage id before that replaces it.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self._new: list[tuple[RowKey, Mapping[str, Content]]] = []
        self._staged: list[tuple[RowKey, Path]] = []
        self._old: list[RowKey] = []
        self._placed: list[RowKey] = []

    def add(self, row: Base, contents: Mapping[str, Content]) -> None:
        """Replace the files of a row that is in the database, perhaps in this transaction only."""
        self._new.append(((type(row), row.storage_id), contents))

    def add_staged(self, key: RowKey, folder: Path) -> None:
        """Give a new row the folder of its files, which are on the disk already."""
        self._staged.append((key, folder))

    def remove(self, row: Base) -> None:
        self._old.append((type(row), row.storage_id))

    def place(self, session: Session) -> None:
        """Move the new files into place, as the last step before the commit."""
        if not self._new and not self._staged:
            return
        session.flush()  # what the database refuses is refused before files are moved
        acquire_lock(session, LockKey.FILES)
        for key, contents in self._new:
            self._placed.append(key)
            self._files.place(self._files.stage(contents), self._folder(key))
        self._placed += [key for key, _ in self._staged]
        self._files.place_all({self._folder(key): folder for key, folder in self._staged})

    def finish(self) -> None:
        """Remove the old files, after the commit."""
        for key in self._old:
            self._files.discard(self._folder(key))

    def undo(self, database: Database) -> None:
        """Remove the new files after the transaction has failed; those of a commit that succeeded after all stay."""
        if self._placed:
            try:
                remove_unreferenced(database, self._files, self._placed)
            except (CfyError, OSError) as error:
                log.warning("Files of a failed transaction are removed at the next start only: %s", error)

    def _folder(self, key: RowKey) -> Path:
        model, storage_id = key
        return self._files.row_folder(model.FOLDER, storage_id)


def remove_unreferenced(database: Database, files: Files, keys: Iterable[RowKey]) -> None:
    """Remove those of the folders that belong to no row."""
    by_model: dict[type[Base], list[int]] = {}
    for model, storage_id in keys:
        by_model.setdefault(model, []).append(storage_id)
    removed = []
    with database.write() as session:
        acquire_lock(session, LockKey.FILES)  # nobody is between placing files and committing their row
        for model, storage_ids in by_model.items():
            kept = set(session.scalars(select(model.storage_id).where(model.has_files())))
            removed += [
                moved
                for storage_id in storage_ids
                if storage_id not in kept and (moved := files.set_aside(files.row_folder(model.FOLDER, storage_id)))
            ]
    for path in removed:
        files.delete(path)
