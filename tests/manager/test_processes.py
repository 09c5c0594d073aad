"""The manager as processes: started, found, killed, ended."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import requests

from cfy_cli.errors import CfyError
from cfy_cli.manager import control
from cfy_cli.manager.control import AlreadyRunning, RunningManager
from cfy_cli.manager.settings import ManagerSettings
from tests.manager.conftest import SLEEPER, archive


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start(data_dir: Path, **settings: object) -> RunningManager:
    return control.start(ManagerSettings(data_dir, **{"port": free_port(), "workers": 1, **settings}))  # type: ignore[arg-type]


def ask(
    running: RunningManager, data_dir: Path, path: str, method: str = "GET", **options: object
) -> requests.Response:
    admin = json.loads((data_dir / "admin.json").read_text())
    return requests.request(
        method,
        f"{running.url}/api/v3.1{path}",
        auth=(admin["username"], admin["password"]),
        timeout=10,
        **options,  # type: ignore[arg-type]
    )


def alive(pid: int) -> bool:
    """Running, and no zombie that waits for a parent to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # before it is opened, or between that and reading
        return False


def wait_until(what: object, seconds: float = 15) -> None:
    until = time.monotonic() + seconds
    while not what():  # type: ignore[operator]
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)


def children(pid: int) -> set[int]:
    return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


@contextmanager
def locked(data_dir: Path, kind: int, seconds: float) -> Iterator[None]:
    """The lock of a manager is held for so long."""
    with open(control.lock_path(data_dir, "manager")) as file:
        fcntl.flock(file, kind)
        timer = threading.Timer(seconds, lambda: fcntl.flock(file, fcntl.LOCK_UN))
        timer.start()
        try:
            yield
        finally:
            timer.join()


def test_it_answers_when_start_returns_and_nothing_is_left_when_stop_does(data_dir: Path):
    running = start(data_dir, workers=2)
    assert ask(running, data_dir, "/status").json()["status"] == "OK"
    assert control.status(data_dir) == running
    assert len(running.workers) == 2
    stopped = control.stop(data_dir)
    assert stopped == running
    assert [pid for pid in (running.pid, running.server, *running.workers) if alive(pid)] == []
    assert control.status(data_dir) is None
    assert control.stop(data_dir) is None


def test_what_was_stored_is_there_after_a_restart(data_dir: Path):
    first = start(data_dir)
    ask(first, data_dir, "/sites/tlv", "PUT", json={"location": "32.1,34.8"})
    control.stop(data_dir)
    second = start(data_dir)
    assert ask(second, data_dir, "/sites/tlv").json()["location"] == "32.1,34.8"


def test_a_second_start_says_who_runs_and_changes_nothing(data_dir: Path):
    running = start(data_dir)
    with pytest.raises(AlreadyRunning) as refused:
        start(data_dir)
    assert f"pid {running.pid}" in refused.value.message
    assert running.url in refused.value.message
    assert control.status(data_dir) == running


def test_a_taken_port_is_a_sentence_and_leaves_nothing_running(data_dir: Path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(CfyError, match=f"cannot listen at 127.0.0.1:{port}: another program listens there"):
            start(data_dir, port=port)
    assert control.status(data_dir) is None


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CfyError, match="cannot be used: Not a directory"):
        start(tmp_path / "file" / "data")


def test_a_crash_at_start_is_a_sentence_with_the_end_of_the_log(
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


def test_a_file_that_is_no_database_is_a_sentence_and_stays_as_it_is(data_dir: Path):
    data_dir.mkdir()
    content = "this is not a database, it only has its name " * 100
    (data_dir / "manager.db").write_text(content)
    with pytest.raises(CfyError, match=r"manager\.db is not a SQLite database"):
        start(data_dir)
    assert (data_dir / "manager.db").read_text() == content


def test_a_database_that_does_not_answer_is_a_sentence(data_dir: Path):
    with pytest.raises(CfyError, match="database"):
        start(data_dir, database_url=f"postgresql://nobody:canary@127.0.0.1:{free_port()}/none")
    assert "canary" not in (data_dir / "logs" / "manager.log").read_text()


def test_a_file_left_by_a_crash_is_not_believed(data_dir: Path):
    running = start(data_dir)
    for pid in (running.pid, running.server, *running.workers):
        with suppress(ProcessLookupError):  # a child may have noticed the end of the one before it
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(alive(pid) for pid in (running.pid, running.server, *running.workers)))
    assert (data_dir / "manager.json").exists()
    assert control.status(data_dir) is None
    assert ask(start(data_dir), data_dir, "/status").ok


