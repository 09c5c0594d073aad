"""Statuses that clients set: which may follow which, and that an end stays an end."""

from collections.abc import Callable

import pytest

from cfy_cli.contract.states import ENDED, STOPPING, ExecutionState
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.store.models import Execution
from tests.conftest import Ask
from tests.manager.conftest import HELLO, SLEEPER, Upload, wait_until

LATER = "2099-01-01 10:00"


def start(ask: Ask, workflow: str = "install", **body: object) -> str:
    answer = ask("POST", "/executions", json={"deployment_id": "app", "workflow_id": workflow, **body})
    assert answer.status_code == 201, answer.text
    execution: str = answer.json()["id"]
    return execution


@pytest.fixture
def hello(ask: Ask, deploy: Callable[..., None]) -> None:
    deploy(HELLO, "app")


@pytest.mark.parametrize(("status", "error"), [("failed", "lost"), ("terminated", ""), ("cancelled", "enough")])
def test_end_that_a_client_sets_stays(
    ask: Ask, upload: Upload, app: AppContext, tmp_path, monkeypatch: pytest.MonkeyPatch, status: str, error: str
):
    monkeypatch.setenv("MARK", str(tmp_path / "asleep"))
    upload("app", SLEEPER)
    ask("PUT", "/deployments/app", json={"blueprint_id": "app"})
    execution = start(ask)
    wait_until((tmp_path / "asleep").exists, bool)
    patched = ask("PATCH", f"/executions/{execution}", json={"status": status, "error": error}).json()
    assert (patched["status"], patched["error"]) == (status, error)
    assert ask("GET", "/deployments/app").json()["latest_execution_status"] == patched["status_display"]
    wait_until(
        lambda: [event["event_type"] for event in ask("GET", f"/events?execution_id={execution}").json()["items"]],
        lambda types: types[-1] in ("workflow_cancelled", "workflow_failed", "workflow_succeeded"),
    )
    later = start(ask, "uninstall", force=True)  # the worker has stopped the first one when this has ended
    wait_until(lambda: ask("GET", f"/executions/{later}").json()["status"], lambda found: found in ENDED)
    now = ask("GET", f"/executions/{execution}").json()
    assert (now["status"], now["error"], now["ended_at"]) == (status, error, patched["ended_at"])


FOLLOWERS = {
    "scheduled": set(ExecutionState),
    "started": {ExecutionState.STARTED, *STOPPING, *ENDED},
    "cancelling": {*STOPPING, ExecutionState.FAILED, ExecutionState.CANCELLED},
    "force_cancelling": {*STOPPING, ExecutionState.FAILED, ExecutionState.CANCELLED},
    "failed": {ExecutionState.FAILED},
}


@pytest.mark.usefixtures("hello")
@pytest.mark.parametrize("present", FOLLOWERS)
def test_status_that_cannot_follow_is_refused(ask: Ask, app: AppContext, worker, present: str):
    execution = start(ask, scheduled_time=LATER)
    worker.stop()
    for status in ExecutionState:
        with app.database.write() as session:
            session.query(Execution).filter_by(id=execution).update({"status": present, "worker": "elsewhere"})
        answer = ask("PATCH", f"/executions/{execution}", json={"status": status})
        code = answer.json().get("error_code") if answer.status_code == 400 else None
        expected = None if status in FOLLOWERS[present] else "invalid_exception_status_update"
        assert code == expected, f"{present} to {status}: {answer.text}"
        read = ask("GET", f"/executions/{execution}").json()["status"]
        stopped_at_once = present == "scheduled" and status in STOPPING
        assert read == (present if expected else "cancelled" if stopped_at_once else status)


@pytest.mark.usefixtures("hello")
def test_requeue_is_an_action_of_scheduled_executions(ask: Ask):
    execution = start(ask, scheduled_time=LATER)
    requeued = ask("POST", f"/executions/{execution}", json={"action": "requeue"})
    assert (requeued.status_code, requeued.json()["status"]) == (200, "scheduled")
    ask("POST", f"/executions/{execution}", json={"action": "cancel"})
    refused = ask("POST", f"/executions/{execution}", json={"action": "requeue"})
    assert (refused.status_code, refused.json()["error_code"]) == (409, "conflict_error")
    unknown = ask("POST", f"/executions/{execution}", json={"action": "nonsense"})
    assert "'force-resume', 'requeue']" in unknown.json()["message"]
