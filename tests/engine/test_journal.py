"""Executions that recover after a crash or are resumed after a failure."""

import os
import time
from collections import Counter

import pytest

from cfy_cli.contract.states import InstanceState
from cfy_cli.manager.engine import orphans, values
from cfy_cli.manager.engine.ports import CancelRequest, ProcessIdentity, StartMode
from cfy_cli.manager.engine.run import run_workflow
from cfy_cli.manager.engine.tasks import Barrier, NodeEvent, Operation, SetState, Subgraph, TaskState
from tests.engine.deployment import node, operation, relationship
from tests.engine.journal import Crash, MemoryJournal
from tests.engine.test_cancel import cancel_when, is_running, wait_until_ended


@pytest.fixture
def runs(tmp_path):
    """`runs()` returns how often scripts appended each word to the file `runs.path`."""
    path = tmp_path / "runs"

    def count():
        return Counter(path.read_text().split() if path.exists() else [])

    count.path = path
    return count


def two_nodes(runs, *, count=3):
    """Return two nodes, of which `top` depends on `base`, whose start succeeds at its second attempt."""
    once = f"echo $CTX >> {runs.path}; [ -e {runs.path}.failed ] || {{ touch {runs.path}.failed; exit 1; }}"
    return (
        node(
            "base",
            {
                "create": operation(source=f"echo create-$(ctx instance id) >> {runs.path}"),
                "start": operation(source=once.replace("$CTX", "start-$(ctx instance id)"), max_retries=1),
            },
        ),
        node(
            "top",
            {"create": operation(source=f"echo create-$(ctx instance id) >> {runs.path}")},
            to=(relationship("base"),),
            count=count,
        ),
    )


def run(deployment, journal, start_mode=StartMode.NEW, workflow="install", **more):
    deployment.records.requested = CancelRequest.NONE
    return run_workflow(deployment.job(workflow, start_mode=start_mode, **more), deployment.records, journal)


def crash(deployment, journal, at, *, after):
    journal.crash_at, journal.crash_after = journal.stores + at, after
    try:
        return run(deployment, journal)
    except Crash:
        return None
    finally:
        journal.crash_at = float("inf")
        journal.rewind()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 12))
def test_recovery_repeats_no_succeeded_operation(deployment, runs, at, after):
    three = deployment(*two_nodes(runs))
    journal = MemoryJournal(three.records)
    result = crash(three, journal, at, after=after)
    done, before = succeeded_scripts(journal), runs()
    if result is None:
        result = run(three, journal, StartMode.RECOVERED)
    assert result.state == "terminated", result.error
    assert {three.state(name) for name in ("base_1", "top_1", "top_2", "top_3")} == {"started"}
    assert set(journal.states("install").values()) == {TaskState.SUCCEEDED}
    for name, times in runs().items():
        assert times <= 2 + (name == "start-base_1"), f"{name} ran {times} times"
        assert times == before[name] or name not in done, f"{name} was done and ran again"
    assert len(runs()) == 5


def succeeded_scripts(journal):
    """Return the operations that succeeded according to the journal, as their scripts name them."""
    return {
        f"{task.action.name.rpartition('.')[2]}-{task.action.instance_id}"
        for stored in journal.graphs
        for task in stored.graph.tasks.values()
        if isinstance(task.action, Operation) and journal.states("install")[task.id] is TaskState.SUCCEEDED
    }


def test_recovery_of_completed_execution_runs_nothing(deployment, runs):
    two = deployment(*two_nodes(runs))
    journal = MemoryJournal(two.records)
    assert run(two, journal).state == "terminated"
    before = runs()
    two.records.events.clear()
    assert run(two, journal, StartMode.RECOVERED).state == "terminated"
    assert runs() == before
    assert two.messages == ["Resuming 'install' workflow execution", "'install' workflow execution succeeded"]


def test_progress_includes_operations_of_earlier_runs(deployment, runs):
    two = deployment(*two_nodes(runs))
    journal = MemoryJournal(two.records)
    run(two, journal)
    all_of_it = two.records.progress[-1]
    two.records.progress.clear()
    run(two, journal, StartMode.RECOVERED)
    assert two.records.progress[-1] == all_of_it
    assert all_of_it[0] == all_of_it[1]


