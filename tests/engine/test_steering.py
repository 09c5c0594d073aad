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


def steer_when(deployment, message, wanted):
    def on_emit(event):
        if event.message == message:
            deployment.records.wanted = wanted

    deployment.records.on_emit = on_emit


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def gone(pids, seconds=5.0):
    deadline = time.monotonic() + seconds
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not any(map(alive, pids))


def test_cancel_lets_what_runs_end_and_begins_nothing_new(deployment):
    two = deployment(
        node(
            "a",
            {
                "create": operation(source="ctx logger info begun; sleep 0.6; ctx logger info done"),
                "start": operation(source="ctx logger info never"),
            },
        )
    )
    steer_when(two, "begun", CancelRequest.CANCEL)
    ending = two.run("install")
    assert (ending.state, ending.error) == ("cancelled", "")
    assert two.logs == ["begun", "done"]
    assert two.messages[-1] == "'install' workflow execution cancelled"


def test_cancel_begins_nothing_that_waits_for_its_turn(deployment):
    three = deployment(node("a", {"create": operation(source="ctx logger info begun; sleep 0.4")}, count=3))
    steer_when(three, "begun", CancelRequest.CANCEL)
    assert three.run("install", concurrency=1).state == "cancelled"
    assert three.logs == ["begun"]


def test_cancel_gives_up_retries(deployment):
    waiting = deployment(
        node("a", {"create": operation(source="ctx logger info begun; exit 1", max_retries=9, retry_interval=30)})
    )
    steer_when(waiting, "begun", CancelRequest.CANCEL)
    began = time.monotonic()
    assert waiting.run("install").state == "cancelled"
    assert time.monotonic() - began < 10


def test_force_cancel_does_not_wait(deployment, tmp_path):
    done = tmp_path / "done"
    slow = deployment(node("a", {"create": operation(source=f"ctx logger info begun; sleep 1.5; touch {done}")}))
    steer_when(slow, "begun", CancelRequest.FORCE_CANCEL)
    assert slow.run("install").state == "cancelled"
    assert not done.exists()
    assert slow.messages[-1] == "'install' workflow execution cancelled"
    deadline = time.monotonic() + 10
    while not done.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert done.exists()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks processes up in /proc")
def test_kill_ends_the_whole_tree_of_processes(deployment, tmp_path):
    tree = f"""#!/bin/bash
        set -m
        sleep 300 & echo $! >> {tmp_path}/pids
        bash -c 'sleep 300 & echo $! >> {tmp_path}/pids; wait' & echo $! >> {tmp_path}/pids
        echo $$ >> {tmp_path}/pids
        while [ $(wc -l < {tmp_path}/pids) -lt 4 ]; do sleep 0.02; done
        ctx logger info begun
        wait
    """
    slow = deployment(node("a", {"create": operation(source=tree)}, count=1))
    steer_when(slow, "begun", CancelRequest.KILL)
    assert slow.run("install").state == "cancelled"
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 4
    assert gone(pids)
    assert slow.state("a_1") == "creating"
    assert "'install' workflow execution cancelled" not in slow.messages


DAEMONS = """#!/bin/bash
        setsid bash -c 'echo $$ >> {pids}; exec sleep 300' &
        env -i setsid /bin/bash -c 'echo $$ >> {pids}; exec sleep 300' &
        setsid -f bash -c 'echo $$ >> {pids}; exec sleep 300'
        while [ $(wc -l < {pids}) -lt 3 ]; do sleep 0.02; done
        ctx logger info begun
        {then}
"""


def daemons(path):
    return [int(pid) for pid in path.read_text().split()]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks processes up in /proc")
def test_kill_finds_those_that_made_a_session_of_their_own(deployment, tmp_path):
    pids = tmp_path / "pids"
    pids.touch()
    slow = deployment(node("a", {"create": operation(source=DAEMONS.format(pids=pids, then="sleep 300"))}))
    steer_when(slow, "begun", CancelRequest.KILL)
    assert run_workflow(slow.job("install"), slow.records, MemoryJournal(slow.records)).state == "cancelled"
    assert len(daemons(pids)) == 3
    assert gone(daemons(pids))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks processes up in /proc")
def test_what_ends_because_all_is_being_ended_has_not_failed(deployment, monkeypatch):
    monkeypatch.setattr(graph_runner, "CANCEL_POLL_INTERVAL", 60.0)  # so that nobody looks before it has ended
    one = deployment(node("a", {"create": operation(source="ctx logger info begun; exit 143")}))
    steer_when(one, "begun", CancelRequest.KILL)
    assert one.run("install").state == "cancelled"
    assert [message for message in one.messages if "failed" in message] == []


def test_what_took_too_long_leaves_nothing_running(deployment, tmp_path):
    pids = tmp_path / "pids"
    pids.touch()
    late = operation(source=DAEMONS.format(pids=pids, then="sleep 300"), timeout=1, max_retries=0)
    slow = deployment(node("a", {"create": late}))
    ending = run_workflow(slow.job("install"), slow.records, MemoryJournal(slow.records))
    assert "timeout of 1 seconds" in ending.error
    assert len(daemons(pids)) == 3
    assert gone(daemons(pids))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks processes up in /proc")
def test_a_service_that_a_script_leaves_behind_stays(deployment, tmp_path):
    pids = tmp_path / "pids"
    pids.touch()
    well = deployment(node("a", {"create": operation(source=DAEMONS.format(pids=pids, then="exit 0"))}))
    ending = run_workflow(well.job("install"), well.records, MemoryJournal(well.records))
    left = daemons(pids)
    try:
        assert ending.state == "terminated"
        assert all(map(alive, left))
    finally:
        for pid in left:
            os.kill(pid, 9)


def test_what_was_cancelled_before_it_began_does_nothing(deployment):
    early = deployment(node("a", {"create": operation(source="ctx logger info never")}))
    early.records.wanted = CancelRequest.CANCEL
    assert early.run("install").state == "cancelled"
    assert early.logs == []


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors in /proc")
def test_executions_leave_no_threads_and_no_descriptors_behind(deployment):
    eight = deployment(node("a", {"create": operation(source="#!/bin/bash\necho $(ctx node id)")}, count=8))
    eight.run("install")  # the ctx server starts with the first one, and stays
    before = descriptors_when_idle()
    eight.run("uninstall")
    eight.run("install")
    assert descriptors_when_idle() == before


def descriptors_when_idle():
    deadline = time.monotonic() + 5
    while any(thread.name.startswith(("execution-", "Thread-")) for thread in threading.enumerate()):
        assert time.monotonic() < deadline, "threads are left over"
        time.sleep(0.02)
    return len(os.listdir("/proc/self/fd"))
