"""Following of executions: events, exit codes, timeouts and interrupts."""

import json
from typing import Any

import pytest
import requests
import responses
import yaml

from cfy_cli.contract.exit_codes import EXIT_CODES, error_for_state
from cfy_cli.contract.states import ExecutionState
from cfy_cli.shell import follow_execution, polling

from .conftest import Run, page

API = "http://manager/api/v3.1"
START = "executions start install -d dep"


def execution(status: str, **more: Any) -> dict[str, Any]:
    return {"id": "e1", "status": status, "workflow_id": "install", "deployment_id": "dep", "error": None, **more}


def event(number: int, message: str = "", **more: Any) -> dict[str, Any]:
    return {
        "_storage_id": number, "type": "cloudify_event", "event_type": "task_started", "deployment_id": "dep",
        "reported_timestamp": f"2026-11-23T12:59:0{number}.123Z", "message": message or f"event {number}",
        "execution_id": "e1", **more,
    }  # fmt: skip


END = event(9, "'install' workflow execution succeeded", event_type="workflow_succeeded")


@pytest.fixture(autouse=True)
def short_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "MIN_POLL_INTERVAL", 0.0)
    monkeypatch.setattr(polling, "MAX_POLL_INTERVAL", 0.01)
    monkeypatch.setattr(follow_execution, "LAST_EVENTS_TIMEOUT", 0.1)


def states(wire: responses.RequestsMock, *names: str, **more: Any) -> None:
    wire.post(f"{API}/executions", json=execution("pending"))
    for name in names:
        wire.get(f"{API}/executions/e1", json=execution(name, **more))


def test_follow_prints_each_event_once(run: Run, wire: responses.RequestsMock) -> None:
    states(wire, "started", "started", "terminated")
    wire.get(f"{API}/events", json=page(event(1)))
    wire.get(f"{API}/events", json=page(event(1), event(2, type="cloudify_log", level="info", operation="x.y.create",
                                                           node_instance_id="web_1")))  # fmt: skip
    wire.get(f"{API}/events", json=page(event(1), event(2, type="cloudify_log"), END))
    outcome = run(START)
    assert outcome.out == (
        "2026-11-23 12:59:01.123  CFY <dep> event 1\n"
        "2026-11-23 12:59:02.123  LOG <dep> [web_1.create] INFO: event 2\n"
        "2026-11-23 12:59:09.123  CFY <dep> 'install' workflow execution succeeded\n"
        "Finished executing workflow `install` on deployment `dep`\n"
    )
    assert "cfy events list e1" in outcome.err


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [("terminated", 0, ""), ("failed", 5, "failed: it broke"), ("cancelled", 6, "was cancelled")],
)
def test_follow_exits_with_code_of_the_state(
    run: Run, wire: responses.RequestsMock, status: str, code: int, words: str
) -> None:
    states(wire, status, error="it broke" if status == "failed" else None)
    wire.get(f"{API}/events", json=page(END))
    assert words in run(START, code=code).err


def test_retries_are_explained_once_while_they_go_on(run: Run, wire: responses.RequestsMock) -> None:
    states(wire, "started", "started", "started", "failed")
    failures = [event(number, event_type="task_failed") for number in (1, 2)]
    wire.get(f"{API}/events", json=page(failures[0]))
    wire.get(f"{API}/events", json=page(*failures))
    wire.get(f"{API}/events", json=page(*failures, END))
    assert run(START, code=5).err.count("to stop the execution: cfy executions cancel e1\n") == 1


def test_failure_that_ends_the_execution_is_no_retry(run: Run, wire: responses.RequestsMock) -> None:
    states(wire, "started", "failed")
    wire.get(f"{API}/events", json=page())
    wire.get(f"{API}/events", json=page(event(1, event_type="task_failed"), END))
    assert "tried again" not in run(START, code=5).err


@pytest.mark.parametrize("status", list(ExecutionState))
def test_every_state_has_an_exit_code(status: ExecutionState) -> None:
    expected = {"terminated": 0, "failed": 5, "cancelled": 6}.get(status, 7)
    error = error_for_state(status)
    assert (error.exit_code if error else 0) == expected
    assert expected in dict(EXIT_CODES)


@pytest.mark.parametrize("flags", ["--format yaml", "--json --query @"])
def test_follow_with_data_prints_events_to_stderr(run: Run, wire: responses.RequestsMock, flags: str) -> None:
    states(wire, "terminated")
    wire.get(f"{API}/events", json=page(event(1), END))
    outcome = run(f"{START} {flags}")
    assert yaml.safe_load(outcome.out)["status"] == "terminated"
    assert "CFY <dep> event 1" in outcome.err


