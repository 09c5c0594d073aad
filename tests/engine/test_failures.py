"""Failures and retries of operations, their messages, and the tasks that still run after them."""

import re
import time

import pytest

from cfy_cli.manager.engine.orphans import identify
from cfy_cli.manager.engine.ports import ProcessIdentity
from tests.engine.deployment import node, operation, relationship

FAILING = "#!/bin/bash\necho to stdout\necho to stderr >&2\nexit 5\n"


def result_events(deployment):
    return [
        (event.event_type, event.message)
        for event in deployment.records.events
        if event.operation and event.event_type not in (None, "sending_task", "task_started", "plugin_event")
    ]


def python_deployment(deployment, text, **more):
    return deployment(node("a", {"create": operation("a.py", **more)})).script("a.py", text)


def test_failure_of_script_has_exit_code_and_output(deployment):
    failing = deployment(node("a", {"create": operation("f.sh")})).script("f.sh", FAILING)
    result = failing.run("install")
    text = f"command: {failing.resources}/f.sh, exit_code: 5, stdout: to stdout\n, stderr: to stderr\n"
    assert result_events(failing) == [("task_failed", f"Task failed 'script_runner.tasks.run' -> {text}")]
    where = "script_runner.tasks.run (a_1:cloudify.interfaces.lifecycle.create)"
    assert result.error == f"Task failed: {where}: ProcessException `{text}`"
    assert failing.messages[-2:] == [
        "Subgraph failed 'install_a_1'",
        f"'install' workflow execution failed: {result.error}",
    ]
    assert failing.state("a_1") == "creating"


def test_failure_event_has_cause_with_traceback(deployment):
    failing = python_deployment(deployment, "raise ValueError('plain trouble')")
    failing.run("install")
    (event,) = [event for event in failing.records.events if event.error_causes]
    (cause,) = event.error_causes
    assert (cause["type"], cause["message"]) == ("ValueError", "plain trouble")
    assert cause["traceback"].endswith("ValueError: plain trouble\n")
    assert "run_script.py" not in cause["traceback"]


def test_failure_traceback_includes_chained_exception(deployment):
    text = """
def load():
    return {}["port"]
try:
    load()
except KeyError as missing:
    raise RuntimeError("no port was given") from missing
"""
    failing = python_deployment(deployment, text, max_retries=0)
    assert failing.run("install").state == "failed"
    (event,) = [event for event in failing.records.events if event.error_causes]
    first, _, second = event.error_causes[0]["traceback"].partition(
        "\nThe above exception was the direct cause of the following exception:\n\n"
    )
    assert first.splitlines()[0].endswith('a.py", line 5, in <module>')
    assert first.endswith("KeyError: 'port'\n")
    assert second.splitlines()[1].endswith('a.py", line 7, in <module>')
    assert second.endswith("RuntimeError: no port was given\n")
    assert (first + second).count('File "') == 3


def test_failed_operation_is_retried_up_to_max_retries(deployment):
    failing = python_deployment(deployment, "raise ValueError('no')", max_retries=2)
    assert failing.run("install").state == "failed"
    text = "Task failed 'script_runner.tasks.run' -> no"
    assert result_events(failing) == [
        ("task_failed", text),
        ("task_failed", f"{text} [retry 1/2]"),
        ("task_failed", f"{text} [retry 2/2]"),
    ]


@pytest.mark.parametrize(
    ("source", "max_retries", "expected"),
    [
        (
            "exit 1",
            2,
            [
                ("warning", "Attempt 1 of 3 failed. The next one starts in 1 s, at TIME; 1 more can follow it."),
                ("warning", "Attempt 2 of 3 failed. The next one starts in 1 s, at TIME; it is the last one."),
            ],
        ),
        (
            "ctx operation retry 'not yet' 1",
            1,
            [
                (
                    "info",
                    "Attempt 1 of 2 asks for another. The next one starts in 1 s, at TIME; it is the last one.",
                )
            ],
        ),
        ("ctx abort-operation no", 2, []),
        (
            '[ "$(ctx operation retry-number)" = 1 ] || exit 1',
            -1,
            [("warning", "Attempt 1 failed. The next one starts in 1 s, at TIME, without a limit.")],
        ),
    ],
)
def test_retry_is_announced_with_its_time(deployment, source, max_retries, expected):
    deployed = deployment(node("web", {"create": operation(source=source, max_retries=max_retries, retry_interval=1)}))
    deployed.run("install")
    announced = [
        (event.level, re.sub(r"[\d:]{8} UTC", "TIME", event.message))
        for event in deployed.records.events
        if event.message.startswith("Attempt ") and event.node_instance_id == "web_1"
    ]
    assert announced == expected


