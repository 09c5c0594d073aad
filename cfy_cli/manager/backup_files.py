"""Files of rows in backups, which hold them whichever storage the manager has."""

import shutil
import tarfile
from pathlib import Path

from cfy_cli.errors import Conflict
from cfy_cli.manager.settings import ManagerSettings
from cfy_cli.manager.store.files import DEPLOYMENTS, KINDS, Files
from cfy_cli.manager.store.packed_folders import PACKED, unpack
from cfy_cli.manager.store.storage import RowKey

FOLDER = "files"  # in the backup


def open_files(settings: ManagerSettings) -> Files:
    return Files(settings.files, storage=settings.storage, credentials=settings.storage_credentials)


def add_files(tar: tarfile.TarFile, files: Files) -> None:
    """Add what is in a storage outside the data folder. Raises CfyError when it cannot be read."""
    for kind in KINDS:
        for storage_id in sorted(files.storage.storage_ids(kind)):
            for name in files.storage.names((kind, storage_id)):
                found = files.storage.find((kind, storage_id), name)
                if found is None:  # the row was deleted meanwhile
                    continue
                member = tarfile.TarInfo(f"{FOLDER}/{kind}/{storage_id}/{name}")
                member.size, member.mtime, member.mode = found.size, int(found.modified_at), 0o600
                with files.open((kind, storage_id), name) as source:
                    tar.addfile(member, source)


def restore_files(settings: ManagerSettings, restored: Path, created_at: str) -> None:
    """Bring the files of an unpacked backup to where the manager expects them, before the backup takes effect.

    Files in a storage are added and never replaced: storage ids are not used again, so what is there is the same.
    Raises Conflict when the storage has files of another database.
    """
    folders = _find_folders(restored / FOLDER)
    if not settings.storage:
        for (kind, _), folder in folders.items():
            if kind == DEPLOYMENTS and (folder / PACKED).is_file():
                with (folder / PACKED).open("rb") as file:
                    unpack(file, folder)
                (folder / PACKED).unlink()
        return
    files = open_files(settings)
    files.prepare()
    known = files.storage.read_owner().split()
    if known and created_at not in known:
        raise Conflict(
            f"The files in {files.storage.address} belong to another database, which was created at {known[0]}",
            hint="Give another storage at the next start, or move those files away.",
        )
    for key, folder in folders.items():
        if not _is_stored(files, key, folder):
            is_packed = key[0] != DEPLOYMENTS or (folder / PACKED).is_file()
            if is_packed:
                files.storage.put(key, {path.name: path for path in folder.iterdir() if path.is_file()})
            else:
                files.put_folders({key: folder})
    shutil.rmtree(restored / FOLDER, ignore_errors=True)


def _is_stored(files: Files, key: RowKey, folder: Path) -> bool:
    """Return whether the storage has the files of a row; it may have a newer working folder of a deployment."""
    if key[0] == DEPLOYMENTS:
        return files.storage.find(key, PACKED) is not None
    stored = {name: files.storage.find(key, name) for name in files.storage.names(key)}
    sizes = {name: found.size for name, found in stored.items() if found}
    return all(sizes.get(path.name) == path.stat().st_size for path in folder.iterdir() if path.is_file())


def _find_folders(root: Path) -> dict[RowKey, Path]:
    return {
        (kind, int(path.name)): path
        for kind in KINDS
        for path in sorted((root / kind).glob("*"))
        if path.name.isdecimal()
    }
