"""Tests of `cfy logs`, and of what `executions list` and `get` show of states and failures."""

import json
from pathlib import Path

import pytest

from tests.conftest import Cfy

BLUEPRINT = """\
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_templates:
  store:
    type: cloudify.nodes.Root
    interfaces: {cloudify.interfaces.lifecycle: {create: say.sh}}
  web:
    type: cloudify.nodes.Root
    interfaces: {cloudify.interfaces.lifecycle: {create: say.sh, start: {implementation: fail.sh, max_retries: 0}}}
    relationships: [{type: cloudify.relationships.depends_on, target: store}]
"""


@pytest.fixture
def failed(cfy: Cfy, worker: None, tmp_path: Path) -> str:
    """A deployment `shop` whose installation has failed; return the id of that execution."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "say.sh").write_text("echo said\n")
    (folder / "fail.sh").write_text("echo no disk is left >&2\nexit 3\n")
    (folder / "blueprint.yaml").write_text(BLUEPRINT)
    cfy(f"install {folder}/blueprint.yaml", code=5)
    return str(json.loads(cfy("executions list -d shop --json --status failed"))[0]["id"])


def test_logs_are_of_the_newest_execution(cfy: Cfy, failed: str) -> None:
    cfy("deployments create other -b shop")
    assert "no disk is left" in cfy("logs shop")
    assert failed in cfy.errors
    assert "no disk is left" in cfy("logs")
    assert "create_deployment_environment" in cfy("logs other") + cfy.errors
    cfy("logs absent", code=3)
    assert "store" not in cfy("logs shop -n web")
    cfy("executions start uninstall -d shop -p ignore_failure=true")
    assert "uninstall" in cfy("logs shop --no-logs")


@pytest.mark.parametrize("line", ["logs shop -f -n store", "events list {} --tail --node store"])
def test_events_of_a_node_are_followed_alone(cfy: Cfy, failed: str, line: str) -> None:
    shown = cfy(line.format(failed), code=5)
    assert "said" in shown
    assert "web" not in shown
    cfy(f"events list {failed} --tail -s 5", code=2)


def test_logs_without_executions_say_how_to_start_one(cfy: Cfy) -> None:
    cfy("logs", code=3)
    assert "cfy executions start" in cfy.errors


def test_failed_execution_shows_what_failed(cfy: Cfy, failed: str) -> None:
    shown = cfy(f"executions get {failed}")
    assert "Failed operations:" in shown
    line = next(line for line in shown.splitlines() if "web_" in line and "start" in line)
    assert "no disk is left" in line
    assert "Subgraph" not in shown
    assert f"cfy executions resume {failed}" in cfy.errors


def test_executions_are_listed_by_their_states(cfy: Cfy, failed: str) -> None:
    cfy("executions start uninstall -d shop -p ignore_failure=true")
    listed = json.loads(cfy("executions list --status completed --status cancelled --json"))
    workflows = {each["workflow_id"]: each["status"] for each in listed}
    assert workflows["uninstall"] == "completed"
    assert "install" not in workflows
    assert failed in cfy("executions list --status failed --format name")
    cfy("executions list --status broken", code=2)
    assert "States: " in cfy.errors


def test_watched_list_shows_changes_until_interrupted(cfy: Cfy, monkeypatch: pytest.MonkeyPatch) -> None:
    def change(seconds: float) -> None:
        if "second" in cfy("sites list --format name"):
            raise KeyboardInterrupt
        cfy("sites create second")

    cfy("sites create first")
    monkeypatch.setattr("cfy_cli.shell.watching.time.sleep", change)
    shown = cfy("sites list --watch --format name", code=130)
    assert shown.split() == ["first", "first", "second"]


def test_workflows_are_shown_with_descriptions(cfy: Cfy, failed: str) -> None:
    assert "Heal node instances" in cfy("workflows list -d shop")
    assert "Heal node instances" in cfy("workflows get heal -d shop")
    assert "description" not in json.loads(cfy("workflows get heal -d shop --json"))
