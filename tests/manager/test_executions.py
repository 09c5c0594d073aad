"""Executions over HTTP: start, wait, cancel, resume, recover."""

import itertools
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.event import listen

from cfy_cli.contract.states import ExecutionState
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import Busy
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.runtime import db_retry
from cfy_cli.manager.services.worker import recovery
from cfy_cli.manager.store.models import Execution
from tests.conftest import Ask, Cfy
from tests.manager.conftest import SLEEPER, Upload, wait_for_end, wait_until


@pytest.fixture
def hello(ask: Ask, upload: Upload) -> str:
    upload("app")
    ask("PUT", "/deployments/d", json={"blueprint_id": "app"})
    return "d"


@pytest.fixture
def sleeper(ask: Ask, upload: Upload, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a deployment whose install sleeps for half a minute."""
    monkeypatch.setenv("MARK", str(tmp_path / "asleep"))
    upload("sleeper", SLEEPER)
    ask("PUT", "/deployments/s", json={"blueprint_id": "sleeper"})
    return "s"


def start(ask: Ask, deployment: str, workflow: str = "install", **body: object):  # type: ignore[no-untyped-def]
    return ask("POST", "/executions", json={"deployment_id": deployment, "workflow_id": workflow, **body})


def wait_until_asleep(tmp_path: Path) -> None:
    wait_until((tmp_path / "asleep").exists, bool)


def test_install_stores_what_scripts_did(ask: Ask, hello: str, run):
    execution = run(hello, "install")
    assert (execution["status"], execution["status_display"], execution["error"]) == ("terminated", "completed", "")
    assert execution["finished_operations"] == execution["total_operations"] > 0
    assert ask("GET", "/deployments/d/outputs").json()["outputs"] == {"said": "hello, world"}
    [instance] = ask("GET", "/node-instances?deployment_id=d").json()["items"]
    assert (instance["state"], instance["runtime_properties"]) == ("started", {"said": "hello, world"})
    deployment = ask("GET", "/deployments/d").json()
    assert (deployment["installation_status"], deployment["latest_execution_status"]) == ("active", "completed")


def test_start_rejects_invalid_requests(ask: Ask, hello: str):
    for body, status, code, text in (
        ({"workflow_id": "nonsense"}, 400, "nonexistent_workflow_error", "nonsense"),
        ({"deployment_id": "nothing"}, 404, "not_found_error", "nothing"),
        ({"workflow_id": "uninstall"}, 400, "unavailable_workflow_error", "uninstall"),
        ({"parameters": {"zzz": 1}}, 400, "illegal_execution_parameters_error", "zzz"),
        ({"workflow_id": "execute_operation"}, 400, "illegal_execution_parameters_error", "operation"),
        ({"parameters": {"node_ids": "{web: 1}"}}, 400, "illegal_execution_parameters_error", "node_ids"),
        ({"scheduled_time": "202001010000+0000"}, 400, "bad_parameters_error", "passed"),
        ({"scheduled_time": "tomorrow"}, 400, "bad_parameters_error", "tomorrow"),
    ):
        answer = start(ask, hello, **body)  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()["error_code"]) == (status, code), answer.text
        assert text in answer.json()["message"]
    assert ask("GET", "/executions?workflow_id=install").json()["items"] == []


def test_text_parameters_are_converted_to_declared_types(ask: Ask, hello: str, run):
    assert run(hello, "install")["status"] == "terminated"
    parameters = {
        "scalable_entity_name": "web",
        "delta": "0",
        "rollback_if_failed": "false",
        "include_instances": "x,y",
    }
    scaled = start(ask, hello, "scale", parameters=parameters, dry_run=True).json()["parameters"]
    assert (scaled["delta"], scaled["rollback_if_failed"], scaled["include_instances"]) == (0, False, "x,y")
    stopped = start(ask, hello, "stop", parameters={"node_ids": "web"}, dry_run=True, force=True).json()["parameters"]
    assert stopped["node_ids"] == ["web"]
    refused = start(ask, hello, "scale", parameters={**parameters, "delta": "more"}, force=True).json()
    assert refused["message"].startswith('Parameter "delta": expected a value of the type integer')


def test_custom_parameters_are_accepted_when_allowed(ask: Ask, hello: str, run):
    execution = run(hello, "install", parameters={"zzz": 1}, allow_custom_parameters="true")
    assert (execution["status"], execution["parameters"]["zzz"]) == ("terminated", 1)


def test_executions_of_deployment_run_one_by_one_unless_forced(ask: Ask, sleeper: str, tmp_path: Path):
    first = start(ask, sleeper).json()["id"]
    wait_until_asleep(tmp_path)
    refused = start(ask, sleeper)
    assert (refused.status_code, refused.json()["error_code"]) == (400, "existing_running_execution_error")
    assert first in refused.json()["message"]
    queued = start(ask, sleeper, "uninstall", queue="true").json()
    assert queued["status"] == "queued"
    forced = start(
        ask, sleeper, "execute_operation", force=True, parameters={"operation": "cloudify.interfaces.lifecycle.delete"}
    )
    assert forced.status_code == 201, forced.text
    wait_for_end(ask, forced.json()["id"])
    assert ask("GET", f"/executions/{queued['id']}").json()["status"] == "queued"
    ask("POST", f"/executions/{first}", json={"action": "kill"})
    assert wait_for_end(ask, first)["status"] == "cancelled"
    assert wait_for_end(ask, queued["id"])["status"] == "terminated"


def test_queued_execution_starts_at_once_when_nothing_runs(ask: Ask, hello: str):
    started = start(ask, hello, queue=True).json()
    assert started["status"] == "pending"
    assert wait_for_end(ask, started["id"])["status"] == "terminated"


def test_status_update_to_ended_releases_next_execution(ask: Ask, hello: str, app: AppContext):
    later = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y%m%d%H%M+0000")
    execution = start(ask, hello, scheduled_time=later).json()["id"]
    with app.database.write() as session:
        session.query(Execution).filter_by(id=execution).update(
            {"status": ExecutionState.STARTED, "worker": "elsewhere"}
        )
    queued = start(ask, hello, queue=True).json()
    assert queued["status"] == "queued"
    assert ask("PATCH", f"/executions/{execution}", json={"status": "failed", "error": "lost"}).status_code == 200
    assert wait_for_end(ask, queued["id"])["status"] == "terminated"


def test_kill_cancels_running_execution_at_once(ask: Ask, sleeper: str, tmp_path: Path):
    execution = start(ask, sleeper).json()["id"]
    wait_until_asleep(tmp_path)
    before = time.monotonic()
    assert ask("POST", f"/executions/{execution}", json={"action": "kill"}).json()["status"] == "kill_cancelling"
    assert wait_for_end(ask, execution)["status"] == "cancelled"
    assert time.monotonic() - before < 5
    again = ask("POST", f"/executions/{execution}", json={"action": "cancel"})
    assert (again.status_code, again.json()["error_code"]) == (400, "illegal_action_error")
    assert ask("POST", f"/executions/{execution}", json={"action": "nonsense"}).status_code == 400


@pytest.mark.usefixtures("one_at_a_time")
def test_environment_whose_creation_is_cancelled_can_be_created(
    cfy: Cfy, ask: Ask, request: pytest.FixtureRequest, tmp_path: Path
):
    sleeper: str = request.getfixturevalue("sleeper")
    execution = start(ask, sleeper).json()["id"]
    wait_until_asleep(tmp_path)
    for name in ("given-up", "wanted"):
        ask("PUT", f"/deployments/{name}?async_create=true", json={"blueprint_id": "sleeper"})
        created = ask("GET", f"/deployments/{name}").json()["create_execution"]
        assert cfy(f"executions cancel {created}")
        assert ask("GET", f"/deployments/{name}").json()["deployment_status"] == "requires_attention"
    cfy("deployments get wanted")
    assert "has no environment, because its creation was cancelled" in cfy.errors
    cfy("executions start install -d wanted", code=1)
    assert "It has none: its environment was not created" in cfy.errors
    assert f"cfy executions resume {created}" in cfy.errors
    ask("POST", f"/executions/{execution}", json={"action": "kill"})
    cfy("deployments delete given-up")
    cfy(f"executions resume {created}")
    assert wait_for_end(ask, created)["status"] == "terminated"
    cfy("deployments get wanted")
    assert cfy.errors == ""
    assert ask("GET", "/nodes?deployment_id=wanted").json()["metadata"]["pagination"]["total"] == 1


def test_scheduled_execution_is_cancelled_without_starting(ask: Ask, hello: str):
    later = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y%m%d%H%M+0000")
    scheduled = start(ask, hello, scheduled_time=later).json()
    assert scheduled["status"] == "scheduled"
    assert scheduled["scheduled_for"]
    cancelled = ask("POST", f"/executions/{scheduled['id']}", json={"action": "cancel"}).json()
    assert (cancelled["status"], cancelled["started_at"]) == ("cancelled", None)
    assert start(ask, hello).status_code == 201


def test_scheduled_execution_starts_at_its_time(ask: Ask, hello: str, app: AppContext):
    later = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y%m%d%H%M+0000")
    execution = start(ask, hello, scheduled_time=later).json()["id"]
    with app.database.write() as session:
        session.query(Execution).filter_by(id=execution).update({"scheduled_for": "2020-01-01T00:00:00.000Z"})
    assert wait_for_end(ask, execution)["status"] == "terminated"


def test_dry_run_emits_events_and_changes_nothing(ask: Ask, hello: str, run):
    execution = run(hello, "install", dry_run=True)
    assert (execution["status"], execution["is_dry_run"]) == ("terminated", True)
    messages = [event["message"] for event in ask("GET", f"/events?execution_id={execution['id']}").json()["items"]]
    assert "Creating node instance" in messages
    [instance] = ask("GET", "/node-instances?deployment_id=d").json()["items"]
    assert (instance["state"], instance["runtime_properties"]) == ("uninitialized", {})


def test_failing_script_fails_execution_with_its_output(ask: Ask, upload: Upload, run):
    upload("bad", SLEEPER, {"sleep.sh": "#!/bin/bash\necho out\necho boom >&2\nexit 3\n"})
    ask("PUT", "/deployments/bad", json={"blueprint_id": "bad"})
    operation = {"operation": "cloudify.interfaces.lifecycle.create"}
    execution = ask(
        "POST",
        "/executions",
        json={
            "deployment_id": "bad",
            "workflow_id": "execute_operation",
            "parameters": operation,
        },
    ).json()["id"]
    failed = wait_until(
        lambda: [
            event
            for event in ask("GET", f"/events?execution_id={execution}").json()["items"]
            if event["event_type"] == "task_failed"
        ],
        bool,
    )[0]
    assert "exit_code: 3" in failed["message"]
    assert "boom" in failed["message"]
    assert failed["error_causes"][0]["type"] == "ProcessException"
    ask("POST", f"/executions/{execution}", json={"action": "kill"})
    wait_for_end(ask, execution)


def test_executions_of_exited_worker_are_recovered(ask: Ask, hello: str, app: AppContext):
    execution = start(
        ask, hello, scheduled_time=(datetime.now(UTC) + timedelta(days=1)).strftime("%Y%m%d%H%M+0000")
    ).json()["id"]
    with app.database.write() as session:
        session.query(Execution).filter_by(id=execution).update(
            {"status": ExecutionState.STARTED, "worker": "host/x/worker-7", "started_at": now()}
        )
    assert start(ask, hello).status_code == 400
    assert recovery.workers_without_successor(app, "host/y/worker-0", []) == []
    assert recovery.workers_without_successor(app, "host/x/worker-0", ["host/x/worker-7"]) == []
    assert recovery.workers_without_successor(app, "host/x/worker-0", ["host/x/worker-0"]) == ["host/x/worker-7"]
    assert recovery.recover(app, ["host/x/worker-70"]) == 0
    assert recovery.recover(app, ["host/x/worker-7"]) == 1
    assert wait_for_end(ask, execution)["status"] == "terminated"
    events = ask("GET", f"/events?execution_id={execution}").json()["items"]
    assert events[0]["message"] == "Resuming 'install' workflow execution"


FLAKY = '#!/bin/bash\necho "$(ctx operation name)" >> "$MARK"\n[ -e "$MARK.repaired" ] || exit 3\n'


@pytest.fixture
def flaky(ask: Ask, upload: Upload, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the log file of a deployment `f` whose install fails until `log.repaired` exists."""
    monkeypatch.setenv("MARK", str(tmp_path / "log"))
    blueprint = SLEEPER.replace("{implementation: sleep.sh}", "{implementation: sleep.sh, max_retries: 0}")
    upload("flaky", blueprint + "        delete: {implementation: sleep.sh}\n", {"sleep.sh": FLAKY})
    ask("PUT", "/deployments/f", json={"blueprint_id": "flaky"})
    return tmp_path / "log"


@pytest.mark.parametrize("action", ["resume", "force-resume"])
def test_failed_execution_is_resumed_under_its_id(ask: Ask, flaky: Path, run, action: str):
    failed = run("f", "install")
    assert (failed["status"], failed["resume"]) == ("failed", False)
    flaky.with_name("log.repaired").touch()
    answer = ask("POST", f"/executions/{failed['id']}", json={"action": action})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["status"], answer.json()["resume"], answer.json()["ended_at"]) == ("pending", True, None)
    done = wait_for_end(ask, failed["id"])
    assert (done["status"], done["error"], done["resume"]) == ("terminated", "", True)
    assert [line.rpartition(".")[2] for line in flaky.read_text().split()] == ["create", "delete", "create"]
    messages = [event["message"] for event in ask("GET", f"/events?execution_id={failed['id']}").json()["items"]]
    resumed = messages[messages.index("Resuming 'install' workflow execution") :]
    assert resumed[2] == "Rolling back prior to resuming install"
    assert resumed[-1] == "'install' workflow execution succeeded"
    assert ask("GET", "/deployments/f").json()["installation_status"] == "active"
    refused = ask("POST", f"/executions/{failed['id']}", json={"action": action})
    assert (refused.status_code, refused.json()["message"]) == (
        409,
        f"Cannot {action} execution: `{failed['id']}` in state: `terminated`",
    )


