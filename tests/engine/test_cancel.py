"""Cancel, force-cancel and kill."""

import os
import threading
import time
from pathlib import Path

import pytest

from cfy_cli.manager.engine import graph_runner
from cfy_cli.manager.engine.ports import CancelRequest
from cfy_cli.manager.engine.run import run_workflow
from tests.engine.deployment import node, operation
from tests.engine.journal import MemoryJournal

UNTIL_CANCELLED = "ctx logger info running; until [ -e cancelled ]; do sleep 0.05; done; sleep 0.4"


def cancel_when(deployment, message, request):
    def on_emit(event):
        if event.message == message:
            deployment.records.requested = request
            (deployment.workdir / "cancelled").touch()

    deployment.records.on_emit = on_emit


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def wait_until_ended(pids, seconds=60.0):
    deadline = time.monotonic() + seconds
    while any(map(is_running, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not any(map(is_running, pids))


def test_cancel_finishes_running_and_starts_nothing(deployment):
    two = deployment(
        node(
            "a",
            {
                "create": operation(source=f"{UNTIL_CANCELLED}; ctx logger info done"),
                "start": operation(source="ctx logger info never"),
            },
        )
    )
    cancel_when(two, "running", CancelRequest.CANCEL)
    result = two.run("install")
    assert (result.state, result.error) == ("cancelled", "")
    assert two.logs == ["running", "done"]
    assert two.messages[-1] == "'install' workflow execution cancelled"


def test_cancel_starts_no_queued_operation(deployment):
    three = deployment(node("a", {"create": operation(source=UNTIL_CANCELLED)}, count=3))
    cancel_when(three, "running", CancelRequest.CANCEL)
    assert three.run("install", concurrency=1).state == "cancelled"
    assert three.logs == ["running"]


def test_cancel_stops_retries(deployment):
    waiting = deployment(
        node("a", {"create": operation(source="ctx logger info running; exit 1", max_retries=9, retry_interval=30)})
    )
    cancel_when(waiting, "running", CancelRequest.CANCEL)
    started_at = time.monotonic()
    assert waiting.run("install").state == "cancelled"
    assert time.monotonic() - started_at < 10


def test_force_cancel_does_not_wait_for_running_operation(deployment, tmp_path):
    done = tmp_path / "done"
    slow = deployment(node("a", {"create": operation(source=f"ctx logger info running; sleep 1.5; touch {done}")}))
    cancel_when(slow, "running", CancelRequest.FORCE_CANCEL)
    assert slow.run("install").state == "cancelled"
    assert not done.exists()
    assert slow.messages[-1] == "'install' workflow execution cancelled"
    deadline = time.monotonic() + 60
    while not done.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert done.exists()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks processes up in /proc")
def test_kill_ends_whole_process_tree(deployment, tmp_path):
    tree = f"""#!/bin/bash
        set -m
        sleep 300 & echo $! >> {tmp_path}/pids
        bash -c 'sleep 300 & echo $! >> {tmp_path}/pids; wait' & echo $! >> {tmp_path}/pids
        echo $$ >> {tmp_path}/pids
        while [ $(wc -l < {tmp_path}/pids) -lt 4 ]; do sleep 0.02; done
        ctx logger info running
        wait
    """
    slow = deployment(node("a", {"create": operation(source=tree)}, count=1))
    cancel_when(slow, "running", CancelRequest.KILL)
    assert slow.run("install").state == "cancelled"
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 4
    assert wait_until_ended(pids)
    assert slow.state("a_1") == "creating"
    assert "'install' workflow execution cancelled" not in slow.messages


DAEMONS = """#!/bin/bash
        setsid bash -c 'echo $$ >> {pids}; exec sleep 300' &
        env -i setsid /bin/bash -c 'echo $$ >> {pids}; exec sleep 300' &
        setsid -f bash -c 'echo $$ >> {pids}; exec sleep 300'
        while [ $(wc -l < {pids}) -lt 3 ]; do sleep 0.02; done
        ctx logger info running
        {then}
"""


def read_pids(path):
    return [int(pid) for pid in path.read_text().split()]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks processes up in /proc")
def test_kill_ends_processes_in_other_sessions(deployment, tmp_path):
    pids = tmp_path / "pids"
    pids.touch()
    slow = deployment(node("a", {"create": operation(source=DAEMONS.format(pids=pids, then="sleep 300"))}))
    cancel_when(slow, "running", CancelRequest.KILL)
    assert run_workflow(slow.job("install"), slow.records, MemoryJournal(slow.records)).state == "cancelled"
    assert len(read_pids(pids)) == 3
    assert wait_until_ended(read_pids(pids))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks processes up in /proc")
def test_killed_operation_is_not_reported_as_failed(deployment, monkeypatch):
    monkeypatch.setattr(
        graph_runner, "CANCEL_POLL_INTERVAL", 60.0
    )  # so that the request is not seen before the script ends
    one = deployment(node("a", {"create": operation(source="ctx logger info running; exit 143")}))
    cancel_when(one, "running", CancelRequest.KILL)
    assert one.run("install").state == "cancelled"
    assert [message for message in one.messages if "failed" in message] == []


def test_timeout_ends_whole_process_tree(deployment, tmp_path):
    pids = tmp_path / "pids"
    pids.touch()
    late = operation(source=DAEMONS.format(pids=pids, then="sleep 300"), timeout=1, max_retries=0)
    slow = deployment(node("a", {"create": late}))
    result = run_workflow(slow.job("install"), slow.records, MemoryJournal(slow.records))
    assert "timeout of 1 seconds" in result.error
    assert len(read_pids(pids)) == 3
    assert wait_until_ended(read_pids(pids))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks processes up in /proc")
def test_successful_script_may_leave_daemon_running(deployment, tmp_path):
    pids = tmp_path / "pids"
    pids.touch()
    well = deployment(node("a", {"create": operation(source=DAEMONS.format(pids=pids, then="exit 0"))}))
    result = run_workflow(well.job("install"), well.records, MemoryJournal(well.records))
    left = read_pids(pids)
    try:
        assert result.state == "terminated"
        assert all(map(is_running, left))
    finally:
        for pid in left:
            os.kill(pid, 9)


def test_execution_cancelled_before_start_runs_nothing(deployment):
    early = deployment(node("a", {"create": operation(source="ctx logger info never")}))
    early.records.requested = CancelRequest.CANCEL
    assert early.run("install").state == "cancelled"
    assert early.logs == []


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors in /proc")
def test_execution_leaks_no_threads_or_descriptors(deployment):
    eight = deployment(node("a", {"create": operation(source="#!/bin/bash\necho $(ctx node id)")}, count=8))
    eight.run("install")  # the ctx server starts with the first one, and stays
    before = descriptors_when_idle()
    eight.run("uninstall")
    eight.run("install")
    assert descriptors_when_idle() == before


def descriptors_when_idle():
    deadline = time.monotonic() + 60
    while any(thread.name.startswith(("execution-", "Thread-")) for thread in threading.enumerate()):
        assert time.monotonic() < deadline, "threads are left over"
        time.sleep(0.02)
    return len(os.listdir("/proc/self/fd"))