def test_recovery_reports_failure_before_crash(deployment, runs):
    failing = node("bad", {"create": operation(source=f"echo bad >> {runs.path}; exit 3")})
    slow = node(
        "slow", {"create": operation(source="sleep 0.3"), "start": operation(source=f"echo slow >> {runs.path}")}
    )
    both = deployment(failing, slow)
    journal = MemoryJournal(both.records)
    crashed = False
    for at in range(2, 6):
        crashed = crashed or crash(both, journal, at, after=True) is None
        if TaskState.FAILED in journal.states("install").values():
            break
    result = run(both, journal, StartMode.RECOVERED)
    assert crashed
    assert (result.state, runs()["bad"]) == ("failed", 1)
    assert "exit_code: 3" in result.error


def test_recovery_continues_attempt_count(deployment, runs):
    text = f"echo try >> {runs.path}; exit 1"
    failing = deployment(node("a", {"create": operation(source=text, max_retries=2, retry_interval=0.05)}))
    journal = MemoryJournal(failing.records)
    crash(failing, journal, 4, after=True)
    result = run(failing, journal, StartMode.RECOVERED)
    assert result.state == "failed"
    assert runs()["try"] in (3, 4)
    assert any("[retry 2/2]" in message for message in failing.messages)


def test_recovery_kills_orphaned_script_before_rerun(deployment, runs, tmp_path):
    text = f"echo $$ >> {runs.path}; [ -e {tmp_path}/well ] && exit; trap '' TERM; sleep 300"
    one = deployment(node("a", {"create": operation(source=text)}))
    journal = MemoryJournal(one.records)
    cancel_when(one, "Task started 'script_runner.tasks.run'", CancelRequest.FORCE_CANCEL)
    one.records.requested = CancelRequest.NONE
    run_workflow(one.job("install"), one.records, journal)
    deadline = time.monotonic() + 60
    while not runs() and time.monotonic() < deadline:
        time.sleep(0.02)
    [pid] = runs()
    assert is_running(int(pid))
    journal.rewind()
    (tmp_path / "well").touch()
    assert run(one, journal, StartMode.RECOVERED).state == "terminated"
    assert wait_until_ended([int(pid)])
    assert sum(runs().values()) == 2


def test_process_with_reused_pid_is_not_killed():
    ours = os.getpid()
    for start_time in ("1234.56", "1a2b3c4d/123456", "Mon Jan  5 10:00:00 2026"):  # the last ones of earlier versions
        other = ProcessIdentity(ours, start_time)
        orphans.kill([other], ["no-such-operation"])
        assert not orphans.is_alive(other)
    assert orphans.is_alive(orphans.identify(ours))


def test_process_identity_tolerates_clock_adjustment():
    ours = orphans.identify(os.getpid())
    assert orphans.is_alive(ProcessIdentity(ours.pid, f"{float(ours.start_time.partition('@')[0]) + 1:.2f}"))


def test_resume_of_install_deletes_half_created_instance(deployment, runs, tmp_path):
    create = f"echo create >> {runs.path}; [ -e {tmp_path}/well ] || exit 4"
    failing = deployment(
        node("a", {"create": operation(source=create), "delete": operation(source=f"echo delete >> {runs.path}")}),
        node("b", {"create": operation(source=f"echo b >> {runs.path}")}, to=(relationship("a"),)),
    )
    journal = MemoryJournal(failing.records)
    assert run(failing, journal).state == "failed"
    failing.records.events.clear()
    assert run(failing, journal, StartMode.RESUMED).state == "failed"
    (tmp_path / "well").touch()
    failing.records.events.clear()
    assert run(failing, journal, StartMode.RESUMED).state == "terminated"
    assert runs() == {"create": 3, "delete": 2, "b": 1}
    assert [line for line in failing.messages if "Process created" not in line and "Execution done" not in line][
        :12
    ] == [
        "Resuming 'install' workflow execution",
        "Subgraph started 'resume_cleanup_a_1'",
        "Rolling back prior to resuming install",
        "Deleting node instance",
        "Sending task 'script_runner.tasks.run'",
        "Task started 'script_runner.tasks.run'",
        "Task succeeded 'script_runner.tasks.run'",
        "Deleted node instance",
        "Finished rolling back, now resuming install",
        "Subgraph succeeded 'resume_cleanup_a_1'",
        "Subgraph started 'install_a_1'",
        "Sending task 'script_runner.tasks.run'",
    ]


