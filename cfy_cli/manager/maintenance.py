"""Maintenance of a manager on this machine: backup and restore, vacuum, upgrade of the tables, checks of the folder."""

import os
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cfy_cli.contract.archive_formats import READ_ERRORS
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import CfyError, Failed
from cfy_cli.manager import backup_files
from cfy_cli.manager.data_folder import protect
from cfy_cli.manager.engine.extraction import extract_with_links
from cfy_cli.manager.process_secrets import private_files
from cfy_cli.manager.settings import ManagerSettings

DATABASE = "manager.db"
BUSY_TIMEOUT = 30  # seconds
_RESTORE_HINT = "Restore a backup: cfy manager restore FILE"
_BACKUP_HINT = "Backups are made by: cfy manager backup FILE"
_DAMAGED_CODES = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_BUSY_CODES = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_NOT_BACKED_UP = frozenset({"logs", "tmp", "manager.json", "cache", "files/incoming", "files/libraries"})
_NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "glusterfs", "lustre", "fuse.sshfs", "ceph"}
)


@dataclass(frozen=True, slots=True)
class VacuumResult:
    """Size of the database in bytes before and after, and the number of events deleted."""

    before: int
    after: int
    events_deleted: int


@private_files()
def back_up(settings: ManagerSettings, target: Path) -> int:
    """Write data folder and storage to a tar.gz that only its owner can read, and return its size in bytes.

    The manager may run meanwhile. Raises CfyError when the database is PostgreSQL, or the file cannot be written.
    """
    database = _sqlite_file(settings, "pg_dump")
    part = target.with_name(f"{target.name}.part")
    try:
        with tempfile.TemporaryDirectory(prefix="cfy-") as folder:
            copy = Path(folder) / DATABASE
            with _connect(database) as source, closing(sqlite3.connect(copy)) as destination:
                source.backup(destination)
            part.unlink(missing_ok=True)  # others may be able to read one that is left over
            with part.open("xb") as file:
                with tarfile.open(fileobj=file, mode="w:gz", compresslevel=6) as tar:
                    tar.add(copy, arcname=DATABASE)
                    for path in sorted(settings.data_dir.iterdir()):
                        is_stored_elsewhere = settings.storage and path == settings.files
                        if not path.name.startswith(DATABASE) and not is_stored_elsewhere:
                            tar.add(path, arcname=path.name, filter=_filter_member)
                    if settings.storage:
                        backup_files.add_files(tar, backup_files.open_files(settings))
                file.flush()
                os.fsync(file.fileno())
        part.replace(target)
    except OSError as error:
        raise CfyError(f"Cannot write {target}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    return target.stat().st_size


@private_files()
def restore(settings: ManagerSettings, archive: Path) -> Path | None:
    """Replace the data folder by the content of a backup; no manager may run on it.

    Returns where the former data folder was moved to, None if there was none. Raises CfyError and changes nothing when
    the archive is no backup.
    """
    _sqlite_file(settings, "pg_restore", must_exist=False)
    target = settings.data_dir
    protect(target)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as folder:
        restored = Path(folder) / "restored"
        restored.mkdir(mode=0o700)
        try:
            with tarfile.open(archive) as tar:
                extract_with_links(tar, restored)
        except READ_ERRORS as error:
            reason = str(error).partition("\n")[0].rstrip(":")
            raise CfyError(f"{archive} is no backup of a manager: {reason}", hint=_BACKUP_HINT) from error
        _check_integrity(restored / DATABASE, archive)
        backup_files.restore_files(settings, restored, _find_creation(restored / DATABASE))
        before = target.with_name(f"{target.name}.before-{now().replace(':', '')}") if target.exists() else None
        if before:
            target.rename(before)
        restored.rename(target)
    return before


@private_files()
def vacuum(settings: ManagerSettings, events_before: str | None = None) -> VacuumResult:
    """Return unused space of the database to the disk; the manager may run.

    `events_before` is a timestamp: events reported before it are deleted first.
    """
    database = _sqlite_file(settings, "VACUUM, and DELETE FROM events")
    before = _size(database)
    deleted = _delete_events(settings, events_before) if events_before else 0
    with _connect(database) as connection:
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return VacuumResult(before, _size(database), deleted)


def _delete_events(settings: ManagerSettings, before: str) -> int:
    from cfy_cli.manager.services.events.retention import delete_events_before
    from cfy_cli.manager.store.database import Database

    database = Database(settings.database, settings.database_password)
    try:
        return delete_events_before(database, before)
    finally:
        database.close()


@private_files()
def upgrade(settings: ManagerSettings) -> tuple[str | None, str]:
    """Migrate the tables to this version, and return the revisions before and after.

    A SQLite file is copied first. The revision before is None when there was no database on this machine.
    """
    from cfy_cli.manager.store import schema
    from cfy_cli.manager.store.database import Database

    revision = _find_revision(settings)
    database = Database(settings.database, settings.database_password)
    try:
        schema.prepare(database, is_new=not (settings.data_dir / "admin.json").exists())
    finally:
        database.close()
    return revision, schema.HEAD


def find_network_file_system(folder: Path) -> str | None:
    """Return the type of the network file system that a folder is on, such as nfs; None if it is on a local disk.

    The locks of SQLite are not reliable on network file systems.
    """
    try:
        mounts = Path("/proc/mounts").read_text("utf-8", errors="replace")
    except OSError:
        return None
    path = str(next(path for path in (folder, *folder.parents) if path.exists()).resolve())
    longest, file_system = "", ""
    for line in mounts.splitlines():
        fields = line.split(" ")
        mount_point = fields[1].replace("\\040", " ")
        is_below = path == mount_point or path.startswith(mount_point.rstrip("/") + "/")
        if is_below and len(mount_point) >= len(longest):
            longest, file_system = mount_point, fields[2]
    return file_system if file_system in _NETWORK_FILE_SYSTEMS else None


def _find_revision(settings: ManagerSettings) -> str | None:
    database = settings.data_dir / DATABASE
    if settings.database_url or not database.is_file() or not database.stat().st_size:
        return None
    with _connect(database) as connection:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else None


def _sqlite_file(settings: ManagerSettings, instead: str, *, must_exist: bool = True) -> Path:
    """Return the database file. Raises CfyError for PostgreSQL, with a hint to use `instead`."""
    if settings.database_url and not settings.database_url.startswith("sqlite"):
        raise CfyError("This manager stores its data in PostgreSQL", hint=f"Use PostgreSQL's own tools: {instead}.")
    database = settings.data_dir / DATABASE
    if must_exist and not database.is_file():
        raise CfyError(f"There is no manager in {settings.data_dir}", hint="Give its folder with --data-dir.")
    if must_exist and not database.stat().st_size:
        raise CfyError(f"The database {database} is empty", hint=_RESTORE_HINT)
    return database


@contextmanager
def _connect(database: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(database, timeout=BUSY_TIMEOUT, isolation_level=None)) as connection:
            yield connection
    except sqlite3.OperationalError as error:
        is_busy = getattr(error, "sqlite_errorcode", 0) & 0xFF in _BUSY_CODES
        hint = "The manager is busy: try again, or stop it first." if is_busy else None
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED_CODES:
            hint = _RESTORE_HINT
        raise Failed(f"{database}: {error}", hint=hint) from error
    except sqlite3.DatabaseError as error:
        raise CfyError(f"{database} is no database: {error}", hint=_RESTORE_HINT) from error


def _check_integrity(database: Path, archive: Path) -> None:
    if not database.is_file():
        raise CfyError(f"{archive} is no backup of a manager: it holds no {DATABASE}")
    with _connect(database) as connection:
        [result] = connection.execute("PRAGMA integrity_check").fetchone()
    if result != "ok":
        raise CfyError(f"{archive} is damaged: {result}")


def _find_creation(database: Path) -> str:
    """Return when the first tenant was created, which tells databases apart; empty before the first start."""
    with _connect(database) as connection, suppress(sqlite3.OperationalError):
        row = connection.execute("SELECT created_at FROM tenants ORDER BY storage_id LIMIT 1").fetchone()
        return str(row[0]) if row else ""
    return ""


def _filter_member(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    is_lock = member.name.endswith(".lock") and "/" not in member.name
    return None if is_lock or member.name in _NOT_BACKED_UP else member


def _size(database: Path) -> int:
    files = (database.with_name(database.name + suffix) for suffix in ("", "-wal"))
    return sum(file.stat().st_size for file in files if file.exists())
