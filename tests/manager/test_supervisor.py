"""The supervisor: children that are killed or hang, leftovers of killed managers, executions in between."""

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from cfy_cli.errors import CfyError
from cfy_cli.manager import control, supervisor
from cfy_cli.manager.control import RunningManager
from cfy_cli.manager.process_secrets import open_pipe
from cfy_cli.manager.settings import ManagerSettings
from tests.manager.conftest import SLEEPER, archive
from tests.manager.processes import (
    all_pids,
    child_pids,
    find_free_port,
    is_alive,
    kill,
    request,
    start,
    wait_until,
    wait_until_exited,
)


@contextmanager
def lock_for(data_dir: Path, kind: int, seconds: float) -> Iterator[None]:
    """Hold the lock of the data folder for some time."""
    with open(control.lock_path(data_dir, "manager")) as file:
        fcntl.flock(file, kind)
        timer = threading.Timer(seconds, lambda: fcntl.flock(file, fcntl.LOCK_UN))
        timer.start()
        try:
            yield
        finally:
            timer.join()


def kill_supervisor(running: RunningManager) -> None:
    """Kill it and wait for its end: until then the system would continue stopped processes of its session."""
    os.kill(running.pid, signal.SIGKILL)
    while is_alive(running.pid):
        continue


def start_install(running: RunningManager, data_dir: Path, script: str) -> str:
    """Start `install` of a node whose operation is the script, and return the id of the execution."""
    files = {"blueprint.yaml": SLEEPER, "sleep.sh": script}
    request(running, data_dir, "/blueprints/s", "PUT", data=archive(files))
    assert request(running, data_dir, "/deployments/s", "PUT", json={"blueprint_id": "s"}).status_code == 201
    body = {"deployment_id": "s", "workflow_id": "install"}
    return str(request(running, data_dir, "/executions", "POST", json=body).json()["id"])


def test_status_ignores_the_state_file_of_a_killed_manager(data_dir: Path):
    running = start(data_dir)
    kill(all_pids(running))
    wait_until_exited(all_pids(running))
    assert (data_dir / "manager.json").exists()
    assert control.status(data_dir) is None
    assert request(start(data_dir), data_dir, "/status").ok


def test_children_exit_when_the_supervisor_is_killed(data_dir: Path):
    running = start(data_dir)
    os.kill(running.pid, signal.SIGKILL)
    wait_until_exited((running.server, *running.workers))


def test_orphaned_server_exits_despite_a_waiting_request(data_dir: Path):
    running = start(data_dir)
    [worker] = running.workers

    def is_worker_active() -> bool:
        services = request(running, data_dir, "/status").json()["services"]
        return bool(services["Management Worker"]["status"] == "Active")

    wait_until(is_worker_active)
    os.kill(worker, signal.SIGSTOP)  # after its first heartbeat, so that it holds no lock of the database

    def upload() -> None:
        with suppress(OSError):
            request(running, data_dir, "/blueprints/b", "PUT", data=archive({"blueprint.yaml": "{}"}))

    waiting = threading.Thread(target=upload)
    waiting.start()
    wait_until(lambda: request(running, data_dir, "/executions").json()["items"])
    os.kill(running.pid, signal.SIGKILL)
    wait_until_exited([running.server])
    kill([worker])
    waiting.join()


def test_start_waits_for_the_port_of_an_orphaned_server(data_dir: Path):
    running = start(data_dir)
    kill_supervisor(running)
    with suppress(ProcessLookupError):  # it may have exited already
        os.kill(running.server, signal.SIGSTOP)

    def wake() -> None:
        wait_until(lambda: control.is_locked(data_dir))  # the next supervisor has started
        time.sleep(0.3)
        with suppress(ProcessLookupError):
            os.kill(running.server, signal.SIGCONT)

    threading.Thread(target=wake).start()
    successor = start(data_dir, port=running.port)
    assert successor.port == running.port
    assert request(successor, data_dir, "/status").ok
    assert not is_alive(running.server)


