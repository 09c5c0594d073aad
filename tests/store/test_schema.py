"""Tables of the database: created, migrated from former versions, refused when newer."""

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
from cfy_cli.manager.store.models import Base, Blueprint, Deployment, NodeInstance

NOW = "2026-01-01T00:00:00.000Z"


@pytest.fixture
def empty(database_url: str) -> Database:
    """A database of each kind without any table."""
    database = Database(database_url)
    drop_tables(database)
    return database


def drop_tables(database: Database) -> None:
    with database.write() as session:
        Base.metadata.drop_all(session.connection())
        session.execute(text("DROP TABLE IF EXISTS alembic_version"))


def upgrade(database: Database, revision: str) -> None:
    with database.write() as session:
        command.upgrade(schema.alembic_config(session.connection()), revision)


def describe_tables(database: Database) -> dict[str, object]:
    """Return the tables as the database itself describes them, without the order of their columns."""
    inspector = inspect(database.engine)
    without_reuse = find_tables_without_id_reuse(database)
    return {
        table: {
            "columns": sorted(
                (column["name"], str(column["type"]), column["nullable"], column["default"])
                for column in inspector.get_columns(table)
            ),
            "primary key": inspector.get_pk_constraint(table)["constrained_columns"],
            "foreign keys": sorted(
                (key["constrained_columns"], key["referred_table"], key["referred_columns"], str(key["options"]))
                for key in inspector.get_foreign_keys(table)
            ),
            "indexes": sorted((index["name"] or "", index["column_names"]) for index in inspector.get_indexes(table)),
            "unique": sorted(constraint["column_names"] for constraint in inspector.get_unique_constraints(table)),
            "without id reuse": table in without_reuse,
        }
        for table in inspector.get_table_names()
        if table != "alembic_version"
    }


def find_tables_without_id_reuse(database: Database) -> set[str]:
    """Return the tables of SQLite that give no storage id again; those of PostgreSQL never do."""
    if not database.is_sqlite:
        return set()
    with database.read() as session:
        found = session.execute(text("SELECT name FROM sqlite_master WHERE sql LIKE '%AUTOINCREMENT%'"))
        return set(found.scalars())


def test_migrations_have_one_head():
    assert ScriptDirectory.from_config(schema.alembic_config()).get_heads() == [schema.HEAD]


@pytest.mark.filterwarnings("ignore:.*expression-based index")  # SQLite tells nothing of them, PostgreSQL does
def test_migrated_and_created_tables_equal_the_models(empty: Database):
    upgrade(empty, "head")
    with empty.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    migrated = describe_tables(empty)
    drop_tables(empty)
    schema.prepare(empty)
    assert describe_tables(empty) == migrated


def test_downgrade_to_base_removes_all_tables(empty: Database):
    upgrade(empty, "head")
    with empty.write() as session:
        command.downgrade(schema.alembic_config(session.connection()), "base")
    assert set(inspect(empty.engine).get_table_names()) <= {"alembic_version", "sqlite_sequence"}


def test_revision_0004_keeps_crash_counters_when_migrated(empty: Database):
    upgrade(empty, "0004")
    execution = {
        "tenant_name": "'red'", "visibility": "'tenant'", "created_at": ":now", "created_by": "'admin'", "id": "'e1'",
        "workflow_id": "'install'", "status": "'started'", "parameters": "'{}'", "is_system_workflow": "FALSE",
        "is_dry_run": "FALSE", "resume": "FALSE", "force": "FALSE", "allow_custom_parameters": "FALSE",
        "wait_after_fail": "600", "total_operations": "9", "finished_operations": "7", "decisions": "'{}'",
        "deaths": "3", "done_at_death": "7",
    }  # fmt: skip
    columns, values = ", ".join(execution), ", ".join(execution.values())
    with empty.write() as session:
        session.execute(text("INSERT INTO tenants (name, created_at) VALUES ('red', :now)"), {"now": NOW})
        session.execute(text(f"INSERT INTO executions ({columns}) VALUES ({values})"), {"now": NOW})
        session.execute(text(f"INSERT INTO executions ({columns}) VALUES ({values})".replace("e1", "e2")), {"now": NOW})
        session.execute(text("UPDATE executions SET deaths = 0, done_at_death = 0 WHERE id = 'e2'"))
    schema.prepare(empty)
    with empty.read() as session:
        assert session.scalar(text("SELECT version_num FROM alembic_version")) == schema.HEAD
        rows = session.execute(text("SELECT id, crashes, progress_at_crash FROM executions ORDER BY id")).all()
    assert [tuple(row) for row in rows] == [("e1", 3, 7), ("e2", 0, 0)]