def test_killed_execution_is_resumed(ask: Ask, sleeper: str, tmp_path: Path):
    execution = start(ask, sleeper).json()["id"]
    wait_until_asleep(tmp_path)
    refused = ask("POST", f"/executions/{execution}", json={"action": "resume"})
    assert (refused.status_code, "in state: `started`" in refused.json()["message"]) == (409, True)
    ask("POST", f"/executions/{execution}", json={"action": "kill"})
    wait_for_end(ask, execution)
    (tmp_path / "asleep").unlink()
    ask("POST", f"/executions/{execution}", json={"action": "resume"})
    wait_until_asleep(tmp_path)
    assert ask("GET", f"/executions/{execution}").json()["status"] == "started"
    ask("POST", f"/executions/{execution}", json={"action": "kill"})
    assert wait_for_end(ask, execution)["status"] == "cancelled"


def test_resume_rejects_busy_deployment_and_system_workflow(ask: Ask, flaky: Path, run):
    failed = run("f", "install")["id"]
    later = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y%m%d%H%M+0000")
    other = start(ask, "f", scheduled_time=later).json()["id"]
    ask("PATCH", f"/executions/{other}", json={"status": "started"})
    refused = ask("POST", f"/executions/{failed}", json={"action": "resume"})
    assert (refused.status_code, refused.json()["error_code"]) == (400, "existing_running_execution_error")
    ask("PATCH", f"/executions/{other}", json={"status": "cancelled"})
    [own] = ask("GET", "/executions?workflow_id=upload_blueprint&_include_system_workflows=true").json()["items"]
    ask("PUT", "/blueprints/nothing", params={"blueprint_archive_url": "http://127.0.0.1:1/a.zip"})
    failed_upload = wait_until(
        lambda: ask("GET", "/executions?workflow_id=upload_blueprint&status=failed").json()["items"], bool
    )[0]["id"]
    assert own["status"] == "terminated"
    assert ask("POST", f"/executions/{failed_upload}", json={"action": "resume"}).status_code == 409


