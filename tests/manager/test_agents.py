"""Agents, of which this manager has none, and the small endpoints beside them."""

import json
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from cfy_cli.manager.server import create_app
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.store.models import Execution
from tests.conftest import Ask, Cfy
from tests.manager.conftest import HELLO


def test_there_are_no_agents(cfy: Cfy, ask: Ask):
    assert json.loads(cfy("agents list --all-states --deployment-id d --node-id n -a --json")) == []
    for words in ("install --wait", "validate --node-instance-id x", "install --manager-ip 10.0.0.1 --no-wait"):
        cfy(f"agents {words}", code=3)
        assert "nothing was started" in cfy.errors
    cfy("agents validate --node-instance-id x --node-id y", code=2)
    cfy("agents install --manager_certificate /no/such/file", code=2)
    assert ask("GET", "/agents", params={"state": "started", "node_ids": ["a", "b"]}).json()["items"] == []
    assert ask("PATCH", "/agents", json={"bundle": True}).status_code == 400
    assert ask("PATCH", "/agents/a", json={"state": "asleep"}).status_code == 400
    assert ask("PATCH", "/agents/a", json={"state": "restarting"}).status_code == 404


def test_ok_is_told_without_login(app: AppContext, monkeypatch: pytest.MonkeyPatch):
    client = TestClient(create_app(app))
    answer = client.get("/api/v3.1/ok")
    assert (answer.status_code, answer.json()) == (200, "OK")
    monkeypatch.setattr("cfy_cli.manager.rest.docs.answers", lambda _app: False)
    assert client.get("/api/v3.1/ok").status_code == 500


@pytest.mark.usefixtures("worker")
def test_functions_are_evaluated_and_agents_refused(ask: Ask, deploy: Callable[..., None]):
    deploy(HELLO, "web")
    instance = ask("GET", "/node-instances").json()["items"][0]["id"]
    payload = {"port": {"get_input": "port"}, "said": {"concat": ["port ", {"get_capability": ["web", "port"]}]}}
    body = {"deployment_id": "web", "context": {"self": instance}, "payload": payload}
    assert ask("POST", "/evaluate/functions", json=body).json() == {
        "deployment_id": "web",
        "payload": {"port": 80, "said": "port 80"},
    }
    assert ask("POST", "/evaluate/functions", json={**body, "context": {"me": "x"}}).status_code == 400
    assert ask("POST", "/evaluate/functions", json={**body, "deployment_id": "none"}).status_code == 404
    assert ask("POST", "/evaluate/functions", json={**body, "payload": {"a": {"get_input": "none"}}}).status_code == 400
    refused = ask("PUT", "/agents/a", json={"node_instance_id": instance, "state": "started"})
    assert refused.status_code == 400
    assert ask("GET", "/agents/a").status_code == 404


def test_execution_should_start_unless_another_runs(ask: Ask, app: AppContext):
    owner = {"tenant_name": "default_tenant", "created_by": "admin", "visibility": "tenant", "owned_by": "admin"}
    with app.database.write() as session:
        for name, is_system in (("one", False), ("system", True)):
            common = {"workflow_id": "w", "status": "queued", "is_system_workflow": is_system, **owner}
            session.add(Execution(id=name, **common))
    assert ask("GET", "/executions/one/should-start").json() is True
    assert ask("GET", "/executions/system/should-start").json() is True
    with app.database.write() as session:
        session.query(Execution).filter_by(id="one").one().status = "started"
    assert ask("GET", "/executions/system/should-start").json() is False
    assert ask("GET", "/executions/none/should-start").status_code == 404