def test_revision_0005_tells_idle_deployments_when_migrated(empty: Database):
    schema.prepare(empty)
    owner = {"tenant_name": "red", "visibility": "tenant", "created_by": "admin"}
    states = {"without": [], "stopped": ["stopped"], "half": ["started", "stopped"], "whole": ["started"]}
    with empty.write() as session:
        session.execute(text("INSERT INTO tenants (name, created_at) VALUES ('red', :now)"), {"now": NOW})
        blueprint = Blueprint(id="b", state="uploaded", **owner)
        session.add(blueprint)
        session.flush()
        for name, instances in states.items():
            fields = {"display_name": name, "blueprint_storage_id": blueprint.storage_id, "blueprint_id": "b"}
            active = {"half": "partial", "whole": "all"}.get(name, "none")
            deployment = Deployment(id=name, instances_active=active, **fields, **owner)
            session.add(deployment)
            session.flush()
            for number, state in enumerate(instances):
                of = {"deployment_storage_id": deployment.storage_id, "deployment_id": name}
                instance = {
                    "id": f"{name}_{number}",
                    "node_id": "n",
                    "index": number,
                    "state": state,
                    "relationships": [],
                }
                session.add(NodeInstance(**of, **instance, **owner))
        session.execute(text("UPDATE deployments SET instances_active = 'partial' WHERE id = 'stopped'"))
    with empty.write() as session:
        command.downgrade(schema.alembic_config(session.connection()), "0005")
    upgrade(empty, "head")
    with empty.read() as session:
        rows = session.execute(text("SELECT id, instances_active FROM deployments")).all()
    assert dict(map(tuple, rows)) == {"without": "empty", "stopped": "idle", "half": "partial", "whole": "all"}


def test_revision_0039_gives_no_event_the_id_of_a_deleted_one(empty: Database):
    upgrade(empty, "0039")
    event = {
        "tenant_name": "'red'", "visibility": "'tenant'", "created_by": "'admin'", "type": "'cloudify_event'",
        "timestamp": ":now", "reported_timestamp": ":now", "message": "'hello'",
    }  # fmt: skip
    add = text(f"INSERT INTO events ({', '.join(event)}) VALUES ({', '.join(event.values())}) RETURNING storage_id")
    with empty.write() as session:
        session.execute(text("INSERT INTO tenants (name, created_at) VALUES ('red', :now)"), {"now": NOW})
        kept, deleted = (session.scalar(add, {"now": NOW}) for _ in range(2))
        session.execute(text("DELETE FROM events WHERE storage_id = :last"), {"last": deleted})
    schema.prepare(empty)
    with empty.write() as session:
        added = session.scalar(add, {"now": NOW})
        assert session.scalars(text("SELECT storage_id FROM events ORDER BY storage_id")).all() == [kept, added]
    assert added > deleted


def test_prepare_creates_a_new_database_only_once(empty: Database):
    schema.prepare(empty)
    schema.prepare(empty)
    with empty.engine.connect() as connection:
        assert connection.scalars(text("SELECT version_num FROM alembic_version")).all() == [schema.HEAD]


def test_concurrent_prepares_create_one_database(empty: Database):
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


def test_newer_database_is_refused_unchanged(empty: Database):
    schema.prepare(empty)
    with empty.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(CfyError, match="newer version of cfy") as refused:
        schema.prepare(empty)
    assert "9999" in refused.value.message
    with empty.engine.connect() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "9999"


def test_sqlite_file_is_backed_up_before_migration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    database = Database(f"sqlite:///{tmp_path / 'manager.db'}")
    schema.prepare(database)
    with database.write() as session:
        session.execute(text("INSERT INTO tenants (name, created_at) VALUES ('red', '')"))
    monkeypatch.setattr(schema, "HEAD", "9999")  # as if this version had one more revision
    targets: list[str] = []
    monkeypatch.setattr(command, "upgrade", lambda _config, target: targets.append(target))
    schema.prepare(database)
    assert targets == ["head"]
    [backup] = tmp_path.glob("manager.db.*.backup")
    assert backup.stat().st_mode & 0o777 == 0o600
    assert sqlite3.connect(backup).execute("SELECT name FROM tenants").fetchall() == [("red",)]


@pytest.mark.parametrize("address", ["mysql://root@localhost/x", "nonsense", "oracle://x"])
def test_unsupported_database_address_is_refused(address: str):
    with pytest.raises(Invalid, match="not"):
        Database(address)