def test_resume_continues_after_failed_cleanup(deployment, runs, tmp_path):
    create = f"echo create >> {runs.path}; [ -e {tmp_path}/well ] || exit 4"
    failing = deployment(node("a", {"create": operation(source=create), "delete": operation(source="exit 1")}))
    journal = MemoryJournal(failing.records)
    assert run(failing, journal).state == "failed"
    (tmp_path / "well").touch()
    assert run(failing, journal, StartMode.RESUMED).state == "terminated"
    assert runs() == {"create": 2}


def test_resume_waits_for_operation_left_by_force_cancel(deployment, runs):
    slow = deployment(
        node("a", {"create": operation(source=f"ctx logger info running; sleep 0.8; echo create >> {runs.path}")})
    )
    journal = MemoryJournal(slow.records)
    cancel_when(slow, "running", CancelRequest.FORCE_CANCEL)
    assert run_workflow(slow.job("install"), slow.records, journal).state == "cancelled"
    assert runs() == {}
    slow.records.on_emit = lambda event: None
    assert run(slow, journal, StartMode.RESUMED).state == "terminated"
    assert runs() == {"create": 1}
    assert slow.state("a_1") == "started"


def test_recovery_continues_with_interrupted_graph(deployment, runs, tmp_path):
    says = {verb: operation(source=f"echo {verb} >> {runs.path}") for verb in ("start", "stop")}
    one = deployment(node("a", says))
    run(one, MemoryJournal(one.records))
    runs.path.unlink()
    journal = MemoryJournal(one.records)
    journal.crash_at = 5
    with pytest.raises(Crash):
        run(one, journal, workflow="restart")
    journal.crash_at = float("inf")
    journal.rewind()
    assert run(one, journal, StartMode.RECOVERED, workflow="restart").state == "terminated"
    assert runs()["stop"] == 1
    assert runs()["start"] in (1, 2)


STORED_ACTIONS = {  # task_kwargs in the rows of earlier versions
    "RemoteWorkflowTask": (
        {
            "name": "cloudify.interfaces.validation.check_status",
            "plugin": "script",
            "function": "script_runner.tasks.run",
            "instance_id": "a_1",
            "node_id": "a",
            "inputs": {"script_path": "check.sh"},
            "source_id": None,
            "target_id": None,
            "executor": "central_deployment_agent",
            "max_retries": 60,
            "retry_interval": 15.0,
            "timeout": None,
            "timeout_recoverable": False,
            "ignore_failure": True,
            "checks": "status",
            "awaited": True,
            "quiet": True,
            "handled": True,
            "former_node": "a",
        },
        Operation(
            "cloudify.interfaces.validation.check_status",
            "script",
            "script_runner.tasks.run",
            "a_1",
            "a",
            {"script_path": "check.sh"},
            executor="central_deployment_agent",
            ignore_failure=True,
            health_check="status",
            repeat_until_true=True,
            quiet=True,
            has_handler=True,
            former_node="a",
        ),
    ),
    "SubgraphTask": ({"name": "install_a_1", "handled": True}, Subgraph("install_a_1", has_handler=True)),
    "SendNodeEventTask": ({"instance_id": "a_1", "message": "hello"}, NodeEvent("a_1", "hello")),
    "SetNodeInstanceStateTask": (
        {"instance_id": "a_1", "state": "started", "drifts": True, "because": "healed"},
        SetState("a_1", InstanceState.STARTED, has_drift_check=True, reason="healed"),
    ),
    "NOPLocalWorkflowTask": ({}, Barrier()),
}


@pytest.mark.parametrize("kind", values.KINDS.values())
def test_stored_actions_keep_the_keys_of_earlier_versions(kind):
    stored, action = STORED_ACTIONS[kind]
    assert values.from_json(kind, stored) == action
    assert values.to_json(action) == stored


def test_stored_action_with_unknown_and_missing_keys_is_read():
    assert values.from_json("SubgraphTask", {"name": "s", "added_later": 1}) == Subgraph("s")
