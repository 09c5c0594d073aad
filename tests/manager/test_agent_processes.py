"""An agent in a process and a home of its own, with a real broker: its work, its end, and what is told meanwhile."""

import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cfy_cli.contract.states import ENDED
from cfy_cli.manager import control
from cfy_cli.manager.control import RunningManager
from cfy_cli.manager.engine.broker import celery_settings
from cfy_cli.manager.engine.broker.celery_settings import create_app, operation_queue
from cfy_cli.manager.settings import ManagerSettings
from tests.brokers import BROKERS, broker_url
from tests.manager.agent_host import Host
from tests.manager.conftest import archive
from tests.manager.processes import child_pids, find_free_port, is_alive, kill, request, wait_until

BLUEPRINT = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_templates:
  vm:
    type: cloudify.nodes.Compute
    properties: {agent_config: {install_method: provided}}
  app:
    type: cloudify.nodes.SoftwareComponent
    relationships: [{type: cloudify.relationships.contained_in, target: vm}]
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: work.sh, executor: host_agent, max_retries: 60, retry_interval: 1}
        start: {implementation: work.sh, inputs: {where: manager}, executor: central_deployment_agent}
"""
WORK = """#!/bin/bash
ctx instance runtime-properties "${where:-agent}" "$HOME"
touch "$HOME/begun"
while [ -e "$HOME/hold" ]; do sleep 0.2; done
"""


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path / "host")
    yield host
    (host.home / "hold").unlink(missing_ok=True)
    if host.is_started():
        kill([host.pid])


@pytest.fixture(params=BROKERS)
def broker(request: pytest.FixtureRequest) -> str:
    return broker_url(request.param)


@pytest.fixture
def running(broker: str, data_dir: Path) -> RunningManager:
    return control.start(ManagerSettings(data_dir, port=find_free_port(), workers=1, broker=broker))


def is_queue(broker: str, name: str) -> bool:
    with create_app(broker).connection_for_read() as connection:
        try:
            operation_queue(name).bind(connection.default_channel).queue_declare(passive=True)
        except connection.channel_errors:
            return False
        return True


def test_queues_of_agents_end_with_their_deployment(running: RunningManager, broker: str, data_dir: Path, host: Host):
    def ask(method: str, path: str, **options: Any) -> Any:
        return request(running, data_dir, path, method, **options).json()

    ask("PUT", "/blueprints/b?async_upload=false", data=archive({"blueprint.yaml": BLUEPRINT, "work.sh": WORK}))
    ask("PUT", "/deployments/d", json={"blueprint_id": "b"})
    _, vm = sorted(each["id"] for each in ask("GET", "/node-instances")["items"])
    host.run(ask("POST", f"/agents/{vm}/script")["script"])
    wait_until(lambda: ask("GET", f"/agents/{vm}")["state"] == "started")
    queue = ask("GET", f"/agents/{vm}")["rabbitmq_exchange"]
    kill([host.pid, *child_pids(host.pid)])

    def has_queue() -> bool:
        if broker.startswith("redis"):  # which knows no empty queue, and may give a message to an agent that has ended
            with create_app(broker).connection_for_write() as connection:
                connection.default_channel.client.lpush(queue, "an operation that nobody took")
        return is_queue(broker, queue)

    wait_until(has_queue)
    assert request(running, data_dir, "/deployments/d?force=true", "DELETE").ok
    wait_until(lambda: not is_queue(broker, queue))


def test_queue_of_agent_that_stays_away_is_deleted(monkeypatch: pytest.MonkeyPatch):
    broker = broker_url("rabbitmq")
    monkeypatch.setattr(celery_settings, "AGENT_QUEUE_TIMEOUT", 1000)
    queue = f"agent.{uuid.uuid4().hex}"
    with create_app(broker).connection_for_write() as connection:
        operation_queue(queue).bind(connection.default_channel).declare()

    def is_gone() -> bool:
        time.sleep(2)  # each look is a use of the queue
        return not is_queue(broker, queue)

    wait_until(is_gone)
    assert is_queue(broker, celery_settings.MANAGER_QUEUE)


def test_agent_runs_operations_of_its_host_alone(running: RunningManager, broker: str, data_dir: Path, host: Host):
    def ask(method: str, path: str, **options: Any) -> Any:
        answer = request(running, data_dir, path, method, **options)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def start(workflow: str, **parameters: object) -> str:
        body = {"deployment_id": "d", "workflow_id": workflow, "parameters": parameters}
        return str(ask("POST", "/executions", json=body)["id"])

    def wait(execution: str) -> str:
        wait_until(lambda: ask("GET", f"/executions/{execution}")["status"] in ENDED, 90)
        ended = ask("GET", f"/executions/{execution}")
        return str(ended["error"] or ended["status"])

    def state() -> str:
        return str(ask("GET", f"/agents/{vm}")["state"])

    ask("PUT", "/blueprints/b?async_upload=false", data=archive({"blueprint.yaml": BLUEPRINT, "work.sh": WORK}))
    ask("PUT", "/deployments/d", json={"blueprint_id": "b"})
    app, vm = sorted(each["id"] for each in ask("GET", "/node-instances")["items"])
    script = ask("POST", f"/agents/{vm}/script")["script"]
    host.run(script)
    assert wait(start("install")) == "terminated"
    properties = ask("GET", f"/node-instances/{app}")["runtime_properties"]
    assert properties["agent"] == str(host.home) != properties["manager"]
    assert state() == "started"
    events = ask("GET", "/events?include_logs=true&_size=500")["items"]
    reported = [each for each in events if "Process created" in each["message"]]
    assert {(each["agent_name"], each["manager_name"]) for each in reported} == {(None, "cfy"), (vm, None)}

    former, script = host.pid, ask("POST", f"/agents/{vm}/script")["script"]
    host.run(script)  # in place of the one whose token has ended
    assert host.pid != former
    assert not is_alive(former)

    (host.home / "begun").unlink()
    (host.home / "hold").touch()
    again = start("execute_operation", operation="cloudify.interfaces.lifecycle.create", node_ids=["app"])
    wait_until((host.home / "begun").exists)
    kill([host.pid, *child_pids(host.pid)])
    wait_until(lambda: state() == "nonresponsive")
    wait_until(
        lambda: "waits for the agent" in json.dumps(ask("GET", f"/events?execution_id={again}&include_logs=true"))
    )
    (host.home / "hold").unlink()
    host.run(script)
    assert wait(again) == "terminated"

    pid, queue = host.pid, ask("GET", f"/node-instances/{vm}")["runtime_properties"]["cloudify_agent"]["queue"]
    assert is_queue(broker, queue) or broker.startswith("redis")  # which knows no empty queue
    assert wait(start("uninstall")) == "terminated"
    wait_until(lambda: not is_alive(pid))
    assert ask("GET", "/agents")["items"] == []
    wait_until(lambda: not is_queue(broker, queue))