@pytest.mark.parametrize("which", ["server", "worker"])
def test_start_survives_an_orphan_that_was_still_starting(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str
):
    slow = tmp_path / "slow"
    slow.mkdir()
    delay = f"import os, time\nwhile os.path.exists({str(slow / 'now')!r}):\n    time.sleep(0.05)\n"
    (slow / "sitecustomize.py").write_text(delay)
    monkeypatch.setenv("PYTHONPATH", str(slow))
    running = start(data_dir)
    (slow / "now").touch()
    old = {running.server, *running.workers}
    os.kill(running.server if which == "server" else running.workers[0], signal.SIGKILL)
    wait_until(lambda: child_pids(running.pid) - old)
    [child] = child_pids(running.pid) - old
    os.kill(running.pid, signal.SIGKILL)
    wait_until_exited(old)
    threading.Timer(1.0, (slow / "now").unlink).start()
    while is_alive(running.pid):
        continue
    monkeypatch.delenv("PYTHONPATH")
    assert start(data_dir, port=running.port).port == running.port
    wait_until_exited([child])


def test_status_ignores_a_lock_held_for_a_moment(data_dir: Path):
    running = start(data_dir)
    state = (data_dir / "manager.json").read_text()
    control.stop(data_dir)
    (data_dir / "manager.json").write_text(state)
    with lock_for(data_dir, fcntl.LOCK_EX, 0.3):  # as by a child of a killed supervisor between fork and exec
        assert control.status(data_dir) is None
    with lock_for(data_dir, fcntl.LOCK_SH, 0.3):  # as by `cfy manager status`
        assert start(data_dir, port=running.port).port == running.port


