"""Maintenance of the manager on this machine: backup, restore, vacuum, upgrade, retention of events."""

import json
import os
import sqlite3
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner

from cfy_cli.errors import Conflict, Failed
from cfy_cli.main import main, start_embedded
from cfy_cli.manager import data_folder, maintenance
from cfy_cli.manager.settings import ManagerSettings
from cfy_cli.shell.app import App

Run = Callable[..., str]


@pytest.fixture
def cfy(tmp_path: Path) -> Iterator[Run]:
    def run(line: str, code: int = 0) -> str:
        app = App(autostart=start_embedded, environ={"CFY_WORKDIR": str(tmp_path / "home")})
        result = CliRunner().invoke(main, line.split(), obj=app)
        assert result.exit_code == code, result.output
        return result.stdout if code == 0 else result.stderr

    yield run
    run("manager stop")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "home/.cloudify/manager"


def names(cfy: Run) -> list[str]:
    return [site["name"] for site in json.loads(cfy("sites list --json"))]


@pytest.mark.process
def test_backup_restores_what_was_there(cfy: Run, data: Path, tmp_path: Path) -> None:
    cfy("sites create tlv")
    own_logs = data / "files/blueprints/7/resources/logs"  # the name of a folder that is not backed up
    own_logs.mkdir(parents=True)
    (data / "files/libraries").mkdir()
    archive = tmp_path / "backup.tar.gz"
    assert cfy(f"manager backup {archive}").startswith("Manager backed up to")  # while it runs
    assert archive.stat().st_mode & 0o777 == 0o600
    with tarfile.open(archive) as tar:
        members = tar.getnames()
    assert {"manager.db", "admin.json", "files", "files/blueprints/7/resources/logs"} <= set(members)
    assert not {
        "manager.lock",
        "server.lock",
        "manager.json",
        "logs",
        "tmp",
        "files/incoming",
        "files/libraries",
    } & set(members)
    cfy("sites delete tlv")
    cfy("sites create oslo")
    assert "Stop it first" in cfy(f"manager restore {archive} --yes", code=1)
    cfy("manager stop")
    assert "Give --yes" in cfy(f"manager restore {archive}", code=2)
    restored = json.loads(cfy(f"manager restore {archive} --yes --json"))
    assert (Path(restored["before"]) / "manager.db").is_file()
    assert names(cfy) == ["tlv"]


@pytest.mark.parametrize("content", [b"no archive", b""])
def test_restore_of_an_invalid_archive_changes_nothing(cfy: Run, data: Path, tmp_path: Path, content: bytes) -> None:
    data.mkdir(parents=True)
    (data / "manager.db").write_bytes(b"keep me")
    archive = tmp_path / "bad.tar.gz"
    archive.write_bytes(content)
    assert "is no backup" in cfy(f"manager restore {archive} --yes", code=1)
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(__file__, arcname="manager.db")
    assert "is no database" in cfy(f"manager restore {archive} --yes", code=1)
    assert (data / "manager.db").read_bytes() == b"keep me"
    assert [item.name for item in data.parent.iterdir()] == ["manager"]


@pytest.mark.process
def test_vacuum_deletes_old_events_and_shrinks_the_database(cfy: Run, data: Path) -> None:
    cfy("sites create tlv")
    with sqlite3.connect(data / "manager.db") as database:
        columns = {row[1]: row for row in database.execute("PRAGMA table_info(events)")}
        required = {name: "x" for name, row in columns.items() if row[3] and not row[5] and row[4] is None}
        for index in range(200):
            timestamp = f"2020-01-01T00:00:{index % 60:02}.000Z"
            row = required | {"tenant_name": "default_tenant", "reported_timestamp": timestamp, "message": "x" * 4000}
            row = {name: value for name, value in row.items() if name in columns}
            placeholders = ", ".join("?" * len(row))
            database.execute("PRAGMA foreign_keys = OFF")
            database.execute(f"INSERT INTO events ({', '.join(row)}) VALUES ({placeholders})", list(row.values()))
    assert json.loads(cfy("manager vacuum --json"))["events_deleted"] == 0
    result = json.loads(cfy("manager vacuum --json --events-older-than 1day"))
    assert result["events_deleted"] == 200
    assert result["after"] < result["before"] - 500_000
    assert names(cfy) == ["tlv"]


@pytest.mark.process
def test_upgrade_restarts_a_running_manager(cfy: Run) -> None:
    cfy("sites create tlv")
    result = json.loads(cfy("manager upgrade --json"))
    assert result["restarted"]
    assert result["before"] == result["after"]
    assert names(cfy) == ["tlv"]
    cfy("manager stop")
    assert not json.loads(cfy("manager upgrade --json"))["restarted"]


