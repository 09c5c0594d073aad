"""Snapshots: a restored manager is the same manager, and whatever is interrupted or refused changes nothing."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, Boolean, Column, Float, Integer, Table, func, insert, select, text

from cfy_cli.contract.states import ExecutionState
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.encryption.cipher import Cipher
from cfy_cli.manager.services.snapshots.restoring import INTERRUPTED
from cfy_cli.manager.services.snapshots.tables import folder_tables, referring, stored_tables
from cfy_cli.manager.store.models import Base, Execution, LogBundle, Snapshot, Tenant
from cfy_cli.manager.store.models.types import ENCRYPTED
from tests.conftest import Ask, Cfy
from tests.manager.conftest import HELLO, SAY, archive, wait_for_end, wait_until
from tests.manager.other_manager import (
    other_manager,
    read_everything,
    serve,
    wait_in_database,
    working,
)
from tests.wagons import package

FILES = {"blueprint.yaml": HELLO, "say.sh": SAY, "folder/empty.txt": ""}


@pytest.fixture
def other(app: AppContext, tmp_path: Path, first_start: Path) -> Iterator[AppContext]:
    """Another manager, to which requests go until `serve` is called; its database is SQLite."""
    with other_manager(tmp_path / "other", first_start) as other:
        serve(app)
        yield other


def fill(ask: Ask, app: AppContext) -> str:
    """Make a manager with something in every table; return a token."""
    assert ask("PUT", "/blueprints/app", data=archive(FILES)).status_code == 201
    assert ask("PUT", "/deployments/d", json={"blueprint_id": "app", "inputs": {"greeting": "grüß"}}).status_code == 201
    wait_until(lambda: ask("GET", "/executions").json()["items"], lambda items: all(i["ended_at"] for i in items))
    assert ask("POST", "/plugins", data=package(icon=b"icon")).status_code == 201
    assert ask("PUT", "/secrets/k", json={"value": "wert ü"}).ok
    provider = {"name": "p", "type": "vault", "connection_parameters": {"url": "http://v", "token": "t", "path": "x"}}
    assert ask("PUT", "/secrets-providers", json=provider).status_code == 200
    assert ask("PUT", "/config/ldap_password", json={"value": "of the directory"}).ok
    assert ask("PUT", "/users", json={"username": "ann", "password": "password of ann", "role": "default"}).ok
    assert ask("POST", "/tenants/red").ok
    body = {"username": "ann", "tenant_name": "red", "role": "user"}
    assert ask("PUT", "/tenants/users", json=body).ok
    folder = app.files.deployment_folder(1)
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "state").write_bytes(b"\0\xff")
    (folder / "deep" / "link").symlink_to("../deep/state")
    (folder / "outside").symlink_to("/etc/passwd")
    token = str(ask("POST", "/tokens", json={}, user="ann", password="password of ann").json()["value"])
    _fill_tables(app)
    return token


def _fill_tables(app: AppContext) -> None:
    """Add a row to each table that has none yet, whatever its columns are."""
    with app.database.write() as session:
        connection = session.connection()
        for table in stored_tables():
            if connection.scalar(select(func.count()).select_from(table)):
                continue
            row = {column.name: _value_of(app, connection, table, column) for column in table.columns}
            row.pop("storage_id", None)
            connection.execute(insert(table).values(row))


def _value_of(app: AppContext, connection: Any, table: Table, column: Column[Any]) -> object:
    if column.foreign_keys:
        (key,) = column.foreign_keys
        return None if key.column.table is table else connection.scalar(select(key.column).limit(1))
    if "refers_to" in column.info:
        return connection.scalar(select(func.min(Base.metadata.tables[column.info["refers_to"]].c.storage_id)))
    if column.info == ENCRYPTED:
        return app.service(Cipher).encrypt(json.dumps({"of": table.name}))
    if isinstance(column.type, JSON):
        return {"a": [1, None, 1.5, "ü"]}
    if isinstance(column.type, Boolean):
        return True
    if isinstance(column.type, Integer | Float):
        return 7
    return column.name[: getattr(column.type, "length", None) or 99]


def create(ask: Ask, app: AppContext, name: str = "s", **body: object) -> str:
    answer = ask("PUT", f"/snapshots/{name}", json=body)
    assert answer.status_code == 201, answer.text
    end = wait_in_database(app, answer.json()["id"])
    assert end.status == "terminated", end
    return str(answer.json()["id"])


def restore(ask: Ask, app: AppContext, content: bytes, name: str = "s", **body: object) -> str:
    assert ask("PUT", f"/snapshots/{name}/archive", data=content).json()["status"] == "uploaded"
    answer = ask("POST", f"/snapshots/{name}/restore", json=body)
    assert answer.status_code == 200, answer.text
    assert wait_in_database(app, answer.json()["id"]).status == "terminated", wait_in_database(app, answer.json()["id"])
    return str(answer.json()["id"])


def without_ids(everything: dict[str, Any]) -> dict[str, Any]:
    """Leave out the storage ids that a restore may change, and what refers to them."""
    tables = {table.name: table for table in stored_tables()}
    changing = set(folder_tables().values())
    left_out = {
        name: {column.name for column, referred in referring(table) if referred in changing}
        | ({"storage_id"} if table in changing else set())
        | ({"ref_id"} if name == "audit_log" else set())
        for name, table in tables.items()
    }
    return {
        name: [{column: value for column, value in row.items() if column not in left_out[name]} for row in rows]
        for name, rows in everything.items()
    }


def find_dangling(app: AppContext) -> list[str]:
    """Return the columns with storage ids of rows that there are not."""
    dangling = []
    with app.database.read() as session:
        for table in stored_tables():
            for column, referred in referring(table):
                wrong = select(column).where(column.not_in(select(referred.c.storage_id))).limit(1)
                dangling += [f"{table.name}.{column.name}"] if session.execute(wrong).first() else []
    return dangling


def file_contents(app: AppContext, storage_ids: dict[str, int]) -> dict[str, bytes]:
    found = {}
    for folder, storage_id in storage_ids.items():
        root = app.files.folder / folder / str(storage_id)
        paths = [path for path in root.rglob("*") if path.is_file() and "outside" not in path.name]
        found |= {
            f"{folder}/{path.relative_to(root)} {path.stat().st_mode & 0o700:o}": path.read_bytes() for path in paths
        }
    return found


def test_restored_manager_is_the_same(ask: Ask, app: AppContext, other: AppContext, worker: object):
    """From one manager to an empty one, and back onto the first: each may have another kind of database."""
    token = fill(ask, app)
    execution = create(ask, app, include_credentials=True)
    original = read_everything(app, execution)
    assert [name for name, rows in original.items() if not rows] == []
    content = ask("GET", "/snapshots/s/archive").content
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        assert not any(b"wert" in packed.read(name) for name in packed.namelist())
    serve(other)
    with working(other):
        restored = restore(ask, other, content)
        assert read_everything(other, execution, restored) == original
        ids = {"blueprints": 1, "deployments": 1, "plugins": 1}
        assert file_contents(other, ids) == file_contents(app, ids)
        assert {name.split()[0] for name in file_contents(other, ids)} >= {
            "blueprints/archive.tar.gz", "deployments/deep/state", "deployments/deep/link",
        }  # fmt: skip
        assert ask("GET", "/secrets/k").json()["value"] == "wert ü"
        assert ask("GET", "/sites", tenant="red", user="ann", password="password of ann").status_code == 200
        assert ask("GET", "/user", headers={"Authentication-Token": token}, user="", password="").status_code == 200
        started = ask("POST", "/executions", json={"deployment_id": "d", "workflow_id": "install"}).json()["id"]
        assert wait_for_end(ask, started)["status"] == "terminated"
        second = create(ask, other, "back", include_credentials=True)
        original = read_everything(other, second, restored)
        content = ask("GET", "/snapshots/back/archive").content
    serve(app)
    again = restore(ask, app, content, "back", force=True)
    assert without_ids(read_everything(app, second, restored, again)) == without_ids(original)
    assert (
        file_contents(app, {"blueprints": 2, "deployments": 2, "plugins": 2}).keys() == file_contents(other, ids).keys()
    )
    assert find_dangling(app) == []
    wait_until((app.files.folder / "blueprints" / "1").exists, lambda exists: not exists)
    assert ask("GET", "/secrets/k").json()["value"] == "wert ü"
    assert [item["id"] for item in ask("GET", "/snapshots").json()["items"]] == ["s", "back"]
    new = ask("PUT", "/blueprints/new", data=archive(FILES))
    assert new.status_code == 201
    assert len(app.files.storage.storage_ids("blueprints")) == 2


@pytest.mark.sqlite
def test_parts_are_left_out_as_asked(ask: Ask, app: AppContext, cfy: Cfy, tmp_path: Path, worker: object):
    ask("PUT", "/blueprints/app", data=archive(FILES))
    ask("PUT", "/deployments/d", json={"blueprint_id": "app"})
    wait_until(lambda: ask("GET", "/executions").json()["items"], lambda items: all(i["ended_at"] for i in items))
    ask("PUT", "/secrets/k", json={"value": "hidden-value"})
    execution = json.loads(cfy("snapshots create s --exclude-credentials --exclude-logs --exclude-events --json"))
    assert wait_for_end(ask, execution["id"])["status"] == "terminated"
    cfy(f"snapshots download s -o {tmp_path}/s.zip")
    with zipfile.ZipFile(tmp_path / "s.zip") as packed:
        assert json.loads(packed.read("metadata.json"))["key"] is None
        (row,) = packed.read("tables/secrets.jsonl").splitlines()
        assert not any(isinstance(value, str) and len(value) > 60 for value in json.loads(row))
    ask("PUT", "/secrets/k", json={"value": "changed", "update_if_exists": True})
    restored = restore(ask, app, (tmp_path / "s.zip").read_bytes(), "t", force=True)
    assert "created without credentials" in cfy("secrets get k", code=1) + cfy.errors
    assert ask("GET", "/secrets/share/export").json()[0]["value"] == ""
    ask("PUT", "/secrets/k", json={"value": "new", "update_if_exists": True})
    assert ask("GET", "/secrets/k").json()["value"] == "new"
    events = ask("GET", "/events").json()["items"]
    assert {event["execution_id"] for event in events} == {restored}
    assert "no credentials" in cfy(f"events list {restored}")


@pytest.mark.sqlite
def test_restore_is_refused_without_change(ask: Ask, app: AppContext, cfy: Cfy, worker: object):
    ask("PUT", "/users", json={"username": "ann", "password": "password of ann", "role": "sys_admin"})
    create(ask, app)
    ask("PUT", "/sites/later", json={})
    refusals = [
        ({"restore_certificates": True}, 400, "no certificates"),
        ({"no_reboot": True}, 400, "`no_reboot` is for"),
        ({"force": "perhaps"}, 400, "force"),
        ({"timeout": "soon"}, 400, "timeout"),
    ]
    for body, status, sentence in refusals:
        answer = ask("POST", "/snapshots/s/restore", json=body)
        assert (answer.status_code, sentence in answer.text) == (status, True), answer.text
    answer = ask("POST", "/snapshots/s/restore", json={}, user="ann", password="password of ann")
    assert (answer.status_code, "first administrator" in answer.text) == (403, True)
    assert ask("POST", "/snapshots/none/restore", json={}).status_code == 404
    assert "no certificates" in cfy("snapshots restore s --restore-certificates", code=1) + cfy.errors
    assert "Create or download it again" in cfy(f"snapshots upload {__file__}", code=1) + cfy.errors
    ask("PUT", "/blueprints/app", data=archive(FILES))
    execution = ask("POST", "/snapshots/s/restore", json={}).json()["id"]
    end = wait_for_end(ask, execution)
    assert (end["status"], "--force" in end["error"]) == ("failed", True)
    ask("PATCH", "/snapshots/s", json={"status": "failed", "error": "it broke"})
    for method, path in (("POST", "/snapshots/s/restore"), ("GET", "/snapshots/s/archive")):
        answer = ask(method, path)
        assert (answer.status_code, answer.json()["hint"]) == (400, "it broke")
    assert ask("GET", "/sites/later").status_code == ask("GET", "/blueprints/app").status_code == 200
    executions = ask("GET", "/executions?_include_system_workflows=true").json()["items"]
    assert all(item["ended_at"] for item in executions)


@pytest.mark.sqlite
def test_refused_creation_leaves_nothing(ask: Ask, app: AppContext, session: Any, monkeypatch: pytest.MonkeyPatch):
    common = {"tenant_name": "default_tenant", "created_by": "admin", "visibility": "tenant", "owned_by": "admin"}
    with app.database.write() as opened:
        opened.add(Execution(id="running", workflow_id="install", status="started", worker="gone", **common))
    answer = ask("PUT", "/snapshots/s", json={})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "existing_running_execution_error")
    assert answer.json()["message"].endswith("e.g.: running")
    assert ask("GET", "/snapshots").json()["items"] == []
    for body in ({"listener_timeout": "long"}, {"include_logs": 5}, {"unknown": 1}):
        assert ask("PUT", "/snapshots/s", json={**body, "queue": True}).status_code == 400
    queued = ask("PUT", "/snapshots/s", json={"queue": True}).json()
    assert (queued["status"], queued["is_system_workflow"], queued["deployment_id"]) == ("queued", True, None)
    assert queued["parameters"]["include_credentials"] is False
    assert ask("PUT", "/snapshots/s", json={"queue": True}).status_code == 409
    refused = ask("DELETE", "/snapshots/s")
    assert (refused.status_code, "an active `create_snapshot` execution" in refused.text) == (400, True)
    assert ask("GET", "/snapshots/s/archive").status_code == 400
    assert ask("POST", f"/executions/{queued['id']}", json={"action": "cancel"}).ok
    assert ask("GET", "/snapshots/s").json()["status"] == "failed"
    deleted = ask("DELETE", "/snapshots/s")
    assert (deleted.status_code, deleted.json()["id"]) == (200, "s")
    status = session.get("http://manager/api/v3.1/snapshot-status")  # without login
    assert (status.status_code, status.json()) == (200, {"status": "not-running"})
    with app.database.write() as opened:
        opened.add(
            Execution(id="r", workflow_id="restore_snapshot", status="started", is_system_workflow=True, **common)
        )
    assert session.get("http://manager/api/v3.1/snapshot-status").json() == {"status": "running"}
    assert ask("GET", "/sites").status_code == 200
    busy = ask("PUT", "/sites/s", json={})
    assert (busy.status_code, "A snapshot is being restored" in busy.json()["message"]) == (503, True)
    assert busy.headers["Retry-After"]
    assert ask("POST", "/executions/r", json={"action": "force-cancel"}).json()["status"] == "force_cancelling"
    assert ask("GET", "/sites").json()["items"] == []


@pytest.mark.usefixtures("worker")
def test_restore_keeps_archives_and_tells_of_unfinished_work(ask: Ask, app: AppContext):
    """Archives of tenants that are no more go to the default tenant; executions that ran are told as failed."""
    common = {"tenant_name": "default_tenant", "created_by": "admin", "visibility": "tenant", "owned_by": "admin"}
    create(ask, app)
    content = ask("GET", "/snapshots/s/archive").content
    with app.database.write() as session:
        for state in (ExecutionState.QUEUED, ExecutionState.SCHEDULED, ExecutionState.TERMINATED):
            session.add(Execution(id=state, workflow_id="w", status=state, scheduled_for="2099-01-01T00:00:00.000Z",
                                  **common))  # fmt: skip
        session.add(Execution(id="system", workflow_id="create_log_bundle", status="queued", is_system_workflow=True,
                              **common))  # fmt: skip
    assert ask("POST", "/tenants/red").ok
    with app.database.write() as session:
        red = {"tenant_name": "red", "created_by": "admin", "visibility": "private"}
        session.add_all([Snapshot(id="s", status="created", **red), LogBundle(id="b", status="created", **red)])
        session.query(Execution).filter_by(id="system").update({"status": "failed"})
    with app.database.write() as session:  # the snapshot is created beside what waits
        session.query(Execution).filter_by(id="queued").update({"status": "scheduled"})
    second = create(ask, app, "second")
    assert second
    third = ask("GET", "/snapshots/second/archive").content
    restore(ask, app, third, "third", force=True)
    with app.database.read() as session:
        states = {row.id: row.status for row in session.execute(select(Execution.id, Execution.status))}
    assert [states[name] for name in ("queued", "scheduled", "terminated", "system")] == [
        "scheduled", "scheduled", "terminated", "failed",
    ]  # fmt: skip
    restore(ask, app, content, "fourth", force=True)
    with app.database.read() as session:
        assert list(session.scalars(select(Tenant.name))) == ["default_tenant"]
        snapshots = session.execute(select(Snapshot.tenant_name, Snapshot.id).order_by(Snapshot.storage_id)).all()
        bundles = session.scalars(select(LogBundle.tenant_name)).all()
    assert [tuple(row) for row in snapshots] == [
        ("default_tenant", name) for name in ("s", "s_2", "second", "third", "fourth")
    ]
    assert bundles == ["default_tenant"]


@pytest.mark.usefixtures("worker")
def test_restored_rows_leave_new_storage_ids_free(ask: Ask, app: AppContext):
    """A snapshot may have storage ids that the database would give to new rows next."""
    common = {"tenant_name": "default_tenant", "created_by": "admin", "visibility": "tenant", "owned_by": "admin"}
    with app.database.write() as session:
        session.add_all([Execution(id=f"e{n}", workflow_id="w", status="terminated", **common) for n in range(9)])
    with app.database.write() as session:
        session.query(Execution).update({"storage_id": Execution.storage_id + 11})
    create(ask, app)
    content = ask("GET", "/snapshots/s/archive").content
    with app.database.write() as session:
        session.query(Execution).delete()
        if app.database.is_sqlite:
            session.execute(text("UPDATE sqlite_sequence SET seq = 10 WHERE name = 'executions'"))
    restore(ask, app, content)
    assert ask("PUT", "/blueprints/app", data=archive(FILES)).status_code == 201
    with app.database.read() as session:
        assert session.scalar(select(Execution.storage_id).where(Execution.id == "e0")) == 12


def test_columns_with_storage_ids_name_their_table():
    """A restore gives some rows other storage ids, and changes what refers to them."""
    unknown = [
        f"{table.name}.{column.name}"
        for table in stored_tables()
        for column in table.columns
        if column.name.endswith("_storage_id") and column not in {found for found, _ in referring(table)}
    ]
    assert unknown == [], "give these columns a foreign key, or `info` such as OF_BLUEPRINT"


def test_interrupted_executions_fail_at_restore():
    from cfy_cli.manager.services.snapshots.restoring import _ended

    rows = [
        {"status": status, "is_system_workflow": system, "error": None, "ended_at": None}
        for status in ("pending", "started", "cancelling", "queued", "scheduled", "terminated")
        for system in (False, True)
    ]
    found = [(row["status"], row["error"]) for row in _ended(rows)]
    assert found[:6] == [("failed", INTERRUPTED)] * 6
    assert found[6:] == [
        ("queued", None), ("failed", INTERRUPTED), ("scheduled", None), ("failed", INTERRUPTED),
        ("terminated", None), ("terminated", None),
    ]  # fmt: skip