BIG = """#!/bin/bash
touch "$MARK"
while [ ! -e "$MARK.go" ]; do sleep 0.05; done
ctx instance runtime-properties big "$(head -c 100000 /dev/zero | tr '\\0' x)" || exit 1
for number in $(seq 200); do echo "line $number of a long log that needs room on the disk, and more and more"; done
"""


def test_execution_waits_while_disk_is_full_and_loses_nothing(
    ask: Ask, upload: Upload, app: AppContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    if not app.database.is_sqlite:
        pytest.skip("the test limits the file of SQLite")
    monkeypatch.setenv("MARK", str(tmp_path / "asleep"))
    blueprint = SLEEPER.replace("{implementation: sleep.sh}", "{implementation: sleep.sh, max_retries: 0}")
    upload("big", blueprint, {"sleep.sh": BIG})
    ask("PUT", "/deployments/b", json={"blueprint_id": "big"})
    execution = start(ask, "b").json()["id"]
    wait_until_asleep(tmp_path)
    full = threading.Event()

    def fill(connection: Connection) -> None:
        pages = 1 if full.is_set() else 2**30  # SQLite does not shrink a file below its size
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    listen(app.database.writer, "begin", fill)
    full.set()
    refused = start(ask, "b", force=True, parameters={"x": "y" * 100_000}, allow_custom_parameters=True)
    assert (refused.status_code, "disk" in refused.json()["message"]) == (503, True), refused.text
    (tmp_path / "asleep.go").touch()
    time.sleep(1.5)
    assert ask("GET", f"/executions/{execution}").json()["status"] == "started"
    full.clear()
    assert wait_for_end(ask, execution)["status"] == "terminated"
    [instance] = ask("GET", "/node-instances?deployment_id=b").json()["items"]
    assert (instance["state"], len(instance["runtime_properties"]["big"])) == ("started", 100_000)
    lines = ask("GET", f"/events?execution_id={execution}&type=cloudify_log").json()["items"]
    messages = [line["message"] for line in lines if line["message"].startswith("<out> line ")]
    assert [int(line.split()[2]) for line in messages] == list(range(1, 201))


def test_status_update_rejects_ended_execution(ask: Ask, hello: str, run):
    execution = run(hello, "install")["id"]
    refused = ask("PATCH", f"/executions/{execution}", json={"status": "started"})
    assert (refused.status_code, refused.json()["error_code"]) == (400, "invalid_exception_status_update")
    assert ask("PATCH", f"/executions/{execution}", json={"status": "nonsense"}).status_code == 400


def test_executions_are_filtered_sorted_and_paged(ask: Ask, hello: str, run):
    run(hello, "install")
    names = [row["workflow_id"] for row in ask("GET", "/executions?deployment_id=d&_sort=-created_at").json()["items"]]
    assert names == ["install", "create_deployment_environment"]
    listed = ask("GET", "/executions?status=terminated&_include=id,workflow_id&_size=1&_offset=1").json()
    assert len(listed["items"]) == 1
    assert set(listed["items"][0]) == {"id", "workflow_id"}
    assert listed["metadata"]["pagination"]["total"] == 3
    assert ask("GET", "/executions?is_dry_run=maybe").status_code == 400


def test_storage_ids_of_deleted_executions_are_not_reused(ask: Ask, hello: str, app: AppContext):
    def latest() -> int:
        with app.database.read() as session:
            return session.query(Execution.storage_id).order_by(Execution.storage_id.desc()).first()[0]

    assert ask("DELETE", f"/deployments/{hello}").status_code == 204
    wait_until(lambda: ask("GET", f"/deployments/{hello}").status_code, lambda status: status == 404)
    deleted = latest()  # the executions that created and deleted it, the latest ones, are deleted with it
    ask("PUT", "/deployments/e", json={"blueprint_id": "app"})
    assert latest() > deleted + 2


def test_two_due_executions_run_one_by_one(ask: Ask, hello: str, app: AppContext):
    later = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y%m%d%H%M+0000")
    parameters = {"operation": "cloudify.interfaces.lifecycle.create"}
    due = [
        start(ask, hello, "execute_operation", scheduled_time=later, parameters=parameters).json()["id"]
        for _ in range(2)
    ]
    with app.database.write() as session:
        session.query(Execution).update({"scheduled_for": "2020-01-01T00:00:00.000Z"})
    first, second = (wait_for_end(ask, execution) for execution in due)
    assert [first["status"], second["status"]] == ["terminated", "terminated"]
    assert second["started_at"] >= first["ended_at"]


def test_concurrent_starts_accept_one_execution(ask: Ask, sleeper: str):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: start(ask, sleeper), range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [400] * 7
    [started] = [answer.json()["id"] for answer in answers if answer.status_code == 201]
    ask("POST", f"/executions/{started}", json={"action": "kill"})
    wait_for_end(ask, started)


@pytest.mark.parametrize(
    "text",
    [
        "2030-01-31 22:30",
        "2030-01-31T22:30:00Z",
        "203001312230+0000",
        "203001312230+00:00",
        "203001312230Z",
        "203001312330+0100",
        "2030-01-31 23:30 Europe/Berlin",
        "1896129000",
    ],
)
def test_scheduled_time_accepts_common_formats(ask: Ask, hello: str, text: str):
    assert start(ask, hello, scheduled_time=text).json()["scheduled_for"] == "2030-01-31T22:30:00.000Z"


def test_failed_installation_can_be_uninstalled(ask: Ask, upload: Upload, run):
    upload("bad", files={"say.sh": "#!/bin/bash\nctx abort-operation no\n"})
    ask("PUT", "/deployments/bad", json={"blueprint_id": "bad"})
    assert run("bad", "install")["status"] == "failed"
    available = {
        workflow["name"]: workflow["is_available"] for workflow in ask("GET", "/workflows?id=bad").json()["items"]
    }
    assert available["uninstall"], available
    assert available["rollback"], available
    assert available["install"], available
    assert run("bad", "uninstall")["status"] == "terminated"


def test_executions_succeed_while_database_fails_sometimes(
    ask: Ask, upload: Upload, app: AppContext, run, monkeypatch: pytest.MonkeyPatch
):
    original, calls = app.database.read, itertools.count()

    @contextmanager
    def read() -> Iterator[object]:
        if threading.current_thread().name.startswith(("execution", "ctx")) and next(calls) % 3:
            raise Busy("The database does not answer")
        with original() as session:
            yield session

    monkeypatch.setattr(app.database, "read", read)
    monkeypatch.setattr(db_retry, "RETRY_INTERVAL", 0.01)
    upload("app")
    ask("PUT", "/deployments/d", json={"blueprint_id": "app"})
    for workflow in ("install", "uninstall"):
        ended = run("d", workflow)
        assert ended["status"] == "terminated", ended["error"]
    assert next(calls) > 20