def test_lines_of_script_follow_the_event_about_its_process(deployment, monkeypatch):
    def identify_slowly(pid: int) -> ProcessIdentity:
        time.sleep(0.3)
        return identify(pid)

    monkeypatch.setattr("cfy_cli.manager.engine.executor.identify", identify_slowly)
    deployed = deployment(node("web", {"create": operation(source="ctx logger info first")}))
    deployed.run("install")
    messages = [event.message.partition(",")[0] for event in deployed.records.events if event.type == "cloudify_log"]
    assert messages[:2] == ["Process created", "first"]


def test_successful_retry_ends_operation_well(deployment):
    once = "from cloudify import ctx\nif ctx.operation.retry_number == 0: raise ValueError('only once')"
    mended = python_deployment(deployment, once, max_retries=2)
    assert mended.run("install").state == "terminated"
    assert result_events(mended)[-1] == ("task_succeeded", "Task succeeded 'script_runner.tasks.run' [retry 1/2]")


def test_retries_count_in_progress(deployment):
    failing = deployment(node("a", {"create": operation(source="exit 1", max_retries=1)}))
    failing.run("install")
    assert failing.records.progress[-1] == (15, 8)


def test_non_recoverable_error_is_not_retried(deployment):
    text = "from cloudify.exceptions import NonRecoverableError\nraise NonRecoverableError('cannot')"
    failing = python_deployment(deployment, text, max_retries=5)
    assert "NonRecoverableError `cannot`" in failing.run("install").error
    assert len(result_events(failing)) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ctx.operation.retry('not yet', retry_after=0.01)", "not yet [retry_after=0.01]"),
        ("raise OperationRetry('not yet')", "not yet"),
        ("ctx.retry_operation('not yet')", "not yet"),
        ("ctx.retry_operation()", "The script asked to be run again"),
        ("raise OperationRetry()", "OperationRetry"),
    ],
)
def test_python_script_requests_retry(deployment, text, message):
    again = python_deployment(
        deployment, "from cloudify import ctx\nfrom cloudify.exceptions import OperationRetry\n" + text, max_retries=1
    )
    result = again.run("install")
    rescheduled = f"Task rescheduled 'script_runner.tasks.run' -> {message}"
    assert result_events(again) == [
        ("task_rescheduled", rescheduled),
        ("task_rescheduled", f"{rescheduled} [retry 1/1]"),
    ]
    assert f"OperationRetry `{message}`" in result.error


@pytest.mark.parametrize(
    ("command", "type_", "message"),
    [
        ("ctx operation retry 'in bash'", "task_rescheduled", "in bash"),
        ("ctx retry-operation 'in bash'", "task_rescheduled", "in bash"),
        ("ctx abort-operation 'in bash'; echo rc=$?", "task_failed", "in bash"),
        ("ctx operation retry", "task_rescheduled", "The script asked to be run again"),
        ("ctx abort-operation", "task_failed", "The script aborted the operation"),
    ],
)
def test_shell_script_requests_retry_or_aborts(deployment, command, type_, message):
    again = deployment(node("a", {"create": operation(source=f"#!/bin/bash\n{command}\n")}))
    again.run("install")
    ((kind, text),) = result_events(again)
    assert (kind, text.partition(" -> ")[2]) == (type_, message)


def test_error_without_message_shows_its_type(deployment):
    failing = python_deployment(deployment, "assert 1 > 2")
    failing.run("install")
    assert result_events(failing) == [("task_failed", "Task failed 'script_runner.tasks.run' -> AssertionError")]


def test_abort_fails_operation_despite_exit_code_zero(deployment):
    script = '#!/bin/bash\nctx abort-operation enough\necho "rc=$?"\nexit 0\n'
    aborted = deployment(node("a", {"create": operation(source=script, max_retries=3)}))
    assert "NonRecoverableError `enough`" in aborted.run("install").error
    assert sorted(aborted.logs) == ["<err> enough", "<out> rc=1"]


def test_script_that_returns_twice_fails(deployment):
    twice = deployment(node("a", {"create": operation(source="#!/bin/bash\nctx returns 1\nctx returns 2\nexit 0")}))
    assert "may return, abort or ask for a retry only once" in twice.run("install").error


def test_python_exit_code_decides_result(deployment):
    assert python_deployment(deployment, "import sys; sys.exit(0)").run("install").state == "terminated"
    assert "ended with exit code 7`" in python_deployment(deployment, "import sys; sys.exit(7)").run("install").error


def test_python_process_that_exits_early_fails(deployment):
    result = python_deployment(deployment, "import os; print('so far', flush=True); os._exit(3)").run("install")
    assert "The Python process ended with exit code 3, stdout: so far" in result.error


def test_script_killed_by_signal_has_shell_exit_code(deployment):
    killed = deployment(node("a", {"create": operation(source="#!/bin/bash\nkill -9 $$")}))
    assert "exit_code: 137" in killed.run("install").error


def test_failure_stops_dependents_only(deployment):
    mixed = deployment(
        node("bad", {"create": operation(source="exit 1")}),
        node("after", {"create": operation(source="exit 0")}, to=(relationship("bad"),)),
        node("other", {"create": operation(source="sleep 0.1"), "start": operation(source="exit 0")}),
    )
    assert mixed.run("install").state == "failed"
    assert [mixed.state(name) for name in ("bad_1", "after_1", "other_1")] == ["creating", "uninitialized", "started"]


