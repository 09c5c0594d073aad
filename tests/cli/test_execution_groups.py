"""`cfy executions groups` against a real manager: starting and following, changing, cancelling, resuming."""

import json
from pathlib import Path

import pytest
import responses

from tests.conftest import Ask, Cfy

from .conftest import Run, page

API = "http://manager/api/v3.1"

BLUEPRINT = """\
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
inputs: {file: {default: /bin/true}}
node_templates:
  page:
    type: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: run.sh, inputs: {file: {get_input: file}}, max_retries: 0}
"""


@pytest.fixture
def group(cfy: Cfy, ask: Ask, worker: object, tmp_path: Path) -> str:
    """A group web of three deployments, of which the installation of the last fails while a file is missing."""
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "blueprint.yaml").write_text(BLUEPRINT)
    (folder / "run.sh").write_text('#!/bin/bash\n"$file"\n')
    cfy(f"blueprints upload {folder}/blueprint.yaml -b app")
    for name in ("web-1", "web-2"):
        cfy(f"deployments create {name} -b app")
    cfy(f"deployments create bad -b app -i file={tmp_path}/missing")
    for name, members in (("web", ["web-1", "web-2", "bad"]), ("good", []), ("to-repair", [])):
        ask("PUT", f"/deployment-groups/{name}", json={"deployment_ids": members})
    return "web"


def members(ask: Ask, name: str) -> set[str]:
    return {*ask("GET", f"/deployment-groups/{name}").json()["deployment_ids"]}


def test_group_that_failed_is_sorted_mended_and_resumed(cfy: Cfy, ask: Ask, group: str, tmp_path: Path):
    assert "Create one: cfy executions groups start install" in cfy("executions groups list") + cfy.errors
    out = cfy(f"executions groups start install -g {group} --concurrency 2 -p node_ids=[page]", code=5)
    [item] = json.loads(cfy("executions groups list --json"))
    key = item["id"]
    assert (
        f"Execution group {key} started: running install on deployment group web [concurrency=2]" in cfy.errors or out
    )
    assert out.count("changed state to 'started'") == 3
    assert "changed state to 'failed' with error 'Task failed" in out
    assert (item["status"], item["deployment_group"], item["deployment_group_id"]) == ("failed", "web", "web")
    cfy(f"executions groups set-success-group {key} good")
    cfy(f"executions groups set-failure-group {key} to-repair")
    assert (members(ask, "good"), members(ask, "to-repair")) == ({"web-1", "web-2"}, {"bad"})
    assert "Showing 3 of 3 executions" in cfy(f"executions list -g {key}")
    details = cfy(f"executions groups details {key}")
    assert "failed: 1" in details
    assert "terminated: 2" in details
    script = tmp_path / "missing"
    script.write_text("#!/bin/bash\n")
    script.chmod(0o755)
    assert f"A resume request for group {key} has been sent" in cfy(f"executions groups resume {key}")
    assert f"{key}  install on `web`: terminated" in cfy(f"executions wait --groups {key}")
    assert members(ask, "good") == {"web-1", "web-2", "bad"}


def test_paused_group_is_cancelled_and_told_as_cancelled(cfy: Cfy, ask: Ask, group: str):
    out = json.loads(cfy(f"executions groups start install -g {group} --concurrency 0 --no-wait --json"))
    key = out["id"]
    assert (out["status"], out["concurrency"]) == ("queued", 0)
    assert cfy(f"executions groups set-concurrency {key} 0") == f"Concurrency of execution group {key} set to 0\n"
    assert f"A cancel request for group {key} has been sent" in cfy(f"executions groups cancel {key}")
    assert json.loads(cfy(f"executions groups get {key} --json"))["status"] == "terminated"
    cfy(f"executions wait -g {key}", code=6)
    assert f"3 of the 3 executions of group {key} were cancelled" in cfy.errors
    assert {item["deployment_status"] for item in ask("GET", "/deployments").json()["items"]} == {"requires_attention"}


def test_wrong_commands_of_groups_are_refused(cfy: Cfy, ask: Ask, group: str):
    for line, code, error in (
        ("start install -g nogroup", 3, "Requested `DeploymentGroup` with ID `nogroup` was not found"),
        ("start instal -g web", 1, "Workflow instal does not exist in the deployment web-1"),
        ("start install -g web --concurrency -1", 2, "-1 is not in the range x>=0"),
        ("start install -g web -p speed=9", 1, "does not have the following parameters declared: speed"),
        ("start uninstall", 2, "Missing option '-g' / '--deployment-group'"),
        ("get nogroup", 3, "Requested `ExecutionGroup` with ID `nogroup` was not found"),
        ("set-success-group x nogroup", 3, "Requested `ExecutionGroup` with ID `x` was not found"),
    ):
        cfy(f"executions groups {line}", code=code)
        assert error in cfy.errors
    assert ask("GET", "/execution-groups").json()["items"] == []


def test_group_is_started_once_its_deployments_are_created(run: Run, wire: responses.RequestsMock) -> None:
    refused = {"message": "Workflow install does not exist", "error_code": "nonexistent_workflow_error"}
    wire.get(f"{API}/workflows", json=page())
    wire.post(f"{API}/execution-groups", status=400, json=refused)
    creation = {"id": "c1", "status": "started", "workflow_id": "create_deployment_environment"}
    wire.get(f"{API}/execution-groups", json=page(creation))
    ended = wire.get(f"{API}/execution-groups/c1", json={**creation, "status": "terminated"})
    started = {"id": "g1", "status": "started", "workflow_id": "install", "deployment_group_id": "g", "concurrency": 5}
    wire.post(f"{API}/execution-groups", json=started)
    assert "Execution group g1 started" in run("executions groups start install -g g --no-wait").err
    assert ended.call_count == 1


def test_group_without_the_workflow_is_refused_at_once(run: Run, wire: responses.RequestsMock) -> None:
    refused = {"message": "Workflow nosuch does not exist", "error_code": "nonexistent_workflow_error"}
    wire.get(f"{API}/workflows", json=page())
    start = wire.post(f"{API}/execution-groups", status=400, json=refused)
    wire.get(f"{API}/execution-groups", json=page())
    assert "nosuch does not exist" in run("executions groups start nosuch -g g", code=1).err
    assert start.call_count == 1
