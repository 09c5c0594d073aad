"""Looking after what the manager on this machine keeps."""

import json
import os
import sqlite3
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from cfy_cli.errors import Conflict
from cfy_cli.main import main, start_embedded
from cfy_cli.manager import maintenance
from cfy_cli.shell.app import App

Typed = Callable[..., str]


@pytest.fixture
def typed(tmp_path: Path) -> Iterator[Typed]:
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


def names(typed: Typed) -> list[str]:
    return [site["name"] for site in json.loads(typed("sites list --json"))]


def test_what_a_manager_keeps_survives_in_a_backup(typed: Typed, data: Path, tmp_path: Path) -> None:
    typed("sites create tlv")
    ours = data / "files/blueprints/7/resources/logs"  # named like something that is not kept
    ours.mkdir(parents=True)
    archive = tmp_path / "backup.tar.gz"
    assert typed(f"manager backup {archive}").startswith("Manager backed up to")  # while it runs
    assert archive.stat().st_mode & 0o777 == 0o600
    with tarfile.open(archive) as tar:
        held = tar.getnames()
    assert {"manager.db", "admin.json", "files", "files/blueprints/7/resources/logs"} <= set(held)
    assert not {"manager.lock", "server.lock", "manager.json", "logs", "tmp", "files/incoming"} & set(held)
    typed("sites delete tlv")
    typed("sites create oslo")
    assert "Stop it first" in typed(f"manager restore {archive} --yes", code=1)
    typed("manager stop")
    assert "Give --yes" in typed(f"manager restore {archive}", code=2)
    restored = json.loads(typed(f"manager restore {archive} --yes --json"))
    assert (Path(restored["before"]) / "manager.db").is_file()
    assert names(typed) == ["tlv"]


@pytest.mark.parametrize("content", [b"no archive", b""])
def test_what_is_no_backup_changes_nothing(typed: Typed, data: Path, tmp_path: Path, content: bytes) -> None:
    data.mkdir(parents=True)
    (data / "manager.db").write_bytes(b"keep me")
    archive = tmp_path / "bad.tar.gz"
    archive.write_bytes(content)
    assert "is no backup" in typed(f"manager restore {archive} --yes", code=1)
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(__file__, arcname="manager.db")
    assert "is no database" in typed(f"manager restore {archive} --yes", code=1)
    assert (data / "manager.db").read_bytes() == b"keep me"
    assert [item.name for item in data.parent.iterdir()] == ["manager"]


def test_events_are_forgotten_and_space_is_given_back(typed: Typed, data: Path) -> None:
    typed("sites create tlv")
    with sqlite3.connect(data / "manager.db") as database:
        columns = {row[1]: row for row in database.execute("PRAGMA table_info(events)")}
        needed = {name: "x" for name, row in columns.items() if row[3] and not row[5] and row[4] is None}
        for day in range(200):
            row = needed | {"reported_timestamp": f"2020-01-01T00:00:{day % 60:02}.000Z", "message": "x" * 4000}
            row = {name: value for name, value in row.items() if name in columns}
            marks = ", ".join("?" * len(row))
            database.execute("PRAGMA foreign_keys = OFF")
            database.execute(f"INSERT INTO events ({', '.join(row)}) VALUES ({marks})", list(row.values()))
    assert json.loads(typed("manager vacuum --json"))["events_deleted"] == 0
    done = json.loads(typed("manager vacuum --json --events-older-than 1day"))
    assert done["events_deleted"] == 200
    assert done["after"] < done["before"] - 500_000
    assert names(typed) == ["tlv"]


def test_an_upgrade_leaves_a_manager_running_that_ran(typed: Typed) -> None:
    typed("sites create tlv")
    done = json.loads(typed("manager upgrade --json"))
    assert done["restarted"]
    assert done["before"] == done["after"]
    assert names(typed) == ["tlv"]
    typed("manager stop")
    assert not json.loads(typed("manager upgrade --json"))["restarted"]


def test_upkeep_of_postgresql_is_left_to_its_own_tools(typed: Typed, tmp_path: Path) -> None:
    context = tmp_path / "home/.cloudify/profiles/local/context.json"
    context.parent.mkdir(parents=True)
    context.write_text(json.dumps({"embedded": {"database_url": "postgresql://h/db"}}))
    for line in (f"manager backup {tmp_path}/x", "manager vacuum"):
        assert "PostgreSQL's own tools" in typed(line, code=1)


def test_where_there_is_no_manager_nothing_is_made(typed: Typed, data: Path, tmp_path: Path) -> None:
    assert "There is no manager in" in typed(f"manager backup {tmp_path}/x", code=1)
    assert "There is no manager in" in typed("manager vacuum", code=1)
    assert not data.exists()


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    maintenance.check_owner(tmp_path)
    maintenance.check_owner(tmp_path / "absent")
    monkeypatch.setattr(os, "getuid", lambda: 4242)
    with pytest.raises(Conflict, match="belongs to another user"):
        maintenance.check_owner(tmp_path)


def test_a_network_disk_is_known_by_its_mount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert maintenance.find_network_file_system(tmp_path) is None
    mounts = f"/dev/sda / ext4 rw 0 0\nserver:/x {tmp_path} nfs4 rw 0 0\nserver:/y {tmp_path}-other nfs rw 0 0\n"
    monkeypatch.setattr(Path, "read_text", lambda *_args, **_kwargs: mounts)
    assert maintenance.find_network_file_system(tmp_path / "deeper" / "still") == "nfs4"
    assert maintenance.find_network_file_system(tmp_path.parent) is None


def test_events_that_are_too_old_go_by_themselves(typed: Typed, data: Path) -> None:
    typed("manager start")
    typed("manager stop")
    with sqlite3.connect(data / "manager.db") as connection:
        connection.execute(
            "INSERT INTO events"
            " (type, timestamp, reported_timestamp, message, tenant_name, visibility, created_by)"
            " VALUES ('cloudify_event', ?, ?, 'old', 'default_tenant', 'tenant', 'admin')",
            ("2020-01-01T00:00:00.000Z",) * 2,
        )  # fmt: skip
    typed("manager start --keep-events a-while", code=2)
    typed("manager start --keep-events 1d")
    profile = json.loads((data.parent / "profiles/local/context.json").read_text())
    assert profile["embedded"]["keep_events"] == "1 day"
    until = time.monotonic() + 20
    while sqlite3.connect(data / "manager.db").execute("SELECT count(*) FROM events").fetchone() != (0,):
        assert time.monotonic() < until
        time.sleep(0.05)
    typed("manager stop")
    typed("manager start --keep-events always")
    profile = json.loads((data.parent / "profiles/local/context.json").read_text())
    assert "keep_events" not in profile["embedded"]
    assert (data.parent.stat().st_mode & 0o777) == 0o700
