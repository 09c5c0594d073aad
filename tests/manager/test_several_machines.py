"""The tour of a manager on several machines, while each part of it is killed in turn."""

import json
import os
import shlex
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from cfy_cli.config.profiles import Profile
from cfy_cli.main import main
from cfy_cli.shell.app import App
from tests.brokers import BROKERS, broker_url
from tests.databases import POSTGRESQL
from tests.manager.processes import wait_until
from tests.manager.several_machines import PASSWORD, ROLES, LoadBalancer, Machines, SharedDatabase, is_installed

ROUNDS = int(os.environ.get("CFY_MACHINES_ROUNDS", "20"))
PARTS = ("worker-1", "server-1", "database", "worker-2", "server-2", "load balancer")
BLUEPRINT = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
inputs: {folder: {type: string, default: /nonexistent}}
node_templates:
  first: {type: cloudify.nodes.Root, interfaces: &all {cloudify.interfaces.lifecycle: {
    create: {implementation: do.sh, inputs: &folder {folder: {get_input: folder}}},
    delete: {implementation: do.sh, inputs: *folder}}}}
  second:
    type: cloudify.nodes.Root
    interfaces: *all
    relationships: [{type: cloudify.relationships.depends_on, target: first}]
outputs: {done: {value: {get_attribute: [second, done]}}}
"""
SCRIPT = """#!/bin/bash
name=$(ctx operation name); name=${name##*.}
mkdir -p "$folder" && echo "$name" >> "$folder/$(ctx node id)"
for _ in $(seq 100); do [ -e "$folder/go" ] && break; sleep 0.1; done
ctx instance runtime-properties done "$name"
"""


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    if not POSTGRESQL:
        pytest.skip("CFY_TEST_POSTGRESQL names no server")
    database = SharedDatabase()
    machines = Machines(tmp_path, database)
    try:
        for name in ROLES:
            machines.start(name)
        yield machines
    finally:
        database.resume()
        machines.stop()
        database.drop()


@pytest.mark.process
@pytest.mark.parametrize("kind", BROKERS)
def test_worker_machine_runs_operations_of_a_broker(tmp_path: Path, kind: str) -> None:
    """Install with a server on one machine and a worker on another one, whose operations call that server."""
    if not POSTGRESQL:
        pytest.skip("CFY_TEST_POSTGRESQL names no server")
    database = SharedDatabase()
    machines = Machines(tmp_path, database, broker=broker_url(kind))
    try:
        for name in ("server-1", "worker-1"):
            machines.start(name)
        (tmp_path / "folder").mkdir()
        (tmp_path / "folder" / "go").touch()
        (tmp_path / "blueprint.yaml").write_text(BLUEPRINT)
        (tmp_path / "do.sh").write_text(SCRIPT)
        port = machines.ports["server-1"]
        cfy(port, f"install {tmp_path}/blueprint.yaml -b app -d app -i folder={tmp_path}/folder")
        assert json.loads(cfy(port, "deployments outputs app --json"))["done"]["value"] == "create"
    finally:
        machines.stop()
        database.drop()


def cfy(port: int, line: str, *, code: int = 0) -> str:
    profile = Profile(
        name="test", manager_ip="127.0.0.1", rest_port=port, manager_username="admin", manager_password=PASSWORD
    )
    app = App(profile=profile, environ={"NO_COLOR": "1"})
    result = CliRunner().invoke(main, shlex.split(line), obj=app)
    assert result.exit_code == code, f"{line}: exit {result.exit_code}\n{result.stdout}\n{result.stderr}"
    return result.stdout


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("tool", ["nginx", "haproxy"])
def test_tour_survives_the_end_of_each_machine(machines: Machines, tmp_path: Path, tool: str) -> None:
    if not is_installed(tool):
        pytest.skip(f"{tool} is not installed")
    balancer = LoadBalancer(tool, machines.ports, tmp_path)
    try:
        blueprint = tmp_path / "blueprint"
        blueprint.mkdir()
        (blueprint / "blueprint.yaml").write_text(BLUEPRINT)
        (blueprint / "do.sh").write_text(SCRIPT)
        cfy(balancer.port, f"blueprints upload -b app {blueprint}/blueprint.yaml")
        for number in range(ROUNDS):
            _go_round(machines, balancer, PARTS[number % len(PARTS)], tmp_path / f"round-{number}", number)
        _use_group(balancer.port, tmp_path / "group")
        status = json.loads(cfy(balancer.port, "cluster status --json"))
        assert status["status"] == "OK", status
    finally:
        balancer.kill()


def _go_round(machines: Machines, balancer: LoadBalancer, part: str, folder: Path, number: int) -> None:
    """Install and uninstall while a part of the manager ends, and look whether all was done in order."""
    port, name = balancer.port, f"d{number}"
    cfy(port, f"deployments create {name} -b app -i folder={folder}")
    for workflow, order in (("install", ("first", "second")), ("uninstall", ("second", "first"))):
        begun = folder / order[0]
        before = begun.read_text() if begun.exists() else ""
        outcome: list[str] = []
        command = f"executions start {workflow} -d {name} --json"
        thread = threading.Thread(target=lambda: outcome.append(_start(port, command)))  # noqa: B023
        thread.start()
        wait_until(lambda: begun.exists() and begun.read_text() != before)  # noqa: B023
        if workflow == "install":
            _end(machines, balancer, part)
        (folder / "go").touch()
        thread.join()
        executions = json.loads(cfy(port, f"executions list -d {name} --json"))
        statuses = [each["status"] for each in executions if each["workflow_id"] == workflow]
        assert statuses == ["completed"], (part, statuses, outcome)
        (folder / "go").unlink()
        for node in order:
            done = (folder / node).read_text().split()
            assert set(done) == ({"create"} if workflow == "install" else {"create", "delete"}), (part, node, done)
            assert len(done) <= (2 if workflow == "install" else 3), (part, node, done)  # one may run again
        if workflow == "install":
            assert json.loads(cfy(port, f"deployments outputs {name} --json"))["done"]["value"] == "create"
            _resume(machines, balancer, part)
    cfy(port, f"deployments delete {name}")


def _start(port: int, command: str) -> str:
    try:
        return cfy(port, command)
    except AssertionError as error:  # the answer is lost with its server, and the execution goes on
        return str(error)


def _end(machines: Machines, balancer: LoadBalancer, part: str) -> None:
    if part == "database":
        machines.database.interrupt()
        time.sleep(2)
        machines.database.resume()
    elif part == "load balancer":
        balancer.kill()
        balancer.start()
    else:
        machines.kill(part)


def _resume(machines: Machines, balancer: LoadBalancer, part: str) -> None:
    if part in ROLES:
        machines.start(part)
    wait_until(lambda: _is_healthy(balancer.port))


def _is_healthy(port: int) -> bool:
    try:
        return json.loads(cfy(port, "cluster status --json"))["status"] == "OK"
    except AssertionError:
        return False


def _use_group(port: int, folder: Path) -> None:
    folder.mkdir()
    (folder / "go").touch()
    cfy(port, f"deployments groups create g -b app -i folder={folder}")
    cfy(port, "deployments groups extend g --count 4")
    running = "executions list --include-system-workflows --json --query \"[?status!='completed'].id\""
    wait_until(lambda: json.loads(cfy(port, running)) == [])  # their environments are made
    for workflow in ("install", "uninstall"):
        cfy(port, f"executions groups start -g g {workflow}")
    assert {path.name for path in folder.iterdir()} == {"go", "first", "second"}