def test_children_end_when_the_supervisor_is_killed(data_dir: Path):
    running = start(data_dir)
    os.kill(running.pid, signal.SIGKILL)
    wait_until(lambda: not any(alive(pid) for pid in (running.server, *running.workers)))


def test_who_waits_for_an_execution_keeps_the_server_from_ending_only_for_a_moment(data_dir: Path):
    running = start(data_dir)
    [worker] = running.workers
    wait_until(lambda: ask(running, data_dir, "/status").json()["services"]["Management Worker"]["status"] == "Active")
    os.kill(worker, signal.SIGSTOP)  # now that it has said that it lives: it holds nothing that others want

    def upload() -> None:
        with suppress(OSError):
            ask(running, data_dir, "/blueprints/b", "PUT", data=archive({"blueprint.yaml": "{}"}))

    waiting = threading.Thread(target=upload)
    waiting.start()
    wait_until(lambda: ask(running, data_dir, "/executions").json()["items"])
    os.kill(running.pid, signal.SIGKILL)
    wait_until(lambda: not alive(running.server))
    with suppress(ProcessLookupError):  # the system sends on its way who stands still when its session has ended
        os.kill(worker, signal.SIGKILL)
    waiting.join()


def test_its_port_is_had_again_although_the_server_of_the_killed_one_still_lives(data_dir: Path):
    running = start(data_dir)
    os.kill(running.pid, signal.SIGKILL)
    while alive(running.pid):  # before it has gone, what stops in its session would be sent on its way by the system
        continue
    with suppress(ProcessLookupError):  # it may be quick
        os.kill(running.server, signal.SIGSTOP)

    def wake() -> None:
        wait_until(lambda: control.is_locked(data_dir))  # the next supervisor has begun
        time.sleep(0.3)
        with suppress(ProcessLookupError):
            os.kill(running.server, signal.SIGCONT)

    threading.Thread(target=wake).start()
    again = start(data_dir, port=running.port)
    assert again.port == running.port
    assert ask(again, data_dir, "/status").ok
    assert not alive(running.server)


@pytest.mark.parametrize("which", ["server", "worker"])
def test_a_child_that_was_only_being_started_when_the_supervisor_was_killed_is_in_nobodys_way(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str
):
    slow = tmp_path / "slow"
    slow.mkdir()
    waits = f"import os, time\nwhile os.path.exists({str(slow / 'now')!r}):\n    time.sleep(0.05)\n"
    (slow / "sitecustomize.py").write_text(waits)
    monkeypatch.setenv("PYTHONPATH", str(slow))
    running = start(data_dir)
    (slow / "now").touch()
    old = {running.server, *running.workers}
    os.kill(running.server if which == "server" else running.workers[0], signal.SIGKILL)
    wait_until(lambda: children(running.pid) - old)
    [child] = children(running.pid) - old
    os.kill(running.pid, signal.SIGKILL)
    wait_until(lambda: not any(map(alive, old)))
    threading.Timer(1.0, (slow / "now").unlink).start()
    while alive(running.pid):
        continue
    monkeypatch.delenv("PYTHONPATH")
    assert start(data_dir, port=running.port).port == running.port
    wait_until(lambda: not alive(child))


def test_who_lets_go_of_the_lock_a_little_later_than_it_was_killed_is_not_believed_to_run(data_dir: Path):
    running = start(data_dir)
    state = (data_dir / "manager.json").read_text()
    control.stop(data_dir)
    (data_dir / "manager.json").write_text(state)
    with locked(data_dir, fcntl.LOCK_EX, 0.3):  # as by a child of it that has not yet become another program
        assert control.status(data_dir) is None
    with locked(data_dir, fcntl.LOCK_SH, 0.3):  # as by somebody who looks whether it runs
        assert start(data_dir, port=running.port).port == running.port


