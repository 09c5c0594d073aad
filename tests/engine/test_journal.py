"""Executions that die and go on, that fail and are resumed."""

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
from tests.engine.test_steering import alive, gone, steer_when


@pytest.fixture
def told(tmp_path):
    """Scripts append to it; what they have appended, counted."""
    path = tmp_path / "told"

    def count():
        return Counter(path.read_text().split() if path.exists() else [])

    count.path = path
    return count


def telling(told, *, count=3):
    """Two nodes of which one leans on the other, with a retry and a failure that is ignored."""
    once = f"echo $CTX >> {told.path}; [ -e {told.path}.failed ] || {{ touch {told.path}.failed; exit 1; }}"
    return (
        node(
            "base",
            {
                "create": operation(source=f"echo create-$(ctx instance id) >> {told.path}"),
                "start": operation(source=once.replace("$CTX", "start-$(ctx instance id)"), max_retries=1),
            },
        ),
        node(
            "top",
            {"create": operation(source=f"echo create-$(ctx instance id) >> {told.path}")},
            to=(relationship("base"),),
            count=count,
        ),
    )


def go(deployment, journal, start_mode=StartMode.NEW, workflow="install", **more):
    deployment.records.wanted = CancelRequest.NONE
    return run_workflow(deployment.job(workflow, start_mode=start_mode, **more), deployment.records, journal)


def die(deployment, journal, at, *, after):
    journal.crash_at, journal.crash_after = journal.stores + at, after
    try:
        return go(deployment, journal)
    except Crash:
        return None
    finally:
        journal.crash_at = float("inf")
        journal.rewind()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 12))
def test_whenever_it_dies_it_goes_on_and_repeats_nothing_that_had_succeeded(deployment, told, at, after):
    three = deployment(*telling(told))
    journal = MemoryJournal(three.records)
    ending = die(three, journal, at, after=after)
    done, before = scripts_done(journal), told()
    if ending is None:
        ending = go(three, journal, StartMode.RECOVERED)
    assert ending.state == "terminated", ending.error
    assert {three.state(name) for name in ("base_1", "top_1", "top_2", "top_3")} == {"started"}
    assert set(journal.states("install").values()) == {TaskState.SUCCEEDED}
    for name, times in told().items():
        assert times <= 2 + (name == "start-base_1"), f"{name} ran {times} times"
        assert times == before[name] or name not in done, f"{name} was done and ran again"
    assert len(told()) == 5


def scripts_done(journal):
    """What the journal says has succeeded, as the scripts call themselves."""
    return {
        f"{task.action.name.rpartition('.')[2]}-{task.action.instance_id}"
        for kept in journal.graphs
        for task in kept.graph.tasks.values()
        if isinstance(task.action, Operation) and journal.states("install")[task.id] is TaskState.SUCCEEDED
    }


def test_an_execution_that_has_done_all_but_say_so_does_nothing_more(deployment, told):
    two = deployment(*telling(told))
    journal = MemoryJournal(two.records)
    assert go(two, journal).state == "terminated"
    before = told()
    two.records.events.clear()
    assert go(two, journal, StartMode.RECOVERED).state == "terminated"
    assert told() == before
    assert two.messages == ["Resuming 'install' workflow execution", "'install' workflow execution succeeded"]


def test_progress_counts_what_was_done_before(deployment, told):
    two = deployment(*telling(told))
    journal = MemoryJournal(two.records)
    go(two, journal)
    all_of_it = two.records.told[-1]
    two.records.told.clear()
    go(two, journal, StartMode.RECOVERED)
    assert two.records.told[-1] == all_of_it
    assert all_of_it[0] == all_of_it[1]


def test_a_failure_before_the_death_is_not_forgotten(deployment, told):
    failing = node("bad", {"create": operation(source=f"echo bad >> {told.path}; exit 3")})
    slow = node(
        "slow", {"create": operation(source="sleep 0.3"), "start": operation(source=f"echo slow >> {told.path}")}
    )
    both = deployment(failing, slow)
    journal = MemoryJournal(both.records)
    died = False
    for at in range(2, 6):
        died = died or die(both, journal, at, after=True) is None
        if TaskState.FAILED in journal.states("install").values():
            break
    ending = go(both, journal, StartMode.RECOVERED)
    assert died
    assert (ending.state, told()["bad"]) == ("failed", 1)
    assert "exit_code: 3" in ending.error


def test_attempts_go_on_counting_after_a_death(deployment, told):
    text = f"echo try >> {told.path}; exit 1"
    failing = deployment(node("a", {"create": operation(source=text, max_retries=2, retry_interval=0.05)}))
    journal = MemoryJournal(failing.records)
    die(failing, journal, 4, after=True)
    ending = go(failing, journal, StartMode.RECOVERED)
    assert ending.state == "failed"
    assert told()["try"] in (3, 4)
    assert any("[retry 2/2]" in message for message in failing.messages)


