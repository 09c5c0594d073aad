"""A manager as processes: started, stopped, refused, listed by status."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from cfy_cli.errors import CfyError
from cfy_cli.manager import control
from cfy_cli.manager.control import AlreadyRunning
from tests.manager.processes import all_pids, find_free_port, is_alive, request, start


def test_manager_answers_after_start_and_is_gone_after_stop(data_dir: Path):
    running = start(data_dir, workers=2)
    assert request(running, data_dir, "/status").json()["status"] == "OK"
    assert control.status(data_dir) == running
    assert len(running.workers) == 2
    stopped = control.stop(data_dir)
    assert stopped == running
    assert [pid for pid in all_pids(running) if is_alive(pid)] == []
    assert control.status(data_dir) is None
    assert control.stop(data_dir) is None


def test_data_survives_a_restart(data_dir: Path):
    first = start(data_dir)
    request(first, data_dir, "/sites/tlv", "PUT", json={"location": "32.1,34.8"})
    control.stop(data_dir)
    second = start(data_dir)
    assert request(second, data_dir, "/sites/tlv").json()["location"] == "32.1,34.8"


def test_second_start_is_refused_with_the_running_manager(data_dir: Path):
    running = start(data_dir)
    with pytest.raises(AlreadyRunning) as refused:
        start(data_dir)
    assert f"pid {running.pid}" in refused.value.message
    assert running.url in refused.value.message
    assert control.status(data_dir) == running


def test_start_fails_when_the_port_is_taken(data_dir: Path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(CfyError, match=f"cannot listen at 127.0.0.1:{port}: another program listens there"):
            start(data_dir, port=port)
    assert control.status(data_dir) is None


def test_start_fails_when_the_folder_is_not_writable(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CfyError, match="cannot be used: Not a directory"):
        start(tmp_path / "file" / "data")


def test_start_that_crashes_fails_with_the_end_of_the_log(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "uvicorn.py").write_text("raise RuntimeError('this uvicorn is broken')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "broken"))
    with pytest.raises(CfyError, match="did not start") as failed:
        start(data_dir)
    assert str(data_dir / "logs" / "manager.log") in (failed.value.hint or "")
    assert "this uvicorn is broken" in (failed.value.hint or "")
    assert control.status(data_dir) is None


def test_start_fails_on_a_file_that_is_no_database(data_dir: Path):
    data_dir.mkdir()
    content = "this is not a database, it only has its name " * 100
    (data_dir / "manager.db").write_text(content)
    with pytest.raises(CfyError, match=r"manager\.db is not a SQLite database"):
        start(data_dir)
    assert (data_dir / "manager.db").read_text() == content


def test_start_fails_when_the_database_does_not_answer(data_dir: Path):
    with pytest.raises(CfyError, match="database"):
        start(data_dir, database_url=f"postgresql://nobody:canary@127.0.0.1:{find_free_port()}/none")
    assert "canary" not in (data_dir / "logs" / "manager.log").read_text()


def test_password_is_random_and_readable_by_its_owner_only(data_dir: Path, tmp_path: Path):
    running = start(data_dir)
    other = tmp_path / "another folder"
    second = start(other)
    try:
        passwords = {json.loads((folder / "admin.json").read_text())["password"] for folder in (data_dir, other)}
        assert len(passwords) == 2
        assert min(len(password) for password in passwords) >= 20
        assert (data_dir / "admin.json").stat().st_mode & 0o777 == 0o600
        assert data_dir.stat().st_mode & 0o777 == 0o700
        assert request(second, other, "/status").ok
        assert requests.get(f"{running.url}/api/v3.1/status", auth=("admin", "admin"), timeout=60).status_code == 401
    finally:
        control.stop(other)


def test_settings_are_not_in_the_command_lines(data_dir: Path):
    """They may hold the password of the database, and other users can read command lines."""
    running = start(data_dir)
    for pid in all_pids(running):
        assert str(data_dir) not in Path(f"/proc/{pid}/cmdline").read_text()


def test_concurrent_writers_lose_no_acknowledged_write(data_dir: Path):
    running = start(data_dir, workers=2)
    admin = json.loads((data_dir / "admin.json").read_text())
    seconds = float(os.environ.get("CFY_STRESS_SECONDS", "3"))
    script = Path(__file__).with_name("writer.py")
    writers = [
        subprocess.Popen(
            [sys.executable, str(script), running.url, admin["password"], str(index), str(seconds)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for index in range(8)
    ]
    reports = [json.loads(writer.communicate()[0]) for writer in writers]
    stored: set[str] = set()
    total = None
    while total is None or len(stored) < total:
        page = request(running, data_dir, f"/sites?_include=name&_offset={len(stored)}").json()
        total = page["metadata"]["pagination"]["total"]
        stored |= {site["name"] for site in page["items"]}
    acknowledged = {name for report in reports for name in report["acknowledged"]}
    assert acknowledged - stored == set()
    assert [error for report in reports for error in report["errors"]] == []
    print(f"{len(acknowledged)} writes acknowledged in {seconds} s by 8 processes, all stored")


def test_manager_runs_on_postgresql(data_dir: Path, database_url: str):
    if "sqlite" in database_url:
        pytest.skip("the others use SQLite")
    running = start(data_dir, database_url=database_url)
    assert request(running, data_dir, "/sites/tlv", "PUT", json={}).ok
    services = request(running, data_dir, "/status").json()["services"]
    assert services["PostgreSQL"]["status"] == "Active"


def test_interrupt_stops_a_foreground_manager(data_dir: Path, tmp_path: Path):
    port = find_free_port()
    program = [sys.executable, "-m", "cfy_cli", "manager", "start", "--foreground", "--workers", "1"]
    process = subprocess.Popen(
        [*program, "--port", str(port), "--data-dir", str(data_dir)],
        env={**os.environ, "CFY_WORKDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == f"Manager started at http://127.0.0.1:{port}\n"
    running = control.status(data_dir)
    assert running is not None
    assert running.pid == process.pid
    assert request(running, data_dir, "/status").ok
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert not any(map(is_alive, (running.server, *running.workers)))


def test_process_of_a_manager_imports_no_seldom_modules():
    """Each of them takes a tenth of the start, or more."""
    slow = {"requests", "alembic", "boto3", "celery", "hvac", "ldap3", "pip"}
    code = f"import sys, cfy_cli.manager.server, cfy_cli.manager.worker; print(sorted({slow} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "[]\n"
