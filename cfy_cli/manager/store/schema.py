"""Bringing a database to this version's tables: made whole when new, migrated under a lock when old."""

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import inspect, text

from cfy_cli.contract.timestamps import now
from cfy_cli.errors import CfyError
from cfy_cli.manager.store.database import Database, as_sentences
from cfy_cli.manager.store.models import Base

HEAD = "0005"  # the newest revision in migrations/versions
MIGRATIONS = Path(__file__).parent / "migrations"
LOCK_NUMBER = 0x63667900  # "cfy": any number, the same for every manager of one PostgreSQL database


def prepare(database: Database) -> None:
    """Leave the database at HEAD, or raise a sentence and change nothing."""
    with as_sentences(database.url), _alone(database):
        found = _revision(database)
        if found is None:
            _create(database)
        elif found != HEAD:
            _migrate(database, found)


def _revision(database: Database) -> str | None:
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


def _migrate(database: Database, found: str) -> None:
    from alembic import command  # slow to import, and needed once in a release
    from alembic.script import ScriptDirectory

    config = _alembic(database)
    if found not in {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}:
        raise CfyError(
            f"The database was made by a newer version of cfy (its revision is {found}, this one knows {HEAD})",
            hint="Upgrade cfy, or give another data folder with --data-dir.",
        )
    _back_up(database)
    with database.write() as session:
        config.attributes["connection"] = session.connection()
        command.upgrade(config, "head")


def _alembic(database: Database):  # type: ignore[no-untyped-def]
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def _back_up(database: Database) -> None:
    """SQLite only: PostgreSQL's transaction undoes a failed migration."""
    if not database.is_sqlite:
        return
    source = Path(str(database.url.database))
    target = source.with_name(f"{source.name}.{now().replace(':', '')}.backup")
    with sqlite3.connect(source) as old, sqlite3.connect(target) as new:
        old.backup(new)
    target.chmod(0o600)


@contextmanager
def _alone(database: Database) -> Iterator[None]:
    """One process at a time looks and changes."""
    if database.is_sqlite:
        path = Path(str(database.url.database))
        with open(path.with_name(path.name + ".lock"), "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        return
    with database.engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:number)"), {"number": LOCK_NUMBER})
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:number)"), {"number": LOCK_NUMBER})
