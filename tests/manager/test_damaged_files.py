"""Starts of a manager on damaged files: a sentence that says what is wrong and what to do, and no new manager."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cfy_cli.errors import CfyError, Unavailable
from cfy_cli.manager import control, maintenance
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity.bootstrap import bootstrap
from cfy_cli.manager.settings import ManagerSettings
from tests.conftest import Ask
from tests.manager.processes import find_free_port, request, start, wait_until

Damage = Callable[[Path], object]
RESTORE = "Restore a backup: cfy manager restore FILE"


def replace_by_folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


@pytest.fixture
def used(tmp_path: Path) -> Path:
    """The data folder of a manager that has been stopped."""
    folder = tmp_path / "data"
    app = AppContext(ManagerSettings(folder))
    bootstrap(app)
    app.close()
    return folder


def try_to_start(folder: Path) -> CfyError:
    with pytest.raises(CfyError) as refused:
        control.start(ManagerSettings(folder, port=find_free_port(), workers=1))
    assert control.status(folder) is None
    assert "Traceback" not in f"{refused.value.message}{refused.value.hint}"
    return refused.value


@pytest.mark.process
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda file: file.write_bytes(b""), "is missing or empty, although a manager has used its folder"),
        (Path.unlink, "is missing or empty, although a manager has used its folder"),
        (lambda file: file.write_bytes(os.urandom(20_000)), "is not a SQLite database"),
        (truncate, "cannot be used: database disk image is malformed"),
        (replace_by_folder, "cannot be used: unable to open database file"),
    ],
    ids=["empty", "missing", "random", "truncated", "folder"],
)
def test_start_on_a_damaged_database_is_refused(used: Path, damage: Damage, message: str):
    admin = (used / "admin.json").read_text()
    damage(used / "manager.db")
    refused = try_to_start(used)
    assert message in refused.message
    assert RESTORE in (refused.hint or "")
    assert (used / "admin.json").read_text() == admin


@pytest.mark.process
@pytest.mark.parametrize("name", ["manager.lock", "logs/manager.log", "tmp", "files"])
def test_start_names_the_file_that_is_something_else(used: Path, name: str):
    path = used / name
    if name in ("tmp", "files"):
        for child in sorted(path.rglob("*"), reverse=True):
            child.rmdir()
        if path.exists():
            path.rmdir()
        path.touch()
    else:
        path.parent.mkdir(exist_ok=True)
        replace_by_folder(path)
    refused = try_to_start(used)
    assert f"The data folder {used} cannot be used" in refused.message
    assert refused.hint


@pytest.mark.process
def test_state_file_that_is_damaged_is_written_again(data_dir: Path):
    running = start(data_dir)
    for damage in (b"", b"{", b"[1]", b'{"pid": -1, "workers": []}', None):
        if damage is None:
            (data_dir / "manager.json").unlink()
        else:
            (data_dir / "manager.json").write_bytes(damage)
        found = control.status(data_dir)
        assert found is not None
        assert (found.pid, found.url, found.workers) == (running.pid, running.url, running.workers)
    assert request(running, data_dir, "/status").ok


@pytest.mark.parametrize("pid", [-1, 0, 1, "12"])
def test_state_with_an_odd_process_id_is_not_used(pid: object):
    fields = {"pid": pid, "host": "h", "port": 1, "data_dir": "d", "database": "s", "version": "1", "started_at": ""}
    with pytest.raises(ValueError, match="is no process id of a manager"):
        control._parse_state(json.dumps({**fields, "server": 1, "workers": []}))


def test_maintenance_of_an_empty_database_is_refused(used: Path, tmp_path: Path):
    (used / "manager.db").write_bytes(b"")
    settings = ManagerSettings(used)
    for run in (maintenance.vacuum, lambda settings: maintenance.back_up(settings, tmp_path / "backup")):
        with pytest.raises(CfyError, match="is empty") as refused:
            run(settings)
        assert RESTORE in (refused.value.hint or "")
    with pytest.raises(CfyError, match="is missing or empty"):
        maintenance.upgrade(settings)
    assert not (tmp_path / "backup").exists()


@pytest.mark.parametrize("content", [b"", b"\n", b"no key"])
@pytest.mark.sqlite
def test_damaged_key_of_secrets_is_named(ask: Ask, app: AppContext, content: bytes):
    key = app.settings.data_dir / "secrets.key"
    key.write_bytes(content)
    refused = ask("PUT", "/secrets/x", json={"value": "x"})
    assert refused.status_code == Unavailable.status
    assert f"The key file {key} is" in refused.json()["message"]
    assert "Restore it" in refused.json()["hint"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only root can mount a small file system")
    yield folder
    control.stop(folder / "data")
    subprocess.run(["umount", folder], check=True)


@pytest.mark.process
def test_full_disk_at_the_start_is_told(small_disk: Path):
    """Wherever the disk becomes full, the start says so, and the next one with room succeeds."""
    data = small_disk / "data"
    filler = small_disk / "filler"
    outcomes = []
    for free in (0, 16, 64, 160, 400):  # KiB
        filler.write_bytes(b"")
        status = os.statvfs(small_disk)
        filler.write_bytes(b"x" * (status.f_bavail * status.f_frsize - free * 1024))
        try:
            control.start(ManagerSettings(data, port=find_free_port(), workers=1))
        except CfyError as error:
            outcomes.append(f"{error.message} {error.hint}")
            assert control.status(data) is None
        else:
            control.stop(data)
    assert outcomes
    assert [outcome for outcome in outcomes if "full" not in outcome and "No space left" not in outcome] == []
    filler.unlink()
    running = control.start(ManagerSettings(data, port=find_free_port(), workers=1))
    wait_until(lambda: request(running, data, "/status").ok)
