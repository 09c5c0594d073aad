"""Looking after what a manager keeps on this machine: copies of it, making it smaller, bringing it up to date."""

import os
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfy_cli.contract.timestamps import now
from cfy_cli.errors import CfyError, Conflict, Failed
from cfy_cli.manager.settings import ManagerSettings

DATABASE = "manager.db"
_MADE_BY = "Backups are made by: cfy manager backup FILE"
BUSY_SECONDS = 30
BATCH = 5000  # events deleted at a time, so that the manager can write in between
_KEPT_OUT = frozenset({"logs", "tmp", "manager.json", "files/incoming"})
_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "glusterfs", "lustre", "fuse.sshfs", "ceph"})


@dataclass(frozen=True, slots=True)
class Vacuumed:
    """Sizes in bytes."""

    before: int
    after: int
    events_deleted: int


def back_up(settings: ManagerSettings, target: Path) -> int:
    """Write all that the manager keeps to a tar.gz for its owner alone, also while it runs; its size in bytes."""
    database = _sqlite_file(settings, "pg_dump")
    part = target.with_name(f"{target.name}.part")
    try:
        with tempfile.TemporaryDirectory(prefix="cfy-") as folder:
            copy = Path(folder) / DATABASE
            with _opened(database) as source, closing(sqlite3.connect(copy)) as destination:
                source.backup(destination)
            with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                with tarfile.open(fileobj=file, mode="w:gz", compresslevel=6) as tar:
                    tar.add(copy, arcname=DATABASE)
                    for path in sorted(settings.data_dir.iterdir()):
                        if not path.name.startswith(DATABASE):
                            tar.add(path, arcname=path.name, filter=_kept)
                file.flush()
                os.fsync(file.fileno())
        part.replace(target)
    except OSError as error:
        raise CfyError(f"Cannot write {target}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    return target.stat().st_size


def restore(settings: ManagerSettings, archive: Path) -> Path | None:
    """Put back what a backup holds; where the data folder was moved to, if there was one. No manager may run on it."""
    _sqlite_file(settings, "pg_restore", must_exist=False)
    target = settings.data_dir
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as folder:
        fresh = Path(folder) / "restored"
        fresh.mkdir(mode=0o700)
        try:
            with tarfile.open(archive) as tar:
                tar.extractall(fresh, filter="data")
        except (tarfile.TarError, OSError, EOFError) as error:
            reason = str(error).partition("\n")[0].rstrip(":")
            raise CfyError(f"{archive} is no backup of a manager: {reason}", hint=_MADE_BY) from error
        _check(fresh / DATABASE, archive)
        before = target.with_name(f"{target.name}.before-{now().replace(':', '')}") if target.exists() else None
        if before:
            target.rename(before)
        fresh.rename(target)
    return before


def vacuum(settings: ManagerSettings, events_before: str | None = None) -> Vacuumed:
    """Forget events from before that time, and give what is not used back to the disk; the manager may run."""
    database = _sqlite_file(settings, "VACUUM, and DELETE FROM events")
    before, deleted = _size(database), 0
    with _opened(database) as connection:
        while events_before:
            batch = "SELECT rowid FROM events WHERE reported_timestamp < ? LIMIT ?"
            cursor = connection.execute(f"DELETE FROM events WHERE rowid IN ({batch})", (events_before, BATCH))  # noqa: S608
            deleted += cursor.rowcount
            if cursor.rowcount < BATCH:
                break
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return Vacuumed(before, _size(database), deleted)


def revision(settings: ManagerSettings) -> str | None:
    """The version of the tables of a database on this machine; None when there is no database yet."""
    database = settings.data_dir / DATABASE
    if settings.database_url or not database.is_file():
        return None
    with _opened(database) as connection:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else None


def upgrade(settings: ManagerSettings) -> tuple[str | None, str]:
    """Bring the tables to this version, an old file having been copied first; the versions before and after."""
    from cfy_cli.manager.store import schema
    from cfy_cli.manager.store.database import Database

    found = revision(settings)
    database = Database(settings.database)
    try:
        schema.prepare(database)
    finally:
        database.close()
    return found, schema.HEAD


def network_disk(folder: Path) -> str | None:
    """The kind of network disk that a folder is on, such as nfs; SQLite's locks cannot be relied on there."""
    try:
        mounts = Path("/proc/mounts").read_text("utf-8", errors="replace")
    except OSError:
        return None
    place = str(next(path for path in (folder, *folder.parents) if path.exists()).resolve())
    best, kind = "", ""
    for line in mounts.splitlines():
        fields = line.split(" ")
        point = fields[1].replace("\\040", " ")
        inside = place == point or place.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, fields[2]
    return kind if kind in _NETWORK else None


def check_owner(folder: Path) -> None:
    """Raises Conflict when the folder is somebody else's: two people never share a manager by accident."""
    if folder.exists() and folder.stat().st_uid != os.getuid():
        raise Conflict(
            f"The data folder {folder} belongs to another user",
            hint="Set CFY_WORKDIR to a folder of your own, or give one with --data-dir.",
        )


def _sqlite_file(settings: ManagerSettings, instead: str, *, must_exist: bool = True) -> Path:
    if settings.database_url and not settings.database_url.startswith("sqlite"):
        raise CfyError("This manager keeps its data in PostgreSQL", hint=f"Use PostgreSQL's own tools: {instead}.")
    database = settings.data_dir / DATABASE
    if must_exist and not database.is_file():
        raise CfyError(f"There is no manager in {settings.data_dir}", hint="Name its folder with --data-dir.")
    return database


@contextmanager
def _opened(database: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(database, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
            yield connection
    except sqlite3.OperationalError as error:
        busy = "locked" in str(error) or "busy" in str(error)
        hint = "The manager is busy: try again, or stop it first." if busy else None
        raise Failed(f"{database}: {error}", hint=hint) from error
    except sqlite3.DatabaseError as error:
        raise CfyError(f"{database} is no database: {error}") from error


def _check(database: Path, archive: Path) -> None:
    if not database.is_file():
        raise CfyError(f"{archive} is no backup of a manager: it holds no {DATABASE}")
    with _opened(database) as connection:
        answer: Any = connection.execute("PRAGMA integrity_check").fetchone()
    if answer[0] != "ok":
        raise CfyError(f"{archive} is damaged: {answer[0]}")


def _kept(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    is_lock = member.name.endswith(".lock") and "/" not in member.name
    return None if is_lock or member.name in _KEPT_OUT else member


def _size(database: Path) -> int:
    files = (database.with_name(database.name + suffix) for suffix in ("", "-wal"))
    return sum(file.stat().st_size for file in files if file.exists())
