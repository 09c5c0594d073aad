"""Executions that run once more because their worker crashed before it completed them."""

from typing import Any

import pytest

from cfy_cli.contract.states import ExecutionState
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.worker import recovery
from cfy_cli.manager.store.models import Blueprint, Execution, Operation, WorkerRecord
from tests.conftest import Ask
from tests.manager.conftest import Upload, wait_for_end


def recover_and_run(ask: Ask, app: AppContext, execution: str) -> None:
    with app.database.write() as session:
        session.query(Execution).filter_by(id=execution).update(
            {"status": ExecutionState.STARTED, "worker": "host/x/worker-7", "ended_at": None}
        )
    assert recovery.recover(app, ["host/x/worker-7"]) == 1
    app.work_available.notify()
    assert wait_for_end(ask, execution)["error"] == ""


@pytest.mark.parametrize("times", [1, 2])
def test_deployment_environment_is_created_once(ask: Ask, upload: Upload, app: AppContext, times: int):
    upload("app")
    deployment = ask("PUT", "/deployments/d", json={"blueprint_id": "app"}).json()
    before = ask("GET", "/node-instances").json()["items"]
    for _ in range(times):
        recover_and_run(ask, app, deployment["create_execution"])
    assert ask("GET", "/node-instances").json()["items"] == before
    assert len(ask("GET", "/nodes").json()["items"]) == 1


def test_recovered_upload_compiles_blueprint_again(ask: Ask, upload: Upload, app: AppContext):
    blueprint = upload("app").json()
    recover_and_run(ask, app, blueprint["upload_execution"]["id"])
    assert ask("GET", "/blueprints/app").json()["state"] == "uploaded"
    assert ask("PUT", "/deployments/d", json={"blueprint_id": "app"}).status_code == 201


def crash(ask: Ask, app: AppContext, execution: str, *, stopped: bool = False) -> Any:
    """Let the worker crash, or be stopped, recover the execution and return it when it has ended."""
    with app.database.write() as session:
        session.query(Execution).filter_by(id=execution).update(
            {"status": ExecutionState.STARTED, "worker": "host/x/worker-7", "ended_at": None}
        )
        if not stopped:
            session.add(WorkerRecord(name="host/x/worker-7", pid=7))
    assert recovery.recover(app, ["host/x/worker-7"]) == 1
    app.work_available.notify()
    return wait_for_end(ask, execution)


def test_crashes_count_only_without_progress_in_between(ask: Ask, upload: Upload, app: AppContext, run):
    upload("app")
    ask("PUT", "/deployments/d", json={"blueprint_id": "app"})
    execution = run("d", "install")["id"]
    assert [crash(ask, app, execution)["error"] for _ in range(4)] == [""] * 4
    assert crash(ask, app, execution, stopped=True)["error"] == ""
    with app.database.write() as session:  # as if one more operation had succeeded
        session.query(Operation).filter_by(type="RemoteWorkflowTask").update({"attempt": 1})
    assert [crash(ask, app, execution)["error"] for _ in range(4)] == [""] * 4
    last = crash(ask, app, execution)
    assert (last["status"], last["error"][:43]) == ("failed", "The worker process crashed 5 times in a row")
    resumed = ask("POST", f"/executions/{execution}", json={"action": "resume"})
    assert resumed.status_code == 200
    assert wait_for_end(ask, execution)["status"] == "terminated"


def test_upload_fails_after_repeated_worker_crashes(ask: Ask, upload: Upload, app: AppContext):
    execution = upload("app").json()["upload_execution"]["id"]
    with app.database.write() as session:
        session.query(Blueprint).update({"state": "parsing"})
        session.query(Execution).filter_by(id=execution).update({"crashes": 4})
    assert "crashed 5 times in a row" in crash(ask, app, execution)["error"]
    blueprint = ask("GET", "/blueprints/app").json()
    assert blueprint["state"] == "invalid"
    assert blueprint["error"].endswith("then repeat the request.")
    assert upload("app").status_code == 201