def test_exiting_child_keeps_its_temporary_folder(data_dir: Path):
    for name in ("worker-5", "worker-6"):
        (data_dir / "tmp" / name / "cfy-ctx").mkdir(parents=True)
    with open(data_dir / "worker-5.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        start(data_dir)
        assert (data_dir / "tmp" / "worker-5" / "cfy-ctx").exists()
        assert not (data_dir / "tmp" / "worker-6").exists()
    control.stop(data_dir)
    assert not (data_dir / "tmp").exists()


def test_killed_manager_leaves_no_temporary_files(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    running = start(data_dir)
    inline = f"#!/bin/sh\\ntouch '{tmp_path}/started'\\nsleep 300\\n"
    blueprint = SLEEPER.replace("sleep.sh", f'"{inline}"')
    request(running, data_dir, "/blueprints/s", "PUT", data=archive({"blueprint.yaml": blueprint}))
    assert request(running, data_dir, "/deployments/s", "PUT", json={"blueprint_id": "s"}).status_code == 201
    request(running, data_dir, "/executions", "POST", json={"deployment_id": "s", "workflow_id": "install"})
    wait_until((tmp_path / "started").exists)
    assert list((data_dir / "tmp" / "worker-0").iterdir()) != []
    kill(all_pids(running))
    wait_until_exited(all_pids(running))
    start(data_dir)
    control.stop(data_dir)
    assert list((tmp_path / "temporary").iterdir()) == []
    assert not (data_dir / "tmp").exists()


def test_killed_children_are_restarted(data_dir: Path):
    running = start(data_dir)
    kill((running.server, *running.workers))

    def is_restarted() -> bool:
        now = control.status(data_dir)
        return now is not None and now.server != running.server and now.workers != running.workers

    wait_until(is_restarted)
    wait_until(lambda: request(running, data_dir, "/status").ok)


def test_state_file_is_written_when_the_disk_has_space_again(data_dir: Path):
    (data_dir / "manager.new").mkdir(parents=True)  # where the state is written first
    with pytest.raises(CfyError, match=r"manager\.json cannot be written: Is a directory"):
        start(data_dir)
    (data_dir / "manager.new").rmdir()
    running = start(data_dir)
    (data_dir / "manager.new").mkdir()
    os.kill(running.workers[0], signal.SIGKILL)
    wait_until(lambda: child_pids(running.pid) - {running.server, *running.workers})
    wait_until(lambda: request(running, data_dir, "/status").ok)
    time.sleep(0.5)
    assert is_alive(running.pid)
    (data_dir / "manager.new").rmdir()
    wait_until(lambda: control.status(data_dir) != running)


def test_start_without_a_process_to_spare_says_so(data_dir: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse() -> int:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    control.prepare_folder(data_dir)
    monkeypatch.setattr(os, "fork", refuse)
    with pytest.raises(CfyError, match="processes of the manager cannot be started: Resource temporarily"):
        supervisor.supervise(ManagerSettings(data_dir, port=find_free_port(), workers=1), lambda running: None)
    assert not control.is_locked(data_dir)


WITH_SHORT_TIMEOUT = """
import sys
from cfy_cli.manager import supervisor
supervisor.HEARTBEAT_TIMEOUT = 8.0
sys.exit(supervisor.main())
"""


def test_child_that_hangs_is_killed_and_restarted(data_dir: Path):
    control.prepare_folder(data_dir)
    settings = ManagerSettings(data_dir, port=find_free_port(), workers=1)
    read, write = os.pipe()
    settings_pipe = open_pipe(settings.to_json())
    subprocess.Popen(
        [sys.executable, "-c", WITH_SHORT_TIMEOUT, str(write), str(settings_pipe)],
        pass_fds=[write, settings_pipe],
    )
    os.close(write)
    os.close(settings_pipe)
    with os.fdopen(read) as report:
        assert json.loads(report.readline())["data_dir"] == str(data_dir)
    running = control.status(data_dir)
    assert running is not None
    time.sleep(9)  # longer than the timeout
    assert all(map(is_alive, (running.server, *running.workers)))
    os.kill(running.workers[0], signal.SIGSTOP)
    wait_until_exited(running.workers)
    wait_until(lambda: (control.status(data_dir) or running).workers != running.workers)


def test_stop_ends_scripts_and_the_execution_resumes_after_start(data_dir: Path, tmp_path: Path):
    running = start(data_dir)
    script = f"#!/bin/bash\necho $$ >> '{tmp_path}/pids'\n[ -e '{tmp_path}/go' ] || sleep 300\n"
    execution = start_install(running, data_dir, script)
    wait_until(lambda: (tmp_path / "pids").exists() and (tmp_path / "pids").read_text().strip())
    before = time.monotonic()
    control.stop(data_dir)
    assert time.monotonic() - before < 10
    assert not is_alive(int((tmp_path / "pids").read_text()))
    (tmp_path / "go").touch()
    restarted = start(data_dir)
    wait_until(lambda: request(restarted, data_dir, f"/executions/{execution}").json()["status"] == "terminated")
    assert len((tmp_path / "pids").read_text().split()) == 2


def test_execution_fails_after_repeated_worker_crashes(data_dir: Path, tmp_path: Path):
    running = start(data_dir)
    script = f"#!/bin/bash\necho started >> '{tmp_path}/starts'\n[ -e '{tmp_path}/go' ] || kill -9 $PPID\n"
    execution = start_install(running, data_dir, script)

    def get_execution() -> dict[str, str]:
        return dict(request(running, data_dir, f"/executions/{execution}").json())

    wait_until(lambda: get_execution()["status"] == "failed")
    error = get_execution()["error"]
    assert "5 times in a row" in error
    assert f"`cfy executions resume {execution}`" in error
    assert (tmp_path / "starts").read_text().split() == ["started"] * 5
    events = request(running, data_dir, f"/events?execution_id={execution}").json()["items"]
    assert events[-1]["event_type"] == "workflow_failed"
    assert "restarting it in 1 seconds" in (data_dir / "logs" / "manager.log").read_text()
    (tmp_path / "go").touch()
    request(running, data_dir, f"/executions/{execution}", "POST", json={"action": "resume"}).raise_for_status()
    wait_until(lambda: get_execution()["status"] == "terminated")
