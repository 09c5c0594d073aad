"""The tables: made new, migrated from old files, refused when newer."""

import sqlite3
import threading
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from cfy_cli.errors import CfyError, Invalid
from cfy_cli.manager.store import schema
from cfy_cli.manager.store.database import Database
from cfy_cli.manager.store.models import Base


@pytest.fixture
def empty(database_url: str) -> Database:
    """A database of each kind without any table."""
    database = Database(database_url)
    with database.write() as session:
        Base.metadata.drop_all(session.connection())
        session.execute(text("DROP TABLE IF EXISTS alembic_version"))
    return database


def test_migrations_lead_to_the_same_tables_as_making_them_new(empty: Database):
    config = schema._alembic(empty)
    assert ScriptDirectory.from_config(config).get_current_head() == schema.HEAD
    with empty.write() as session:
        config.attributes["connection"] = session.connection()
        command.upgrade(config, "head")
    with empty.engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    assert differences == []


def test_migrations_lead_back_to_nothing(empty: Database):
    config = schema._alembic(empty)
    with empty.write() as session:
        config.attributes["connection"] = session.connection()
        command.upgrade(config, "head")
        command.downgrade(config, "base")
    assert set(inspect(empty.engine).get_table_names()) <= {"alembic_version", "sqlite_sequence"}


def test_a_new_database_is_made_whole_and_only_once(empty: Database):
    schema.prepare(empty)
    schema.prepare(empty)
    with empty.engine.connect() as connection:
        assert connection.scalars(text("SELECT version_num FROM alembic_version")).all() == [schema.HEAD]


def test_two_who_start_at_once_make_one_database(empty: Database):
    problems: list[BaseException] = []

    def prepare() -> None:
        try:
            schema.prepare(Database(empty.url.render_as_string(hide_password=False)))
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=prepare) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


def test_a_newer_database_is_refused_and_not_touched(empty: Database):
    schema.prepare(empty)
    with empty.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(CfyError, match="newer version of cfy") as refused:
        schema.prepare(empty)
    assert "9999" in refused.value.message
    with empty.engine.connect() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "9999"


def test_an_old_file_is_backed_up_before_it_is_migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    database = Database(f"sqlite:///{tmp_path / 'manager.db'}")
    schema.prepare(database)
    with database.write() as session:
        session.execute(text("INSERT INTO tenants (name, created_at) VALUES ('kept', '')"))
    monkeypatch.setattr(schema, "HEAD", "9999")  # this version knows one more revision
    migrated: list[str] = []
    monkeypatch.setattr(command, "upgrade", lambda _config, to: migrated.append(to))
    schema.prepare(database)
    assert migrated == ["head"]
    [backup] = tmp_path.glob("manager.db.*.backup")
    assert backup.stat().st_mode & 0o777 == 0o600
    assert sqlite3.connect(backup).execute("SELECT name FROM tenants").fetchall() == [("kept",)]


@pytest.mark.parametrize("address", ["mysql://root@localhost/x", "nonsense", "oracle://x"])
def test_other_databases_are_a_sentence(address: str):
    with pytest.raises(Invalid, match="not"):
        Database(address)