def test_a_child_that_is_still_ending_keeps_its_temporary_folder_until_it_has_ended(data_dir: Path):
    for name in ("worker-5", "worker-6"):
        (data_dir / "tmp" / name / "cfy-ctx").mkdir(parents=True)
    with open(data_dir / "worker-5.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        start(data_dir)
        assert (data_dir / "tmp" / "worker-5" / "cfy-ctx").exists()
        assert not (data_dir / "tmp" / "worker-6").exists()
    control.stop(data_dir)
    assert not (data_dir / "tmp").exists()


def test_nothing_of_it_is_left_in_the_temporary_folder_whatever_was_killed(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    running = start(data_dir)
    inline = f"#!/bin/sh\\ntouch '{tmp_path}/begun'\\nsleep 300\\n"
    blueprint = SLEEPER.replace("sleep.sh", f'"{inline}"')
    ask(running, data_dir, "/blueprints/s", "PUT", data=archive({"blueprint.yaml": blueprint}))
    assert ask(running, data_dir, "/deployments/s", "PUT", json={"blueprint_id": "s"}).status_code == 201
    ask(running, data_dir, "/executions", "POST", json={"deployment_id": "s", "workflow_id": "install"})
    wait_until((tmp_path / "begun").exists)
    assert list((data_dir / "tmp" / "worker-0").iterdir()) != []
    everything = (running.pid, running.server, *running.workers)
    for pid in everything:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(map(alive, everything)))
    start(data_dir)
    control.stop(data_dir)
    assert list((tmp_path / "temporary").iterdir()) == []
    assert not (data_dir / "tmp").exists()


def test_a_killed_child_is_started_again(data_dir: Path):
    running = start(data_dir)
    for pid in (running.server, *running.workers):
        with suppress(ProcessLookupError):  # a child may have noticed the end of the one before it
            os.kill(pid, signal.SIGKILL)

    def all_new() -> bool:
        now = control.status(data_dir)
        return now is not None and now.server != running.server and now.workers != running.workers

    wait_until(all_new)
    wait_until(lambda: ask(running, data_dir, "/status").ok)


def test_what_it_knows_of_itself_is_written_as_soon_as_the_disk_takes_it(data_dir: Path):
    (data_dir / "manager.new").mkdir(parents=True)  # nothing can be written there
    with pytest.raises(CfyError, match=r"manager\.json cannot be written: Is a directory"):
        start(data_dir)
    (data_dir / "manager.new").rmdir()
    running = start(data_dir)
    (data_dir / "manager.new").mkdir()
    os.kill(running.workers[0], signal.SIGKILL)
    wait_until(lambda: children(running.pid) - {running.server, *running.workers})
    wait_until(lambda: ask(running, data_dir, "/status").ok)
    time.sleep(0.5)
    assert alive(running.pid)
    (data_dir / "manager.new").rmdir()
    wait_until(lambda: control.status(data_dir) != running)


IMPATIENT = """
import sys
from cfy_cli.manager import supervisor
supervisor.HEARTBEAT_TIMEOUT = 3.0
sys.exit(supervisor.main())
"""


def test_a_child_that_has_stopped_without_ending_is_ended_and_started_again(data_dir: Path):
    control.prepare_folder(data_dir)
    settings = ManagerSettings(data_dir, port=free_port(), workers=1).to_json()
    read, write = os.pipe()
    subprocess.Popen(
        [sys.executable, "-c", IMPATIENT, str(write)],
        pass_fds=[write],
        env={**os.environ, control.SETTINGS_VARIABLE: settings},
    )
    os.close(write)
    with os.fdopen(read) as told:
        assert json.loads(told.readline())["data_dir"] == str(data_dir)
    running = control.status(data_dir)
    assert running is not None
    time.sleep(4)  # longer than it takes who says nothing
    assert all(map(alive, (running.server, *running.workers)))
    os.kill(running.workers[0], signal.SIGSTOP)
    wait_until(lambda: not alive(running.workers[0]))
    wait_until(lambda: (control.status(data_dir) or running).workers != running.workers)


def test_stopping_ends_the_scripts_that_run_and_their_execution_goes_on_at_the_next_start(
    data_dir: Path, tmp_path: Path
):
    running = start(data_dir)
    script = f"#!/bin/bash\necho $$ >> '{tmp_path}/pids'\n[ -e '{tmp_path}/well' ] || sleep 300\n"
    ask(running, data_dir, "/blueprints/s", "PUT", data=archive({"blueprint.yaml": SLEEPER, "sleep.sh": script}))
    assert ask(running, data_dir, "/deployments/s", "PUT", json={"blueprint_id": "s"}).status_code == 201
    begin = {"deployment_id": "s", "workflow_id": "install"}
    execution = ask(running, data_dir, "/executions", "POST", json=begin).json()["id"]
    wait_until(lambda: (tmp_path / "pids").exists() and (tmp_path / "pids").read_text().strip())
    before = time.monotonic()
    control.stop(data_dir)
    assert time.monotonic() - before < 10
    assert not alive(int((tmp_path / "pids").read_text()))
    (tmp_path / "well").touch()
    again = start(data_dir)
    wait_until(lambda: ask(again, data_dir, f"/executions/{execution}").json()["status"] == "terminated")
    assert len((tmp_path / "pids").read_text().split()) == 2


def test_the_password_is_random_and_only_its_owner_can_read_it(data_dir: Path, tmp_path: Path):
    running = start(data_dir)
    other = tmp_path / "another folder"
    second = start(other)
    try:
        passwords = {json.loads((folder / "admin.json").read_text())["password"] for folder in (data_dir, other)}
        assert len(passwords) == 2
        assert min(len(password) for password in passwords) >= 20
        assert (data_dir / "admin.json").stat().st_mode & 0o777 == 0o600
        assert data_dir.stat().st_mode & 0o777 == 0o700
        assert ask(second, other, "/status").ok
        assert requests.get(f"{running.url}/api/v3.1/status", auth=("admin", "admin"), timeout=10).status_code == 401
    finally:
        control.stop(other)


def test_the_address_of_the_database_is_hidden_from_other_users(data_dir: Path):
    running = start(data_dir)
    for pid in (running.pid, running.server, *running.workers):
        assert str(data_dir) not in Path(f"/proc/{pid}/cmdline").read_text()


def test_eight_processes_write_at_once_and_nothing_acknowledged_is_lost(data_dir: Path):
    running = start(data_dir, workers=2)
    admin = json.loads((data_dir / "admin.json").read_text())
    seconds = float(os.environ.get("CFY_STRESS_SECONDS", "3"))
    script = Path(__file__).with_name("writer.py")
    writers = [
        subprocess.Popen(
            [sys.executable, str(script), running.url, admin["password"], str(number), str(seconds)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(8)
    ]
    said = [json.loads(writer.communicate()[0]) for writer in writers]
    stored = set()
    total = None
    while total is None or len(stored) < total:
        answer = ask(running, data_dir, f"/sites?_include=name&_offset={len(stored)}").json()
        total = answer["metadata"]["pagination"]["total"]
        stored |= {site["name"] for site in answer["items"]}
    acknowledged = {name for one in said for name in one["acknowledged"]}
    assert acknowledged - stored == set()
    assert [problem for one in said for problem in one["problems"]] == []
    print(f"{len(acknowledged)} writes acknowledged in {seconds} s by 8 processes, all stored")


def test_postgresql_behind_the_same_commands(data_dir: Path, database_url: str):
    if "sqlite" in database_url:
        pytest.skip("the others use SQLite")
    running = start(data_dir, database_url=database_url)
    assert ask(running, data_dir, "/sites/tlv", "PUT", json={}).ok
    services = ask(running, data_dir, "/status").json()["services"]
    assert services["PostgreSQL"]["status"] == "Active"


def test_in_the_foreground_it_ends_with_an_interrupt_and_takes_its_children_along(data_dir: Path, tmp_path: Path):
    port = free_port()
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
    assert ask(running, data_dir, "/status").ok
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert not any(alive(pid) for pid in (running.server, *running.workers))


def test_what_its_worker_dies_of_is_given_up_with_a_sentence_until_somebody_resumes_it(data_dir: Path, tmp_path: Path):
    running = start(data_dir)
    deadly = f"#!/bin/bash\necho begun >> '{tmp_path}/lives'\n[ -e '{tmp_path}/well' ] || kill -9 $PPID\n"
    ask(running, data_dir, "/blueprints/s", "PUT", data=archive({"blueprint.yaml": SLEEPER, "sleep.sh": deadly}))
    assert ask(running, data_dir, "/deployments/s", "PUT", json={"blueprint_id": "s"}).status_code == 201
    begin = {"deployment_id": "s", "workflow_id": "install"}
    execution = ask(running, data_dir, "/executions", "POST", json=begin).json()["id"]

    def found() -> dict[str, str]:
        return dict(ask(running, data_dir, f"/executions/{execution}").json())

    wait_until(lambda: found()["status"] == "failed", 60)
    assert "The worker process died 5 times in a row" in found()["error"]
    assert f"`cfy executions resume {execution}`" in found()["error"]
    assert (tmp_path / "lives").read_text().split() == ["begun"] * 5
    events = ask(running, data_dir, f"/events?execution_id={execution}").json()["items"]
    assert events[-1]["event_type"] == "workflow_failed"
    assert "restarting it in 1 seconds" in (data_dir / "logs" / "manager.log").read_text()
    (tmp_path / "well").touch()
    ask(running, data_dir, f"/executions/{execution}", "POST", json={"action": "resume"}).raise_for_status()
    wait_until(lambda: found()["status"] == "terminated")
