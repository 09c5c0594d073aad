"""Brokers with TLS and a manager behind HTTPS, whose certificates an own authority has signed."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cfy_cli.agent.configuration import AgentConfiguration
from cfy_cli.agent.host import BROKER_CERTIFICATE, HostAgent, read_status
from cfy_cli.contract.states import ENDED
from cfy_cli.manager import control
from cfy_cli.manager.settings import ManagerSettings
from tests.brokers import OwnBroker
from tests.manager.agent_host import Host
from tests.manager.conftest import archive
from tests.manager.processes import find_free_port, kill, request, wait_until
from tests.manager.several_machines import is_installed
from tests.tls_brokers import TlsRabbitMQ, TlsRedis

BLUEPRINT = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_templates:
  vm:
    type: cloudify.nodes.Compute
    properties: {{agent_config: {{install_method: provided, extra: {{manager_url: '{url}', ca_certificate: '{ca}'}}}}}}
  app:
    type: cloudify.nodes.SoftwareComponent
    relationships: [{{type: cloudify.relationships.contained_in, target: vm}}]
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {{implementation: work.sh, executor: host_agent}}
        start: {{implementation: work.sh, inputs: {{where: manager}}, executor: central_deployment_agent}}
"""
WORK = '#!/bin/sh\nctx instance runtime-properties "${where:-agent}" "$HOME"\n'
NGINX = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log; events {{}}
http {{
  access_log off; client_body_temp_path {folder}; proxy_temp_path {folder};
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {certificates}/server.pem; ssl_certificate_key {certificates}/server.key;
    location / {{ proxy_pass http://127.0.0.1:{manager}; proxy_set_header Host $http_host; }}
  }}
}}
"""


@pytest.fixture(params=[TlsRedis, pytest.param(TlsRabbitMQ, marks=pytest.mark.slow)])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OwnBroker]:
    (tmp_path / "broker").mkdir()
    broker: OwnBroker = request.param(tmp_path / "broker")
    yield broker
    broker.close()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path / "host")
    yield host
    if host.is_started():
        kill([host.pid])


@pytest.mark.skipif(not is_installed("nginx"), reason="nginx is not installed")
def test_operations_run_over_tls_with_an_own_authority(broker: OwnBroker, data_dir: Path, tmp_path: Path, host: Host):
    certificates = tmp_path / "broker" / "certificates"
    ca = certificates / "ca.pem"
    port, public = find_free_port(), find_free_port()
    settings = ManagerSettings(data_dir, port=port, workers=1, broker=broker.url, broker_ca_certificate=str(ca))
    running = control.start(settings)
    (tmp_path / "nginx.conf").write_text(
        NGINX.format(folder=tmp_path, port=public, certificates=certificates, manager=port)
    )
    proxy = subprocess.Popen(["nginx", "-c", str(tmp_path / "nginx.conf")])

    def ask(method: str, path: str, **options: Any) -> Any:
        answer = request(running, data_dir, path, method, **options)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    try:
        blueprint = BLUEPRINT.format(url=f"https://localhost:{public}", ca=ca)
        ask("PUT", "/blueprints/b?async_upload=false", data=archive({"blueprint.yaml": blueprint, "work.sh": WORK}))
        ask("PUT", "/deployments/d", json={"blueprint_id": "b"})
        app, vm = sorted(each["id"] for each in ask("GET", "/node-instances")["items"])
        host.run(ask("POST", f"/agents/{vm}/script")["script"])
        execution = ask("POST", "/executions", json={"deployment_id": "d", "workflow_id": "install"})["id"]
        wait_until(lambda: ask("GET", f"/executions/{execution}")["status"] in ENDED, 90)
        assert ask("GET", f"/executions/{execution}")["status"] == "terminated"
        properties = ask("GET", f"/node-instances/{app}")["runtime_properties"]
        assert properties["agent"] == str(host.home) != properties["manager"]
        (received,) = host.home.glob(".cfy-agents/*/broker-ca.pem")
        assert received.read_text() == ca.read_text()
        assert ask("GET", "/brokers")["items"][0]["status"] == "Active"
    finally:
        proxy.terminate()
        proxy.wait()


def test_broker_whose_certificate_is_not_trusted_is_told(broker: OwnBroker, data_dir: Path):
    running = control.start(ManagerSettings(data_dir, port=find_free_port(), workers=1, broker=broker.url))
    part = request(running, data_dir, "/cluster-status").json()["services"]["broker"]
    assert part["status"] == "Fail"
    assert "CERTIFICATE_VERIFY_FAILED" in str(part["nodes"]["localhost"]["failures"])
    assert request(running, data_dir, "/brokers").json()["items"][0]["status"] == "Inactive"


def test_agent_tells_that_it_cannot_write_the_certificate(tmp_path: Path):
    agent = HostAgent(AgentConfiguration(tmp_path / "agent.json", "vm", "http://127.0.0.1:1", "token"))
    (tmp_path / BROKER_CERTIFICATE).mkdir()  # in its place
    agent._keep_child({"state": "started", "queue": "q", "broker": "rediss://", "broker_ca_certificate": "PEM"})
    status = read_status(tmp_path)
    assert status is not None
    assert "The certificate of the broker cannot be written" in status["error"]
    assert agent._child is None
