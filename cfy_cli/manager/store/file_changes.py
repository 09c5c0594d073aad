"""Files that come and go with the rows they belong to, in one transaction."""

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from cfy_cli.errors import CfyError
from cfy_cli.manager.store.advisory_locks import LockKey, acquire_lock, acquire_shared_lock
from cfy_cli.manager.store.database import Database
from cfy_cli.manager.store.files import Files
from cfy_cli.manager.store.models import Base
from cfy_cli.manager.store.storage import Content, RowKey

log = logging.getLogger(__name__)
ModelKey = tuple[type[Base], int]  # a model and a storage id


class FileChanges:
    """Changes of files in one transaction: new ones are put into place before its commit, old ones removed after.

    A process that is killed in between leaves files without a row. The next start removes them (`leftovers.py`),
    and a row that gets the same storage id before that replaces them.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self._new: list[tuple[ModelKey, Mapping[str, Content]]] = []
        self._staged: dict[ModelKey, Path] = {}
        self._old: list[RowKey] = []
        self._placed: list[ModelKey] = []

    def add(self, row: Base, contents: Mapping[str, Content]) -> None:
        """Replace the files of a row that is in the database, perhaps in this transaction only."""
        self._new.append(((type(row), row.storage_id), contents))

    def add_staged(self, key: ModelKey, folder: Path) -> None:
        """Give a new row the files in a folder."""
        self._staged[key] = folder

    def remove(self, row: Base) -> None:
        self._old.append(_row_key((type(row), row.storage_id)))

    def place(self, session: Session) -> None:
        """Put the new files into place, as the last step before the commit."""
        if not self._new and not self._staged:
            return
        session.flush()  # what the database refuses is refused before files are moved
        acquire_shared_lock(session, LockKey.FILES)
        for key, contents in self._new:
            self._placed.append(key)
            self._files.storage.put(_row_key(key), contents)
        self._placed += self._staged
        self._files.put_folders({_row_key(key): folder for key, folder in self._staged.items()})

    def finish(self) -> None:
        """Remove the old files, after the commit."""
        if self._old:
            try:
                self._files.delete(self._old)
            except (CfyError, OSError) as error:
                log.warning("Files of deleted rows are removed at the next start only: %s", error)

    def undo(self, database: Database) -> None:
        """Remove the new files after the transaction has failed; those of a commit that succeeded after all stay."""
        if self._placed:
            try:
                remove_unreferenced(database, self._files, self._placed)
            except (CfyError, OSError) as error:
                log.warning("Files of a failed transaction are removed at the next start only: %s", error)


def remove_unreferenced(database: Database, files: Files, keys: Iterable[ModelKey]) -> None:
    """Remove the files of those of the rows that there are not, and what interrupted transfers have left."""
    by_model: dict[type[Base], list[int]] = {}
    for model, storage_id in keys:
        by_model.setdefault(model, []).append(storage_id)
    with database.write() as session:
        acquire_lock(session, LockKey.FILES)  # nobody is between placing files and committing their row
        missing = []
        for model, storage_ids in by_model.items():
            kept = set(session.scalars(select(model.storage_id).where(model.has_files())))
            missing += [(model.FOLDER, storage_id) for storage_id in storage_ids if storage_id not in kept]
        files.delete(missing)
        files.storage.remove_interrupted()


def _row_key(key: ModelKey) -> RowKey:
    model, storage_id = key
    return model.FOLDER, storage_id
