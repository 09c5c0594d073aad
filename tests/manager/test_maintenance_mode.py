"""The maintenance mode: what it refuses, what it waits for, and what starts when it is off again."""

from typing import Any

import pytest
import requests

from cfy_cli.contract.states import ExecutionState
from cfy_cli.manager.services import maintenance_mode
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.worker.claiming import claim
from cfy_cli.manager.store.models import Execution
from tests.conftest import Ask, Cfy
from tests.manager.conftest import HELLO, SAY, archive

OFF = {
    "status": "deactivated",
    "activated_at": "",
    "activation_requested_at": "",
    "remaining_executions": None,
    "requested_by": "",
}
REJECTED = "Your request was rejected since Cloudify manager is currently in maintenance mode"


def code_of(answer: requests.Response) -> str | None:
    if answer.status_code != 503:
        return None
    assert answer.json()["message"] == REJECTED
    assert "Retry-After" not in answer.headers
    return str(answer.json()["error_code"])


def begin_upload(ask: Ask, name: str = "app", **fields: Any) -> None:
    """Leave an upload pending: no worker runs."""
    params = {"async_upload": "true", "application_file_name": "blueprint.yaml"}
    body = archive({"blueprint.yaml": HELLO, "say.sh": SAY})
    answer = ask("PUT", f"/blueprints/{name}", params=params, data=body, **fields)
    assert answer.status_code in (200, 201), answer.text


def end_executions(app: AppContext) -> None:
    with app.database.write() as session:
        session.query(Execution).update({"status": ExecutionState.TERMINATED})


@pytest.fixture
def tenant_user(ask: Ask) -> dict[str, str]:
    ask("PUT", "/users", json={"username": "mia", "password": "password-of-mia"})
    ask("PUT", "/tenants/users", json={"username": "mia", "tenant_name": "default_tenant", "role": "manager"})
    return {"user": "mia", "password": "password-of-mia"}


def test_mode_without_work_is_activated_at_once(ask: Ask, tenant_user: dict[str, str]):
    assert ask("GET", "/maintenance").json() == OFF
    assert ask("POST", "/maintenance/deactivate").status_code == 304
    assert ask("POST", "/maintenance/pause").status_code == 400
    on = ask("POST", "/maintenance/activate").json()
    assert (on["status"], on["requested_by"], on["remaining_executions"]) == ("activated", "admin", [])
    assert on["activated_at"] == on["activation_requested_at"]
    again = ask("POST", "/maintenance/activate")
    assert (again.status_code, again.content) == (304, b"")
    for method, path in (("GET", "/sites"), ("PUT", "/sites/tlv"), ("POST", "/executions"), ("GET", "/config")):
        body = {"deployment_id": "x", "workflow_id": "install"} if path == "/executions" else None
        assert code_of(ask(method, path, json=body)) == "maintenance_mode_active", path
        path = f"{path}?bypass_maintenance=true"
        assert code_of(ask(method, path, json=body)) is None
        assert code_of(ask(method, path, json=body, **tenant_user)) == "maintenance_mode_active"
    for path in ("/maintenance", "/status", "/version"):
        assert ask("GET", path).status_code == 200
    assert ask("POST", "/maintenance/deactivate").json() == OFF
    assert ask("GET", "/sites").json()["items"][0]["name"] == "tlv"


def test_mode_waits_for_work_and_refuses_new_work(app: AppContext, ask: Ask):
    begin_upload(ask)
    state = ask("POST", "/maintenance/activate").json()
    assert (state["status"], state["activated_at"]) == ("activating", None)
    [remaining] = state["remaining_executions"]
    assert {**remaining, "id": ""} == {
        "id": "",
        "status": "pending",
        "deployment_id": None,
        "workflow_id": "upload_blueprint",
    }
    for method, path, body in (
        ("POST", "/executions", {"deployment_id": "x", "workflow_id": "install"}),
        ("PUT", "/deployments/x", {"blueprint_id": "app"}),
        ("PATCH", "/deployments/x", {"labels": []}),
    ):
        assert code_of(ask(method, path, json=body)) == "entering_maintenance_mode"
    assert ask("PUT", "/sites/tlv").status_code == 200
    assert ask("DELETE", "/deployments/x").status_code == 404
    end_executions(app)
    state = ask("GET", "/maintenance").json()
    assert (state["status"], state["remaining_executions"]) == ("activated", [])
    assert state["activated_at"] >= state["activation_requested_at"]
    assert code_of(ask("GET", "/sites")) == "maintenance_mode_active"


def test_mode_is_effective_in_every_process_and_outlives_it(app: AppContext, ask: Ask):
    other = AppContext(app.settings)
    assert not maintenance_mode.is_on(other)
    ask("POST", "/maintenance/activate")
    with other.database.read() as session, pytest.raises(maintenance_mode.InMaintenance):
        maintenance_mode.check(maintenance_mode.read(session), maintenance_mode.Gate.ACTIVATED, may_bypass=False)
    other.close()
    other = AppContext(app.settings)
    assert maintenance_mode.is_on(other)
    other.close()


def test_scheduled_execution_starts_only_after_the_mode(app: AppContext, ask: Ask):
    begin_upload(ask)
    with app.database.write() as session:
        session.query(Execution).update(
            {"status": ExecutionState.SCHEDULED, "scheduled_for": "2020-01-01T00:00:00.000Z"}
        )
    assert ask("POST", "/maintenance/activate").json()["status"] == "activated"
    assert claim(app, "w", 4) == []
    ask("POST", "/maintenance/deactivate")
    with app.database.write() as session:
        session.query(Execution).update({"status": ExecutionState.PENDING})
    assert len(claim(app, "w", 4)) == 1


@pytest.mark.sqlite
def test_maintenance_mode_commands_say_what_remains(app: AppContext, ask: Ask, cfy: Cfy):
    assert "deactivated" in cfy("maintenance-mode status")
    cfy("maintenance-mode deactivate", code=1)
    assert "Maintenance mode is already off" in cfy.errors
    cfy("maintenance-mode activate --timeout 3", code=2)
    begin_upload(ask)
    assert "cfy maintenance-mode status" in cfy("maintenance-mode activate")
    assert "has one running or pending execution" in cfy("maintenance-mode status")
    cfy("sites create tlv")
    cfy("executions start install -d app", code=1)
    assert REJECTED in cfy.errors
    assert "Hint: An administrator can turn it off: cfy maintenance-mode deactivate" in cfy.errors
    end_executions(app)
    assert "Most requests will be blocked" in cfy("maintenance-mode status")
    assert cfy("maintenance-mode deactivate") == "Maintenance mode is off.\n"