def test_execution_error_lists_all_failures(deployment):
    two = deployment(
        node("a", {"create": operation(source="exit 1")}), node("b", {"create": operation(source="exit 2")})
    )
    error = two.run("install").error
    assert error.startswith("2 operation errors:\n")
    assert "exit_code: 1" in error
    assert "exit_code: 2" in error


def test_nothing_starts_after_wait_after_fail(deployment):
    mixed = deployment(
        node("bad", {"create": operation(source="exit 1")}),
        node("slow", {"create": operation(source="sleep 0.3"), "start": operation(source="exit 0")}),
    )
    assert mixed.run("install", wait_after_fail=0).state == "failed"
    assert mixed.state("slow_1") == "creating"
    assert "Subgraph failed 'install_bad_1'" in mixed.messages


def test_running_operation_is_not_awaited_after_wait_after_fail(deployment, tmp_path):
    mixed = deployment(
        node("bad", {"create": operation(source="exit 1")}),
        node("slow", {"create": operation(source=f"until [ -e {tmp_path}/go ]; do sleep 0.05; done")}),
    )
    try:
        assert mixed.run("install", wait_after_fail=0.1).state == "failed"
    finally:
        (tmp_path / "go").touch()
    assert mixed.state("slow_1") == "creating"


def test_uninstall_with_ignore_failure_succeeds(deployment):
    sloppy = deployment(
        node("a", {"stop": operation(source="exit 1", max_retries=9), "delete": operation(source="true; true")})
    )
    sloppy.run("install")
    assert sloppy.run("uninstall").state == "failed"
    assert sloppy.state("a_1") == "stopping"
    assert sloppy.run("uninstall", ignore_failure=True).state == "terminated"
    assert "Ignoring task script_runner.tasks.run failure" in sloppy.events_of("a_1")
    assert sloppy.events_of("a_1")[-1] == "Deleted node instance"


def test_relationship_failure_fails_source_instance(deployment):
    bad = deployment(
        node("db"),
        node(
            "app",
            {"start": operation(source="exit 0")},
            to=(relationship("db", source={"preconfigure": operation(source="exit 1")}),),
        ),
    )
    error = bad.run("install").error
    assert "(app_1->db_1:cloudify.interfaces.relationship_lifecycle.preconfigure)" in error
    assert bad.messages[-3:-1] == [
        "Subgraph failed 'cloudify.interfaces.relationship_lifecycle.preconfigure_subgraph'",
        "Subgraph failed 'install_app_1'",
    ]


def test_missing_script_fails_with_its_name(deployment):
    result = deployment(node("a", {"create": operation("none.sh", max_retries=9)})).run("install")
    assert "The script none.sh does not exist in the folder of the blueprint bp." in result.error


def test_script_outside_blueprint_folder_is_refused(deployment, tmp_path):
    (tmp_path / "evil.sh").write_text("exit 0")
    assert "does not exist" in deployment(node("a", {"create": operation("../evil.sh")})).run("install").error


def test_missing_interpreter_fails_with_its_name(deployment):
    result = deployment(node("a", {"create": operation(source="#!/no/such/program\n")})).run("install")
    assert "The program /no/such/program that should run" in result.error


def test_plugin_operation_without_manager_is_refused(deployment):
    other = deployment(node("a", {"create": operation(plugin="aws", function="aws.make")}))
    assert "needs the plugin aws (aws.make), and only a manager has plugins" in other.run("install").error


@pytest.mark.parametrize("recoverable", [False, True])
def test_operation_is_killed_after_timeout(deployment, recoverable):
    slow = deployment(
        node("a", {"create": operation(source="sleep 60", timeout=0.2, timeout_recoverable=recoverable, max_retries=1)})
    )
    started_at = time.monotonic()
    assert "timeout of 0.2 seconds" in slow.run("install").error
    assert time.monotonic() - started_at < 10
    assert len(result_events(slow)) == (2 if recoverable else 1)


def test_script_is_killed_when_its_events_cannot_be_stored(deployment, tmp_path):
    def on_emit(event):
        if event.message == "<out> running":
            raise OSError("the disk is full")

    lost = deployment(
        node("a", {"create": operation(source=f"#!/bin/bash\necho running; sleep 1; touch {tmp_path}/done")})
    )
    lost.records.on_emit = on_emit
    assert "OSError `the disk is full`" in lost.run("install").error
    time.sleep(1.2)
    assert not (tmp_path / "done").exists()


def test_internal_error_fails_execution(deployment):
    broken = deployment(node("a", {"create": operation(source="exit 0")}))
    broken.records.update_instance = lambda *_args, **_more: 1 / 0
    assert broken.run("install").error == "ZeroDivisionError: division by zero"