@pytest.mark.parametrize("flags", ["--json-output", "--json", "--format jsonl"])
def test_follow_with_json_prints_events_as_json_lines(run: Run, wire: responses.RequestsMock, flags: str) -> None:
    states(wire, "terminated")
    wire.get(f"{API}/events", json=page(event(1), END))
    first, last = (json.loads(line) for line in run(f"{START} {flags}").out.splitlines())
    assert first["message"] == {"arguments": None, "text": "event 1"}
    assert (first["context"]["execution_id"], last["event_type"]) == ("e1", END["event_type"])


def test_no_logs_requests_only_events(run: Run, wire: responses.RequestsMock) -> None:
    states(wire, "terminated")
    wire.get(f"{API}/events", json=page(END))
    run(f"{START} --no-logs")
    query = wire.calls[-1].request.params  # type: ignore[attr-defined]
    assert query["type"] == "cloudify_event"


def test_debug_messages_require_double_verbose(run: Run, wire: responses.RequestsMock) -> None:
    states(wire, "terminated")
    wire.get(f"{API}/events", json=page(event(1, "detail", type="cloudify_log", level="debug"), END))
    assert "detail" not in run(START).out
    assert "DEBUG: detail" in run(f"{START} -vv").out


def test_late_events_are_awaited_with_a_timeout(run: Run, wire: responses.RequestsMock) -> None:
    states(wire, "terminated")
    wire.get(f"{API}/events", json=page(event(1)))
    assert "event 1" in run(START).out


@pytest.mark.parametrize(
    ("kind", "offered"),
    [
        ({}, True),
        ({"error": "Task failed: script_runner.tasks.run"}, True),
        ({"error": "2 operation errors:\nscript_runner.tasks.run"}, True),
        ({"error": "There is no node web"}, False),
        ({"error": "Task failed: a", "workflow_id": "scale", "parameters": {"delta": 1}}, False),
        ({"error": "Task failed: a", "workflow_id": "scale", "parameters": {"delta": -1}}, True),
        ({"error": "Task failed: a", "workflow_id": "scale", "parameters": {"rollback_if_failed": False}}, True),
        ({"is_system_workflow": True}, False),
        ({"is_dry_run": True}, False),
    ],
)
def test_failed_execution_hints_at_resume_if_resumable(
    run: Run, wire: responses.RequestsMock, kind: dict[str, Any], offered: bool
) -> None:
    states(wire, "failed", **kind)
    wire.get(f"{API}/events", json=page(END))
    assert ("cfy executions resume e1" in run(START, code=5).err) is offered


def test_follow_of_resumed_execution_reads_second_end(run: Run, wire: responses.RequestsMock) -> None:
    states(wire, "terminated")
    failed = event(1, "it failed", event_type="workflow_failed")
    resumed = event(2, "it resumes", event_type="workflow_started")
    for _ in range(3):
        wire.get(f"{API}/events", json=page(failed, resumed))
    wire.get(f"{API}/events", json=page(failed, resumed, END))
    assert "execution succeeded" in run(START).out


def test_timeout_leaves_execution_running_with_hints(run: Run, wire: responses.RequestsMock) -> None:
    states(wire, "started")
    wire.get(f"{API}/events", json=page(event(1)))
    outcome = run(f"{START} --timeout 0", code=7)
    assert "execution e1 is started" in outcome.err
    assert "cfy events list --tail e1" in outcome.err
    assert "cfy executions cancel e1" in outcome.err


