"""Hosts on other machines: nothing that is meant for them runs on this one."""

import socket
from pathlib import Path

import psutil
import pytest

from cfy_cli.manager.engine.ports import WorkflowResult
from tests.engine.deployment import Deployment

CREATE = "cloudify.interfaces.lifecycle.create"
BLUEPRINT = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_templates:
  vm:
    type: cloudify.nodes.Compute
    properties: {PROPERTIES}
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: s.sh, executor: central_deployment_agent}
  app:
    type: cloudify.nodes.Root
    relationships: [{type: cloudify.relationships.contained_in, target: vm}]
    interfaces:
      cloudify.interfaces.lifecycle: {create: {implementation: s.sh, EXECUTOR max_retries: 0}}
  web:
    type: cloudify.nodes.Root
    relationships:
      - type: cloudify.relationships.connected_to
        target: app
        target_interfaces:
          cloudify.interfaces.relationship_lifecycle: {establish: s.sh}
"""
ADDRESS = "10.99.99.99"
ELSEWHERE = [
    f"ip: {ADDRESS}",
    f"ip: {ADDRESS}, agent_config: {{install_method: remote}}",
    f"ip: {ADDRESS}, agent_config: {{install_method: init_script}}",
    f"ip: {ADDRESS}, agent_config: {{install_method: plugin}}",
    f"ip: {ADDRESS}, agent_config: {{install_method: provided}}",
    f"ip: {ADDRESS}, install_agent: true, agent_config: {{install_method: none}}",
    "ip: vm.example.com",
    "ip: '2001:db8::1'",
]
HERE = [
    "",
    "agent_config: {install_method: remote}",
    "ip: localhost",
    "ip: 127.0.0.1",
    "ip: '::1'",
    f"ip: {socket.gethostname()}",
    f"ip: {ADDRESS}, agent_config: {{install_method: none}}",
    f"ip: {ADDRESS}, install_agent: false",
]


def create(folder: Path, properties: str, executor: str = "") -> Deployment:
    (folder / "s.sh").write_text("")
    text = BLUEPRINT.replace("PROPERTIES", properties).replace("EXECUTOR", executor)
    return Deployment.from_blueprint(folder, text).script("s.sh", "#!/bin/bash\nctx logger info ran\n")


@pytest.mark.parametrize("properties", ELSEWHERE)
def test_install_for_another_machine_runs_nothing(tmp_path: Path, properties: str):
    deployed = create(tmp_path, properties)
    result = deployed.run("install")
    [vm] = deployed.ids("vm")
    assert result.state == "failed"
    assert result.error.startswith(f"Nothing was installed. The host {vm} is the machine ")
    assert "`agent_config: {install_method: none}` of the node vm runs them here" in result.error
    assert deployed.logs == []
    assert deployed.states("vm") == deployed.states("app") == ["uninitialized"]


@pytest.mark.parametrize("properties", HERE)
def test_install_for_this_machine_runs_all(tmp_path: Path, properties: str):
    deployed = create(tmp_path, properties)
    assert deployed.run("install") == WorkflowResult("terminated")
    assert deployed.logs.count("ran") == 3
    assert deployed.run("uninstall") == WorkflowResult("terminated")


def test_own_address_is_this_machine(tmp_path: Path):
    internet = (socket.AF_INET, socket.AF_INET6)
    own = [address for addresses in psutil.net_if_addrs().values() for address in addresses]
    for number, address in enumerate(sorted(one.address for one in own if one.family in internet)):
        (tmp_path / str(number)).mkdir()
        deployed = create(tmp_path / str(number), f"ip: '{address.partition('%')[0]}'")
        assert deployed.run("execute_operation", operation=CREATE, dry_run=False) == WorkflowResult("terminated")


@pytest.mark.parametrize("executor", ["", "executor: host_agent,"])
def test_operation_for_another_machine_is_refused(tmp_path: Path, executor: str):
    deployed = create(tmp_path, f"ip: {ADDRESS}", executor)
    [app] = deployed.ids("app")
    result = deployed.run("execute_operation", operation=CREATE, node_ids=["app"])
    assert result.state == "failed"
    assert f"NonRecoverableError `{CREATE} of {app} was not run. The host" in result.error
    assert deployed.logs == []


def test_operation_for_the_manager_runs(tmp_path: Path):
    deployed = create(tmp_path, f"ip: {ADDRESS}", "executor: central_deployment_agent,")
    assert deployed.run("execute_operation", operation=CREATE) == WorkflowResult("terminated")
    assert deployed.logs == ["ran", "ran"]


def test_address_that_is_known_at_run_time_counts(tmp_path: Path):
    deployed = create(tmp_path, "")
    deployed.script("s.sh", f"#!/bin/bash\nctx logger info ran\nctx instance runtime-properties ip {ADDRESS}\n")
    result = deployed.run("install")
    assert result.state == "failed"
    assert "cloudify.interfaces.cloudify_agent.create of" in result.error
    assert deployed.logs == ["ran"], "only the host, by the manager"
    assert deployed.states("app") == ["uninitialized"]
    assert deployed.run("uninstall") == WorkflowResult("terminated")


def test_relationship_for_another_machine_is_refused(tmp_path: Path):
    deployed = create(tmp_path, f"ip: {ADDRESS}")
    for name in ("vm", "app"):
        deployed.records.update_instance(deployed.ids(name)[0], state="started")
    result = deployed.run("install", node_ids=["web"])
    assert "cloudify.interfaces.relationship_lifecycle.establish of" in result.error
    assert deployed.logs == []