def test_what_is_left_of_a_dead_workers_scripts_is_ended_before_they_run_again(deployment, told, tmp_path):
    text = f"echo $$ >> {told.path}; [ -e {tmp_path}/well ] && exit; trap '' TERM; sleep 300"
    one = deployment(node("a", {"create": operation(source=text)}))
    journal = MemoryJournal(one.records)
    steer_when(one, "Task started 'script_runner.tasks.run'", CancelRequest.FORCE_CANCEL)
    one.records.wanted = CancelRequest.NONE
    run_workflow(one.job("install"), one.records, journal)
    deadline = time.monotonic() + 10
    while not told() and time.monotonic() < deadline:
        time.sleep(0.02)
    [pid] = told()
    assert alive(int(pid))
    journal.rewind()
    (tmp_path / "well").touch()
    assert go(one, journal, StartMode.RECOVERED).state == "terminated"
    assert gone([int(pid)])
    assert sum(told().values()) == 2


def test_a_process_that_only_has_the_number_of_an_old_one_is_left_alone():
    ours = os.getpid()
    for start_time in ("1234.56", "1a2b3c4d/123456", "Mon Jan  5 10:00:00 2026"):  # the last ones of earlier versions
        other = ProcessIdentity(ours, start_time)
        orphans.kill([other], ["no-such-operation"])
        assert not orphans.is_alive(other)
    assert orphans.is_alive(orphans.identify(ours))


def test_resuming_a_failed_install_first_deletes_what_was_half_created(deployment, told, tmp_path):
    create = f"echo create >> {told.path}; [ -e {tmp_path}/well ] || exit 4"
    failing = deployment(
        node("a", {"create": operation(source=create), "delete": operation(source=f"echo delete >> {told.path}")}),
        node("b", {"create": operation(source=f"echo b >> {told.path}")}, to=(relationship("a"),)),
    )
    journal = MemoryJournal(failing.records)
    assert go(failing, journal).state == "failed"
    failing.records.events.clear()
    assert go(failing, journal, StartMode.RESUMED).state == "failed"
    (tmp_path / "well").touch()
    failing.records.events.clear()
    assert go(failing, journal, StartMode.RESUMED).state == "terminated"
    assert told() == {"create": 3, "delete": 2, "b": 1}
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


def test_a_cleanup_that_fails_stops_nobody(deployment, told, tmp_path):
    create = f"echo create >> {told.path}; [ -e {tmp_path}/well ] || exit 4"
    failing = deployment(node("a", {"create": operation(source=create), "delete": operation(source="exit 1")}))
    journal = MemoryJournal(failing.records)
    assert go(failing, journal).state == "failed"
    (tmp_path / "well").touch()
    assert go(failing, journal, StartMode.RESUMED).state == "terminated"
    assert told() == {"create": 2}


def test_what_runs_on_after_a_forced_cancel_is_waited_for_and_not_run_again(deployment, told):
    slow = deployment(
        node("a", {"create": operation(source=f"ctx logger info begun; sleep 0.8; echo create >> {told.path}")})
    )
    journal = MemoryJournal(slow.records)
    steer_when(slow, "begun", CancelRequest.FORCE_CANCEL)
    assert run_workflow(slow.job("install"), slow.records, journal).state == "cancelled"
    assert told() == {}
    slow.records.on_emit = lambda event: None
    assert go(slow, journal, StartMode.RESUMED).state == "terminated"
    assert told() == {"create": 1}
    assert slow.state("a_1") == "started"


def test_several_graphs_go_on_with_the_one_that_was_running(deployment, told, tmp_path):
    says = {verb: operation(source=f"echo {verb} >> {told.path}") for verb in ("start", "stop")}
    one = deployment(node("a", says))
    go(one, MemoryJournal(one.records))
    told.path.unlink()
    journal = MemoryJournal(one.records)
    journal.crash_at = 5
    with pytest.raises(Crash):
        go(one, journal, workflow="restart")
    journal.crash_at = float("inf")
    journal.rewind()
    assert go(one, journal, StartMode.RECOVERED, workflow="restart").state == "terminated"
    assert told()["stop"] == 1
    assert told()["start"] in (1, 2)


STORED = {  # task_kwargs in the rows of earlier versions
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
    stored, action = STORED[kind]
    assert values.from_json(kind, stored) == action
    assert values.to_json(action) == stored


def test_stored_action_with_unknown_and_missing_keys_is_read():
    assert values.from_json("SubgraphTask", {"name": "s", "added_later": 1}) == Subgraph("s")
