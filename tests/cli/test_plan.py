"""Tests of `cfy plan`, and of the plan that `cfy apply` shows before it asks."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cfy

from .conftest import Run

# Relationships of every kind, several instances, all operations of the lifecycle, one without an implementation.
BLUEPRINT = """\
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
inputs:
  webs: {type: integer, default: 2}
node_types:
  traced:
    derived_from: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.validation: {create: &run {implementation: run.sh}}
      cloudify.interfaces.lifecycle: {precreate: *run, create: *run, configure: *run, start: *run, poststart: *run}
      cloudify.interfaces.monitoring: {start: *run}
relationships:
  joined:
    derived_from: cloudify.relationships.connected_to
    source_interfaces:
      cloudify.interfaces.relationship_lifecycle: {preconfigure: *run, establish: *run, unlink: *run}
    target_interfaces:
      cloudify.interfaces.relationship_lifecycle: {postconfigure: *run, establish: *run}
node_templates:
  web:
    type: traced
    capabilities: {scalable: {properties: {default_instances: {get_input: webs}}}}
    relationships: [{type: cloudify.relationships.contained_in, target: host}, {type: joined, target: store}]
  host: {type: cloudify.nodes.Root}
  store:
    type: cloudify.nodes.Root
    instances: {deploy: 2}
    interfaces:
      cloudify.interfaces.lifecycle: {create: {implementation: run.sh, inputs: {word: {get_secret: word}}}}
"""


@pytest.fixture
def blueprint(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "run.sh").write_text("true\n")
    (folder / "blueprint.yaml").write_text(BLUEPRINT)
    return folder / "blueprint.yaml"


def planned_operations(plan: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for instance in plan["node_instances"]:
        for operation in instance["operations"]:
            yield operation["node_id"], operation["name"]


@pytest.mark.usefixtures("worker")
def test_plan_names_what_the_installation_runs(cfy: Cfy, blueprint: Path) -> None:
    plan = json.loads(cfy(f"plan {blueprint} -i webs=3 --json"))
    cfy("secrets create word -s hidden")
    cfy(f"install {blueprint} -i webs=3")
    execution = json.loads(cfy("executions list -d shop --json --query \"[?workflow_id=='install'].id | [0]\""))
    events = map(json.loads, cfy(f"events list {execution} --json --limit 10000").splitlines())
    started = [event for event in events if event.get("event_type") == "task_started" and event.get("node_name")]
    ran = Counter((event["node_name"], event["operation"]) for event in started)
    assert Counter(planned_operations(plan)) == ran
    assert plan["operation_count"] == sum(ran.values()) == 3 * (7 + 2 * 4) + 2
    instances = json.loads(cfy("node-instances list -d shop --json"))
    assert Counter(item["node_id"] for item in plan["node_instances"]) == Counter(item["node_id"] for item in instances)
    created = [event["node_name"] for event in started if event["operation"].endswith("lifecycle.create")]
    stages = {item["node_id"]: item["stage"] for item in plan["node_instances"]}
    assert stages == {"host": 1, "store": 1, "web": 2}
    assert sorted(created, key=stages.__getitem__) == created


def test_plan_needs_no_manager(run: Run, blueprint: Path, workdir: Path) -> None:
    shown = run(f"plan {blueprint}", profile=None).out
    assert "It would create 5 node instances and run 32 operations" in shown
    assert "+ web x2: traced, in host, after store" in shown
    assert re.search(r"establish +run.sh \(relationship to store, on store\)", shown)
    assert "Secrets that it reads: word" in shown
    assert not (workdir / ".cloudify" / "manager").exists()
    run(f"plan {blueprint} --detailed-exitcode", profile=None, code=8)
    assert run(f"plan {blueprint} --json -i webs=1", profile=None).data["inputs"] == {"webs": 1}


def test_plan_of_an_archive_is_that_of_its_files(run: Run, blueprint: Path, tmp_path: Path) -> None:
    run(f"blueprints package {blueprint} -o {tmp_path}/shop.zip")
    of_file, of_archive = (run(f"plan {path} --json").data for path in (blueprint, tmp_path / "shop.zip"))
    assert of_archive == of_file


def test_plan_draws_the_node_instances(run: Run, blueprint: Path, tmp_path: Path) -> None:
    run(f"plan {blueprint} --graph {tmp_path}/shop.svg")
    assert "web[2]" in (tmp_path / "shop.svg").read_text()
    assert ".svg" in run(f"plan {blueprint} --graph {tmp_path}/shop.png", code=2).err
    assert not (tmp_path / "shop.png").exists()
    drawn = run(f"plan {blueprint} --graph -").out
    assert "web#91;2#93;" in drawn
    assert "would create" not in drawn


@pytest.mark.parametrize(
    ("options", "reason"),
    [("-i webs=many", "webs"), ("-i other=1", "other")],
)
def test_plan_refuses_what_cannot_be_installed(run: Run, blueprint: Path, options: str, reason: str) -> None:
    assert reason in run(f"plan {blueprint} {options}", code=1).err


def test_plan_tells_what_is_wrong_with_the_blueprint(run: Run, blueprint: Path) -> None:
    blueprint.write_text(BLUEPRINT.replace("target: store", "target: shop"))
    assert "blueprint.yaml:23" in run(f"plan {blueprint}", code=1).err
    assert "does not exist" in run(f"plan {blueprint}.gone", code=2).err


@pytest.mark.usefixtures("worker")
def test_plan_of_an_existing_deployment_is_its_update(cfy: Cfy, blueprint: Path) -> None:
    cfy("secrets create word -s hidden")
    assert "It would create 5 node instances" in cfy(f"plan {blueprint} -d shop")
    cfy(f"install {blueprint}")
    assert "would change nothing" in cfy(f"plan {blueprint} -d shop --detailed-exitcode")
    blueprint.write_text(BLUEPRINT + "  more: {type: cloudify.nodes.Root}\n")
    assert "+ node more: installed" in cfy(f"plan {blueprint} -d shop --detailed-exitcode", code=8)
    assert cfy("blueprints list --format name").split() == ["shop"]
    cfy(f"plan {blueprint} -d shop --graph -", code=2)
    assert "cfy blueprints graph -d shop" in cfy.errors


@pytest.mark.usefixtures("worker")
def test_apply_asks_before_it_changes_anything(cfy: Cfy, blueprint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cfy_cli.shell.app.App.interactive", True)
    cfy("secrets create word -s hidden")
    typed = f"apply --blueprint-path {blueprint}"
    assert "It would create 5 node instances" in cfy(typed, input="n\n", code=130)
    assert cfy("blueprints list --format name") == ""
    cfy(typed, input="y\n")
    blueprint.write_text(BLUEPRINT + "  more: {type: cloudify.nodes.Root}\n")
    assert "+ node more: installed" in cfy(typed, input="n\n", code=130)
    assert cfy("blueprints list --format name").split() == ["shop"]
    assert "Successfully updated" in cfy(f"{typed} --yes")
    assert "more" in cfy("nodes list -d shop --format name")