def test_maintenance_of_postgresql_is_refused(cfy: Run, tmp_path: Path) -> None:
    context = tmp_path / "home/.cloudify/profiles/local/context.json"
    context.parent.mkdir(parents=True)
    context.write_text(json.dumps({"embedded": {"database_url": "postgresql://h/db"}}))
    for line in (f"manager backup {tmp_path}/x", "manager vacuum"):
        assert "PostgreSQL's own tools" in cfy(line, code=1)


def test_maintenance_without_a_manager_creates_nothing(cfy: Run, data: Path, tmp_path: Path) -> None:
    assert "There is no manager in" in cfy(f"manager backup {tmp_path}/x", code=1)
    assert "There is no manager in" in cfy("manager vacuum", code=1)
    assert not data.exists()


def test_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data_folder.check_owner(tmp_path)
    data_folder.check_owner(tmp_path / "absent")
    monkeypatch.setattr(os, "getuid", lambda: 4242)
    with pytest.raises(Conflict, match="belongs to another user"):
        data_folder.check_owner(tmp_path)


def test_network_file_system_is_found_by_its_mount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert maintenance.find_network_file_system(tmp_path) is None
    mounts = f"/dev/sda / ext4 rw 0 0\nserver:/x {tmp_path} nfs4 rw 0 0\nserver:/y {tmp_path}-other nfs rw 0 0\n"
    monkeypatch.setattr(Path, "read_text", lambda *_args, **_kwargs: mounts)
    assert maintenance.find_network_file_system(tmp_path / "deeper" / "still") == "nfs4"
    assert maintenance.find_network_file_system(tmp_path.parent) is None


@pytest.mark.process
def test_expired_events_are_deleted_automatically(cfy: Run, data: Path) -> None:
    cfy("manager start")
    cfy("manager stop")
    with sqlite3.connect(data / "manager.db") as connection:
        connection.execute(
            "INSERT INTO events"
            " (type, timestamp, reported_timestamp, message, tenant_name, visibility, created_by)"
            " VALUES ('cloudify_event', ?, ?, 'old', 'default_tenant', 'tenant', 'admin')",
            ("2020-01-01T00:00:00.000Z",) * 2,
        )  # fmt: skip
    cfy("manager start --keep-events a-while", code=2)
    cfy("manager start --keep-events 1d")
    profile = json.loads((data.parent / "profiles/local/context.json").read_text())
    assert profile["embedded"]["keep_events"] == "1 day"
    deadline = time.monotonic() + 60
    while sqlite3.connect(data / "manager.db").execute("SELECT count(*) FROM events").fetchone() != (0,):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    cfy("manager stop")
    cfy("manager start --keep-events always")
    profile = json.loads((data.parent / "profiles/local/context.json").read_text())
    assert "keep_events" not in profile["embedded"]
    assert (data.parent.stat().st_mode & 0o777) == 0o700


@pytest.mark.process
def test_manager_keeps_its_server_names(cfy: Run, data: Path) -> None:
    def answer_to(host: str) -> int:
        url = json.loads(cfy("manager status --json"))["url"]
        return requests.get(f"{url}/health", headers={"Host": host}, timeout=60).status_code

    assert "the name alone" in cfy("manager start --server-name https://cfy.example", code=2)
    cfy("manager start --server-name cfy.example --server-name cfy.other")
    assert [answer_to(host) for host in ("cfy.example", "cfy.other", "localhost:1", "evil.example")] == [
        200,
        200,
        200,
        421,
    ]
    cfy("manager stop")
    cfy("manager start")
    assert [answer_to(host) for host in ("cfy.example", "cfy.other")] == [200, 200]
    cfy("manager stop")
    cfy("manager start --server-name=")
    assert answer_to("cfy.example") == 421


def test_vacuum_of_a_busy_database_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "BUSY_TIMEOUT", 0.05)
    database = tmp_path / "manager.db"
    with sqlite3.connect(database, isolation_level=None) as other:
        other.execute("CREATE TABLE events (reported_timestamp TEXT)")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Failed, match="locked") as refused:
            maintenance.vacuum(ManagerSettings(tmp_path))
        assert "The manager is busy" in (refused.value.hint or "")
        other.execute("ROLLBACK")
    with pytest.raises(Failed, match="no such column") as refused, maintenance._connect(database) as connection:
        connection.execute("SELECT busy FROM events")
    assert refused.value.hint is None
