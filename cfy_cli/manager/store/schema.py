"""Tables of the database: created when it is new, migrated under a lock when a former version made it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from cfy_cli.contract.timestamps import now
from cfy_cli.errors import CfyError
from cfy_cli.manager.locks import FileLock
from cfy_cli.manager.store.database import RESTORE_HINT, Database, translate_errors
from cfy_cli.manager.store.models import Base

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0040"  # the newest revision in migrations/versions
MIGRATIONS = Path(__file__).parent / "migrations"
ADVISORY_LOCK_KEY = 0x63667900  # "cfy": any number, the same for every manager of one PostgreSQL database


def prepare(database: Database, *, is_new: bool = True) -> None:
    """Create the tables, or migrate them to HEAD. Raises CfyError and changes nothing when that is impossible.

    An SQLite file without tables is refused where `is_new` is false: it was lost or emptied.
    """
    with translate_errors(database.url), _exclusive(database):
        revision = _find_revision(database)
        if revision is None and database.is_sqlite and not is_new:
            raise CfyError(
                f"The database {database.url.database} is missing or empty, although a manager has used its folder",
                hint=RESTORE_HINT,
            )
        if revision is None:
            _create(database)
        elif revision != HEAD:
            _migrate(database, revision)


def check_version(database: Database) -> None:
    """Raise CfyError unless the tables are those of this version."""
    with translate_errors(database.url):
        revision = _find_revision(database)
    if revision != HEAD:
        raise CfyError(
            f"The database has the revision {revision}, but {HEAD} is needed here",
            hint="Upgrade its data: cfy manager upgrade",
        )


def known_revisions() -> set[str]:
    """Return the revisions that this version can migrate."""
    from alembic.script import ScriptDirectory  # slow to import, and seldom needed

    return {script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()}


def _find_revision(database: Database) -> str | None:
    with database.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return str(connection.scalar(text("SELECT version_num FROM alembic_version")))


def _create(database: Database) -> None:
    with database.write() as session:
        connection = session.connection()
        Base.metadata.create_all(connection)
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
        connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})


def _migrate(database: Database, revision: str) -> None:
    from alembic import command  # slow to import, and needed once in a release

    if revision not in known_revisions():
        raise CfyError(
            f"The database was made by a newer version of cfy (its revision is {revision}, this one knows {HEAD})",
            hint="Upgrade cfy, or give another data folder with --data-dir.",
        )
    _back_up(database)
    with database.write() as session:
        command.upgrade(alembic_config(session.connection()), "head")


def alembic_config(connection: Connection | None = None) -> "Config":
    """Return the configuration of Alembic, with the connection that migrations run on."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _back_up(database: Database) -> None:
    """Copy a SQLite file before its migration; PostgreSQL rolls a failed migration back."""
    if not database.is_sqlite:
        return
    source = Path(str(database.url.database))
    target = source.with_name(f"{source.name}.{now().replace(':', '')}.backup")
    with sqlite3.connect(source) as old, sqlite3.connect(target) as new:
        old.backup(new)
    target.chmod(0o600)


@contextmanager
def _exclusive(database: Database) -> Iterator[None]:
    """Let one process at a time create or migrate the tables."""
    if database.is_sqlite:
        path = Path(str(database.url.database))
        with FileLock(path.with_name(path.name + ".lock")):
            yield
        return
    with database.engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ADVISORY_LOCK_KEY})
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": ADVISORY_LOCK_KEY})