def test_interrupt_without_terminal_leaves_it_running(
    run: Run, wire: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    states(wire, "started")
    wire.get(f"{API}/events", json=page(event(1)))
    monkeypatch.setattr("cfy_cli.shell.polling.time.sleep", interrupt)
    assert "Execution e1 continues in the background" in run(START, code=130).err


def test_interrupted_group_says_how_to_go_on(
    run: Run, wire: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    group = {"id": "g1", "workflow_id": "install", "deployment_group_id": "dg", "status": "started", "concurrency": 5}
    wire.post(f"{API}/execution-groups", json=group)
    wire.get(f"{API}/execution-groups/g1", json=group)
    wire.get(f"{API}/events", json=page(event(1) | {"execution_group_id": "g1"}))
    monkeypatch.setattr("cfy_cli.shell.polling.time.sleep", interrupt)
    outcome = run("executions groups start install -g dg", code=130)
    assert "Execution group g1 continues in the background" in outcome.err
    for command in ("events list --tail -g g1", "executions wait --groups g1", "executions groups cancel g1"):
        assert f"cfy {command}" in outcome.err


@pytest.mark.parametrize(
    ("answer", "code", "cancelled"), [("leave\n", 130, False), ("cancel\n", 6, True), ("", 130, False)]
)
def test_interrupt_on_terminal_prompts_for_a_choice(
    run: Run, wire: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch, answer: str, code: int, cancelled: bool
) -> None:
    interrupts = iter([KeyboardInterrupt])

    def interrupt_once(_seconds: float) -> None:
        for kind in interrupts:
            raise kind

    states(wire, "started", "cancelled")
    cancel = wire.post(f"{API}/executions/e1", json=execution("cancelling"))
    wire.get(f"{API}/events", json=page())
    monkeypatch.setattr("cfy_cli.shell.polling.time.sleep", interrupt_once)
    monkeypatch.setattr("cfy_cli.shell.app.App.interactive", True)
    run(START, code=code, stdin=answer)
    assert cancel.call_count == cancelled


def test_follow_survives_unreachable_manager(run: Run, wire: responses.RequestsMock) -> None:
    states(wire)
    for _ in range(4):  # as often as one request is tried
        wire.get(f"{API}/executions/e1", body=requests.ConnectionError("gone"))
    wire.get(f"{API}/executions/e1", json=execution("terminated"))
    wire.get(f"{API}/events", json=page(END))
    assert "retrying" in run(START).err


def test_start_waits_for_deployment_in_creation(run: Run, wire: responses.RequestsMock) -> None:
    error = {"message": "wait", "error_code": "deployment_environment_creation_in_progress_error"}
    wire.post(f"{API}/executions", status=400, json=error)
    wire.get(f"{API}/executions", json=page(execution("started") | {"id": "e0"}))
    wire.get(f"{API}/executions/e0", json=execution("terminated") | {"id": "e0"})
    states(wire, "terminated")
    wire.get(f"{API}/events", json=page(END))
    assert "Finished executing" in run(START).out


def test_scheduled_execution_is_not_followed(run: Run, wire: responses.RequestsMock) -> None:
    when = {"scheduled_for": "2027-01-01T12:01:00.000Z"}
    post = wire.post(f"{API}/executions", json=execution("scheduled") | when)
    assert "is scheduled for 2027-01-01 12:01:00.000\n" in run(f"{START} --schedule 2027-01-01T12:00:01").out
    assert json.loads(post.calls[0].request.body or "")["scheduled_time"] == "202701011201+0000"


@pytest.mark.parametrize(
    ("status", "note"),
    [
        ("queued", "The execution is queued: it starts when the executions before it have ended."),
        ("scheduled", "The execution is scheduled for 2030-01-02 03:04:00.000 (UTC)."),
    ],
)
def test_follow_notes_queued_or_scheduled_execution(
    run: Run, wire: responses.RequestsMock, status: str, note: str
) -> None:
    wire.get(f"{API}/executions/e1", json=execution(status, scheduled_for="2030-01-02T03:04:00.000Z"))
    wire.get(f"{API}/executions/e1", json=execution("terminated"))
    wire.get(f"{API}/events", json=page(END))
    assert note in run("events list e1 --tail").err


def test_follow_of_execution_group(run: Run, wire: responses.RequestsMock) -> None:
    group = {"id": "g1", "workflow_id": "install", "deployment_group_id": "dg", "status": "failed"}
    wire.get(f"{API}/execution-groups/g1", json=group)
    events = wire.get(f"{API}/events", json=page(END | {"execution_group_id": "g1"}))
    assert "on deployment group `dg` failed" in run("events list -g g1 --tail", code=5).err
    assert events.calls[0].request.params["execution_group_id"] == "g1"  # type: ignore[attr-defined]


def test_failed_task_prints_tracebacks(run: Run, wire: responses.RequestsMock) -> None:
    failed = event(1, "Task failed", event_type="task_failed", error_causes=[{"traceback": "line 1\nline 2"}])
    wire.get(f"{API}/executions/e1", json=execution("failed"))
    wire.get(f"{API}/events", json=page(failed))
    assert run("events list e1").out.endswith("CFY <dep> Task failed\nline 1\nline 2\n")


@pytest.mark.parametrize(
    ("flags", "action"), [("cancel", "cancel"), ("cancel -f", "force-cancel"), ("cancel -k", "kill"),
                          ("resume", "resume"), ("resume --reset-operations", "force-resume")],
)  # fmt: skip
def test_cancel_and_resume_send_actions(run: Run, wire: responses.RequestsMock, flags: str, action: str) -> None:
    post = wire.post(f"{API}/executions/e1", json=execution("started"))
    verb, *more = flags.split()
    run(" ".join(["executions", verb, "e1", *more]))
    assert json.loads(post.calls[0].request.body or "") == {"action": action}
