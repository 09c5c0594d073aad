"""Everything that the manager stores outside its database: in its storage, and below its data folder."""

import errno
import os
import shutil
import socket
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from cfy_cli.errors import NotFound
from cfy_cli.manager.file_cache import FileCache
from cfy_cli.manager.store.folder_storage import FolderStorage
from cfy_cli.manager.store.packed_folders import PACKED, pack
from cfy_cli.manager.store.s3_storage import S3_SCHEME, S3Storage, parse_bucket
from cfy_cli.manager.store.storage import RowKey, Storage

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
BLUEPRINTS, DEPLOYMENTS, ICONS, PLUGINS, LOG_BUNDLES, SNAPSHOTS = (
    "blueprints",
    "deployments",
    "icons",
    "plugins",
    "log_bundles",
    "snapshots",
)  # folders of the files of rows
KINDS = (BLUEPRINTS, DEPLOYMENTS, ICONS, PLUGINS, LOG_BUNDLES, SNAPSHOTS)
INCOMING, OWNER_FILE, CACHE = "incoming", "files.database", "cache"  # the last two beside the folder of files
CHUNK_SIZE = 1024**2  # bytes


class Files:
    """The storage, the cache of what is made of stored files on this machine, and folders that are this machine's own.

    The storage holds blueprints/ID/archive.SUFFIX, icons/ID/, plugins/ID/, log_bundles/ID/ and snapshots/ID/: ID is the
    storage id of the row, so no name that a user typed becomes the name of a file. `incoming` is for files that are
    being received. The working folders of deployments, deployments/ID/, and libraries/ are on this machine.
    """

    def __init__(
        self,
        folder: Path,
        process: str = "",
        *,
        storage: str = "",
        credentials: tuple[str, ...] = (),
        max_cache: int = 1024**3,
    ) -> None:
        """Use the folder of this manager; `storage` is another folder, or s3://BUCKET/PREFIX, that many may share."""
        self.folder = folder
        self.is_shared = bool(storage)
        self.storage: Storage
        self.incoming = incoming_folder(folder, process, storage)
        if storage.startswith(S3_SCHEME):
            machine = _machine_name(folder)
            self.storage = S3Storage(parse_bucket(storage), f"{machine}/{process or 'command'}", credentials)
        elif storage:
            shared = Path(storage)
            self.storage = FolderStorage(shared, self.incoming, shared / OWNER_FILE, is_shared=True)
        else:
            self.storage = FolderStorage(folder, self.incoming, folder.with_name(OWNER_FILE))
        self.cache = FileCache(folder.with_name(CACHE), max_cache)

    def prepare(self) -> None:
        """Create the folders, and check that the storage can be used. Raises CfyError."""
        self.storage.check()
        for folder in (self.folder, self.incoming):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.storage.remove_incoming()
        self.cache.clear_removed()
        if isinstance(self.storage, FolderStorage) and not self.is_shared:
            self.storage.remove_unpacked((BLUEPRINTS, PLUGINS))

    def storage_ids(self, kind: str) -> set[int]:
        """Return the storage ids of the rows that have files, here or in the storage."""
        return {*self.storage.storage_ids(kind), *self.cache.storage_ids(kind), *self._working_ids(kind)}

    def delete(self, keys: Collection[RowKey]) -> None:
        """Delete the files of rows, and what was made of them on this machine."""
        self.storage.delete(keys)
        for kind, storage_id in keys:
            if kind == DEPLOYMENTS and self.is_shared:
                folder = self.deployment_folder(storage_id)
                shutil.rmtree(folder, ignore_errors=True)
                for suffix in ("version", "lock", "store.lock"):
                    folder.with_name(f"{storage_id}.{suffix}").unlink(missing_ok=True)
        self.cache.remove(keys)

    def put_folders(self, folders: Mapping[RowKey, Path]) -> None:
        """Give many rows that have no files yet those in folders, and deployments their working folders."""
        is_packed = {key: self.is_shared and key[0] == DEPLOYMENTS for key in folders}
        self.storage.put_folders({key: folder for key, folder in folders.items() if not is_packed[key]})
        for key, folder in folders.items():
            if is_packed[key]:
                with self.open_temporary() as (file, path):
                    pack(folder, file)
                    file.flush()
                    self.storage.put(key, {PACKED: path})

    def find_archive(self, storage_id: int) -> str | None:
        """Return the name of the archive of a blueprint."""
        names = self.storage.names((BLUEPRINTS, storage_id))
        return next((name for name in names if name.startswith("archive.")), None)

    def deployment_folder(self, storage_id: int) -> Path:
        """Return the working folder of a deployment."""
        return self.folder / DEPLOYMENTS / str(storage_id)

    def libraries_folder(self) -> Path:
        """Return the folder of the virtual environment that plugins share."""
        return self.folder / "libraries"

    @contextmanager
    def open_temporary(self) -> Iterator[tuple[BinaryIO, Path]]:
        """Yield a temporary file to write to; it is removed at the end unless it was moved away."""
        self.incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=self.incoming)
        path = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file, path
        finally:
            path.unlink(missing_ok=True)
            self.storage.forget(path)

    @contextmanager
    def local_copy(self, key: RowKey, name: str) -> Iterator[Path]:
        """Yield a stored file as a file on this machine. Raises NotFound."""
        path = self.storage.local_path(key, name)
        if path is not None and self.storage.find(key, name):
            yield path
            return
        with self.open_temporary() as (file, path):
            with self.open(key, name) as source:
                shutil.copyfileobj(source, file, CHUNK_SIZE)
            file.flush()
            yield path

    def read(self, key: RowKey, name: str) -> bytes:
        """Return the content of a small file. Raises NotFound."""
        with self.open(key, name) as file:
            return file.read()

    def open(self, key: RowKey, name: str) -> BinaryIO:
        """Open a stored file. Raises NotFound."""
        try:
            return self.storage.open(key, name)
        except FileNotFoundError:
            raise NotFound(f"The file `{name}` does not exist any more") from None

    def new_staging_folder(self) -> Path:
        """Return a new folder to stage files in."""
        self.incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=self.incoming))

    def _working_ids(self, kind: str) -> list[int]:
        if kind != DEPLOYMENTS:
            return []
        with suppress(FileNotFoundError):
            return [int(path.name) for path in (self.folder / kind).iterdir() if path.name.isdecimal()]
        return []


def incoming_folder(folder: Path, process: str, storage: str) -> Path:
    """Return the folder for what a process receives, which its next start empties."""
    if not storage or storage.startswith(S3_SCHEME):
        return folder / INCOMING / process
    return Path(storage) / INCOMING / _machine_name(folder) / process


def _machine_name(folder: Path) -> str:
    """Return a name that is unique among the managers that share a storage."""
    return f"{socket.gethostname()}-{sha256(str(folder.resolve()).encode()).hexdigest()[:8]}"
