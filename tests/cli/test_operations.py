"""Tasks graphs and operations of executions, runtime properties of node instances, and owners."""

import json
from pathlib import Path

import pytest

from tests.conftest import Cfy

BLUEPRINT = """\
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_templates:
  page:
    type: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: create.sh}
"""
pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture
def installed(cfy: Cfy, tmp_path: Path) -> Cfy:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "blueprint.yaml").write_text(BLUEPRINT)
    (folder / "create.sh").write_text("ctx instance runtime-properties port 80\n")
    cfy(f"install {folder / 'blueprint.yaml'} -b app -d dep")
    return cfy


def ids(cfy: Cfy, command: str) -> list[str]:
    return cfy(f"{command} --format name").split()


def test_operations_of_execution_and_graph_are_listed(installed: Cfy) -> None:
    (execution,) = json.loads(installed("executions list -d dep --json --query \"[?workflow_id=='install'].id\""))
    (graph,) = json.loads(installed(f"executions graphs list {execution} --json"))
    assert graph["name"] == "install"
    assert installed(f"executions graphs list {execution} --name other --json") == "[]\n"
    operations = json.loads(installed(f"executions operations list {execution} --json"))
    assert "script_runner.tasks.run" in {operation["name"] for operation in operations}
    assert ids(installed, f"executions operations list --graph-id {graph['id']}") == [row["id"] for row in operations]
    assert installed(f"executions operations list {execution} --state failed --json") == "[]\n"
    everything = ids(installed, f"executions operations list {execution} --show-internal")
    assert len(everything) > len(operations)
    (script,) = [row["id"] for row in operations if row["name"] == "script_runner.tasks.run"]
    assert "create.sh" in installed(f"executions operations get {script}")
    assert json.loads(installed(f"executions operations get {script} --json"))["state"] == "succeeded"


def test_operations_need_execution_or_graph(installed: Cfy) -> None:
    for arguments, code, message in (
        ("operations list", 2, "Give either EXECUTION_ID or --graph-id"),
        ("operations list e --graph-id g", 2, "Give either EXECUTION_ID or --graph-id"),
        ("operations list nosuch", 3, "nosuch"),
        ("graphs list nosuch", 3, "nosuch"),
        ("operations get nosuch", 3, "nosuch"),
    ):
        installed(f"executions {arguments}", code=code)
        assert message in installed.errors


def test_runtime_properties_are_updated_level_by_level(installed: Cfy, tmp_path: Path) -> None:
    (instance,) = ids(installed, "node-instances list")

    def change(verb: str, *properties: str) -> object:
        given = " ".join(f"-p '{text}'" for text in properties)
        return json.loads(installed(f"node-instances {verb} {instance} {given} --json"))["runtime_properties"]

    assert change("update-runtime", "limits.cpu=2", '{"limits": {"memory": 1}}') == {
        "port": "80",
        "limits": {"cpu": "2", "memory": 1},
    }
    assert change("delete-runtime", "limits.cpu", "port") == {"limits": {"memory": 1}}
    (tmp_path / "keys.yaml").write_text("limits: {memory: }\n")
    assert change("delete-runtime", str(tmp_path / "keys.yaml")) == {"limits": {}}
    assert "Instance runtime properties:" in installed(f"node-instances update-runtime {instance} -p a=1")


def test_unknown_runtime_property_is_not_deleted(installed: Cfy) -> None:
    (instance,) = ids(installed, "node-instances list")
    installed(f"node-instances update-runtime {instance} -p limits.cpu=2 -p port=80")
    for key, message in (
        ("nosuch", "There is no runtime property `nosuch`\nHint: Runtime properties: limits, port"),
        ("limits.disk", "There is no runtime property `limits.disk`\nHint: Runtime properties: limits.cpu"),
        ("port.low", "The runtime property `port` has no parts: it is not a mapping"),
    ):
        installed(f"node-instances delete-runtime {instance} -p {key}", code=3)
        assert message in installed.errors
    installed(f"node-instances delete-runtime {instance} -p a..b", code=2)
    installed("node-instances update-runtime nosuch -p a=1", code=3)


def test_owner_changes_and_labels_stay(installed: Cfy) -> None:
    installed("users create ann -p annpass12345 -t default_tenant -l user")
    installed("deployments labels add a:b dep")
    assert installed("deployments set-owner dep -s ann") == "Deployment `dep` is now owned by user `ann`\n"
    assert installed("blueprints set-owner app -s ann") == "Blueprint `app` is now owned by user `ann`\n"
    assert json.loads(installed("deployments labels list dep --json")) == {"a": ["b"]}
    assert json.loads(installed("blueprints list --json"))[0]["created_by"] == "ann"


def test_statuses_of_deployments_are_listed(installed: Cfy) -> None:
    (row,) = json.loads(installed("deployments status-list -b app --json"))
    assert (row["id"], row["deployment_status"], row["drifted_instances"]) == ("dep", "good", 0)
    assert "unavailable_instances" in installed("deployments status-list --search dep")
    assert installed("deployments status-list -b other --json") == "[]\n"
