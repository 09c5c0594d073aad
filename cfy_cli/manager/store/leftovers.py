"""Files without rows, removed when a manager starts."""

from sqlalchemy import func, select

from cfy_cli.errors import Failed
from cfy_cli.manager.store.database import Database
from cfy_cli.manager.store.file_changes import remove_unreferenced
from cfy_cli.manager.store.files import DEPLOYMENTS, Files
from cfy_cli.manager.store.models import Base, Tenant


def models_with_files() -> list[type[Base]]:
    return [mapper.class_ for mapper in Base.registry.mappers if mapper.class_.FOLDER]


def check_database(database: Database, files: Files) -> None:
    """Raise Failed when there are files of another database, or none of this one, which has rows with files."""
    known, address = files.storage.read_owner().split(), files.storage.address
    created_at = _created_at(database)
    if created_at in known:
        return
    has_files = any(files.storage.storage_ids(model.FOLDER) for model in models_with_files())
    if known and has_files:
        raise Failed(
            f"The files in {address} belong to another database, which was created at {known[0]}",
            hint="Start the manager with that database, or with another data folder; "
            f"to begin anew, move {address} away.",
        )
    number = 0 if known or has_files or not files.is_shared else _count_rows(database)
    if number:
        raise Failed(
            f"The storage {address} is empty, and the database has {number} blueprints, plugins and others with files",
            hint=f"Copy the files there first, such as with `aws s3 sync {files.folder} {address}` or `cp -r`.",
        )


def remember_database(database: Database, files: Files, *, becomes: str = "") -> None:
    """Store which database the files belong to, and to which one they will if a transaction is committed."""
    owner = f"{_created_at(database)} {becomes}".strip()
    if owner and files.storage.read_owner() != owner:
        files.storage.write_owner(owner)


def remove_leftovers(database: Database, files: Files) -> None:
    """Remove the files that have no row, such as those of processes that were killed."""
    keys = [(model, storage_id) for model in models_with_files() for storage_id in files.storage_ids(model.FOLDER)]
    if keys or files.is_shared:
        remove_unreferenced(database, files, keys)


def _count_rows(database: Database) -> int:
    """Return how many rows there are whose files are in the storage."""
    models = [model for model in models_with_files() if model.FOLDER != DEPLOYMENTS]
    with database.read() as session:
        counts = [session.scalar(select(func.count(model.storage_id)).where(model.has_files())) for model in models]
    return sum(count or 0 for count in counts)


def _created_at(database: Database) -> str:
    """Return what identifies a database, empty for a new one."""
    with database.read() as session:
        return session.scalar(select(Tenant.created_at).order_by(Tenant.storage_id).limit(1)) or ""
