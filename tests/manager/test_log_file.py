"""The log of a manager: rotated while processes append to it, and followed meanwhile."""

import os
import threading
from pathlib import Path

import pytest

from cfy_cli.contract.limits import Limits
from cfy_cli.manager import control
from cfy_cli.manager.log_file import LogFile
from tests.manager.processes import request, start, wait_until


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "manager.log"
    path.touch()
    return path


def contents(path: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in path.parent.iterdir()}


def test_full_log_is_rotated_and_old_ones_deleted(path: Path):
    log = LogFile(path)
    with path.open("a") as appended:
        for text in ("one\n", "two\n", "three\n"):
            appended.write(text)
            appended.flush()
            assert log.rotate(3, 2)
        assert not log.rotate(3, 2)
        appended.write("four\n")
    assert contents(path) == {"manager.log": "four\n", "manager.log.1": "three\n", "manager.log.2": "two\n"}
    assert list(log.last_lines(2)) == ["three", "four"]
    assert list(log.last_lines(0)) == []
    assert {file.stat().st_mode & 0o777 for file in path.parent.glob("*.log.*")} == {0o600}
    assert log.rotate(3, 1)  # the limit is lower now
    assert contents(path) == {"manager.log": "", "manager.log.1": "four\n"}


def test_log_is_emptied_where_the_disk_has_no_room_for_a_copy(path: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfileobj", fail)
    path.write_text("one\n")
    assert LogFile(path).rotate(3, 2)
    assert contents(path) == {"manager.log": "", "manager.log.1": ""}


def test_follower_sees_every_line_once_across_rotations(path: Path):
    log, seen = LogFile(path), list[str]()
    path.write_text("before\n")

    def follow() -> None:
        for line in log.follow():
            seen.append(line)
            if line == "last":
                break

    follower = threading.Thread(target=follow)
    follower.start()
    with path.open("a", buffering=1) as appended:
        wait_until(lambda: appended.write("ready\n") and seen)  # it has begun
        expected = len(seen)
        for number in range(3):
            appended.write(f"line {number}\n")
            wait_until(lambda number=number: f"line {number}" in seen)  # type: ignore[misc]
            appended.write(f"unseen {number}\n")
            assert log.rotate(3, 2)
        appended.write("last\n")
    follower.join(60)
    lines = [line for line in seen if line != "ready"]
    assert (expected > 0, lines) == (True, [f"{w} {n}" for n in range(3) for w in ("line", "unseen")] + ["last"])


def test_log_of_a_running_manager_is_rotated(data_dir: Path):
    running = start(data_dir, limits=Limits(log_file=1000, log_files=2))
    folder = data_dir / "logs"
    with (folder / "manager.log").open("a") as appended:
        appended.write("x" * 2000)
    wait_until((folder / "manager.log.1").exists)
    assert "x" * 2000 in (folder / "manager.log.1").read_text()
    os.kill(running.server, 9)  # the supervisor writes about it, into the log that is used now
    wait_until(lambda: "exited with -9" in (folder / "manager.log").read_text())
    wait_until(lambda: request_succeeds(running, data_dir))


def request_succeeds(running: control.RunningManager, data_dir: Path) -> bool:
    try:
        return request(running, data_dir, "/status").status_code == 200
    except OSError:
        return False
