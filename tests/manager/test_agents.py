"""Agents: their rows, rights and tokens, and the small endpoints beside them."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from cfy_cli.contract.agents import AGENT_TIMEOUT, HEARTBEAT_INTERVAL, REPORT_TIMEOUT
from cfy_cli.contract.timestamps import seconds_ago
from cfy_cli.manager.engine.broker.agents import WATCH_INTERVAL
from cfy_cli.manager.server import create_app
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.store.models import Agent, Execution
from tests.conftest import PASSWORD, Ask, Cfy
from tests.manager.conftest import HELLO, wait_until

HOSTS = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_templates:
  vm:
    type: cloudify.nodes.Compute
    instances: {deploy: 2}
    properties: {agent_config: {install_method: provided}}
"""
Report = Callable[..., Any]


@pytest.fixture
def hosts(app: AppContext, worker: object, ask: Ask, deploy: Callable[..., None]) -> list[str]:
    """Two hosts of a deployment, of a manager with a broker; none of their agents is there yet."""
    deploy(HOSTS, "web")
    app.settings = replace(app.settings, broker="redis://:geheim@127.0.0.1:1/0")
    return sorted(each["id"] for each in ask("GET", "/node-instances").json()["items"])


@pytest.fixture
def report(session: Any) -> Report:
    """Report as an agent does."""

    def report(name: str, token: str, path: str = "heartbeat", method: str = "POST", **body: str) -> Any:
        url = f"http://manager/api/v3.1/agents/{name}/{path}".rstrip("/")
        return session.request(method, url, headers={"Authentication-Token": token}, json=body)

    return report


def age(app: AppContext, seconds: float) -> None:
    with app.database.write() as session:
        session.execute(update(Agent).values(last_seen=seconds_ago(seconds)))


def test_agent_is_listed_as_it_reports(app: AppContext, ask: Ask, cfy: Cfy, hosts: list[str], report: Report):
    first, second = hosts
    new = ask("PUT", f"/agents/{first}", json={"node_instance_id": first, "ip": "10.0.0.7"})
    assert new.status_code == 201
    assert (new.json()["state"], new.json()["install_method"]) == ("creating", "provided")
    token = new.json()["token"]
    orders = report(first, token, version="7.1", system="debian 12").json()
    assert (orders["state"], orders["broker"]) == ("started", "redis://:geheim@127.0.0.1:1/0")
    assert orders["queue"] == new.json()["rabbitmq_exchange"]
    assert ask("PUT", f"/agents/{second}", json={"node_instance_id": second}).status_code == 201
    (listed,) = json.loads(cfy("agents list --json"))
    assert listed == {
        "id": first, "ip": "10.0.0.7", "deployment": "web", "state": "started", "node": "vm", "system": "debian 12",
        "version": "7.1", "install_method": "provided", "tenant_name": "default_tenant",
    }  # fmt: skip
    for words, count in (
        ("", 2), ("--node-id vm", 2), ("--node-id none", 0), (f"--node-instance-id {second}", 1), ("-a", 2),
        ("--install-method remote", 0), ("--install-method remote --install-method provided", 2),
        ("--deployment-id web --deployment-id x", 2), ("--deployment-id x", 0),
    ):  # fmt: skip
        assert len(json.loads(cfy(f"agents list --all-states {words} --json"))) == count, words
    assert report(first, token, state="starting").json()["state"] == "starting"  # it may end before it receives work
    age(app, AGENT_TIMEOUT + 1)
    assert json.loads(cfy("agents list --json")) == []
    assert "nonresponsive" in cfy("agents list --all-states")
    assert ask("GET", "/agents", params={"state": "nonresponsive", "_include": "id"}).json()["items"] == [{"id": first}]
    assert report(first, token).json()["state"] == "started"
    assert len(json.loads(cfy("agents list --json"))) == 1


def test_end_of_agent_is_told_within_15_seconds(app: AppContext, ask: Ask, hosts: list[str], report: Report):
    token = ask("PUT", f"/agents/{hosts[0]}", json={"node_instance_id": hosts[0]}).json()["token"]

    def states() -> list[str]:
        return [each["state"] for each in ask("GET", "/agents").json()["items"]]

    assert report(hosts[0], token).status_code == 200
    age(app, HEARTBEAT_INTERVAL + REPORT_TIMEOUT)  # a server that was restarted has not answered once
    assert states() == ["started"]
    age(app, 15 - WATCH_INTERVAL)  # an operation fails at the next look of its engine
    assert states() == ["nonresponsive"]


def test_agent_is_asked_to_stop_until_it_has(ask: Ask, hosts: list[str], report: Report):
    host = hosts[0]
    token = ask("PUT", "/agents/one", json={"node_instance_id": host, "state": "started"}).json()["token"]
    assert ask("PATCH", "/agents/one", json={"state": "stopping", "version": "8"}).json()["version"] == "8"
    assert report("one", token, state="started").json()["state"] == "stopping"
    assert report("one", token, state="stopped").json()["state"] == "stopped"
    assert ask("GET", "/agents/one").json()["state"] == "stopped"
    again = ask("PUT", "/agents/one", json={"node_instance_id": host, "system": "suse"}).json()
    assert (again["token"], again["system"], again["state"]) == (None, "suse", "stopped")
    assert ask("PUT", "/agents/one", json={"node_instance_id": hosts[1]}).status_code == 400
    assert ask("PUT", "/agents/two", json={"node_instance_id": "none"}).status_code == 404
    assert ask("PATCH", "/agents", json={"manager_ca_cert": "PEM"}).json()["error_code"] == "illegal_action_error"


def test_token_of_agent_reaches_its_own_endpoint_alone(ask: Ask, session: Any, hosts: list[str], report: Report):
    tokens = {host: ask("PUT", f"/agents/{host}", json={"node_instance_id": host}).json()["token"] for host in hosts}
    first, second = hosts
    assert report(first, tokens[second]).status_code == 403
    assert report(first, tokens[first][:-1] + "!").status_code == 401
    assert report(first, tokens[first], state="asleep").status_code == 400
    headers = {"Authentication-Token": tokens[first]}
    for method, path in (
        ("GET", "/agents"), ("GET", f"/agents/{first}"), ("GET", "/deployments"), ("GET", "/version"),
        ("GET", "/tokens"), ("POST", "/tokens"), ("GET", "/secrets"), ("GET", "/user"), ("GET", "/events"),
        ("PATCH", f"/agents/{first}"),
    ):  # fmt: skip
        answer = session.request(method, f"http://manager/api/v3.1{path}", headers=headers)
        assert answer.status_code == 403, (method, path)
    other = {**headers, "Tenant": "red"}
    ask("POST", "/tenants/red")
    assert session.post(f"http://manager/api/v3.1/agents/{first}/heartbeat", headers=other, json={}).status_code == 403
    assert ask("POST", f"/agents/{first}/heartbeat", json={}).status_code == 403
    assert report(first, tokens[first]).status_code == 200


def test_token_of_agent_ends_with_its_deployment(ask: Ask, hosts: list[str], report: Report):
    token = ask("PUT", "/agents/one", json={"node_instance_id": hosts[0]}).json()["token"]
    assert report("one", token).status_code == 200
    assert ask("DELETE", "/deployments/web", params={"force": "true"}).status_code < 300
    wait_until(lambda: report("one", token).status_code, lambda status: status == 401, 60)
    assert ask("GET", "/agents").json()["items"] == []


def test_agents_are_as_visible_as_their_deployment(ask: Ask, hosts: list[str]):
    ask("PUT", "/agents/one", json={"node_instance_id": hosts[0]})
    ask("POST", "/tenants/red")
    for name, tenant, role in (("vera", "default_tenant", "viewer"), ("rudi", "red", "user")):
        ask("PUT", "/users", json={"username": name, "password": PASSWORD})
        ask("PUT", "/tenants/users", json={"username": name, "tenant_name": tenant, "role": role})
    assert len(ask("GET", "/agents", user="vera").json()["items"]) == 1
    assert ask("PATCH", "/agents/one", user="vera", json={"state": "stopping"}).status_code == 403
    for params in ({}, {"_all_tenants": "true"}):
        assert ask("GET", "/agents", user="rudi", tenant="red", params=params).json()["items"] == []
    assert ask("GET", "/agents/one", user="rudi", tenant="red").status_code == 404
    assert ask("GET", "/agents", tenant="red", params={"_all_tenants": "true"}).json()["items"][0]["name"] == "one"


@pytest.mark.sqlite
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


@pytest.mark.sqlite
def test_token_of_agent_is_refused_by_every_other_endpoint(app: AppContext, ask: Ask, hosts: list[str]):
    token = ask("PUT", f"/agents/{hosts[0]}", json={"node_instance_id": hosts[0]}).json()["token"]
    api = create_app(app)
    client = TestClient(api, headers={"Authentication-Token": token}, base_url="http://localhost")
    answers = {
        (method, path): client.request(method, re.sub(r"\{[^}]*\}", "none", path), json={}).status_code
        for path, methods in api.openapi()["paths"].items()
        for method in methods
    }
    assert len(answers) > 200
    assert [each for each, code in answers.items() if code not in (401, 403)] == [("get", "/api/v3.1/snapshot-status")]
    for path, body in (("records", {"number": 1, "method": "instances"}), ("url", {"url": "http://127.0.0.1/"})):
        assert client.post(f"/api/v3.1/operations/none/{path}", json=body).status_code == 404, "none was sent to it"
    assert client.get("/api/v3.1/operations/none/files", params={"folder": "files"}).status_code == 404
