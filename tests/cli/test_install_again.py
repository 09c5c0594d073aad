"""A second `cfy install` after the first one has failed."""

import json
import shutil
from pathlib import Path

import pytest

from cfy_cli.shell.app import App
from tests.conftest import Cfy

BLUEPRINT = """\
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
inputs:
  port: {type: integer}
  host: {type: string}
  colour: {type: string, default: red, constraints: [{valid_values: [red, blue]}]}
  mark: {type: string, default: ''}
node_templates:
  page:
    type: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: create.sh, max_retries: 0, inputs: {MARK: {get_input: mark}}}
"""
SCRIPT = """\
#!/bin/bash
test -z "$MARK" || test -f "$MARK"
"""
pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture
def blueprint_file(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "blueprint.yaml").write_text(BLUEPRINT)
    (folder / "create.sh").write_text(SCRIPT)
    return folder / "blueprint.yaml"


def names(cfy: Cfy, noun: str) -> list[str]:
    return cfy(f"{noun} list --format name").split()


def test_all_input_mistakes_are_told_before_upload(cfy: Cfy, blueprint_file: Path) -> None:
    cfy(f"install {blueprint_file} -i port=x -i colour=green -i nosuch=1", code=1)
    for fault in ("input `port`", "input `host` is required", "input `colour`", "no input `nosuch`"):
        assert fault in cfy.errors
    assert names(cfy, "blueprints") == []


@pytest.mark.parametrize("is_embedded", [True, False])
def test_blueprint_mistakes_are_told_and_mended(
    cfy: Cfy, blueprint_file: Path, monkeypatch: pytest.MonkeyPatch, is_embedded: bool
) -> None:
    """The embedded manager knows the same language, so that the blueprint is not even sent."""
    monkeypatch.setattr(App, "uses_embedded", lambda _self, _profile: is_embedded)
    blueprint_file.write_text(BLUEPRINT.replace("cloudify.nodes.Root", "cloudify.nodes.Rot"))
    cfy(f"install {blueprint_file} -i port=1 -i host=h", code=1)
    assert "blueprint.yaml:10:" in cfy.errors
    assert names(cfy, "blueprints") == ([] if is_embedded else ["app"])
    blueprint_file.write_text(BLUEPRINT)
    cfy(f"install {blueprint_file} -i port=1 -i host=h")


def test_archive_with_missing_inputs_installs_when_given(cfy: Cfy, blueprint_file: Path, tmp_path: Path) -> None:
    folder = blueprint_file.parent
    archive = shutil.make_archive(str(tmp_path / "packed"), "zip", folder.parent, folder.name)
    cfy(f"install {archive}", code=1)
    assert "`port`" in cfy.errors
    assert "`host`" in cfy.errors
    assert "Hint: Correct this and repeat the command" in cfy.errors
    cfy(f"install {archive} -i port=1 -i host=h")
    assert "is on the manager already" in cfy.errors
    assert names(cfy, "deployments") == ["app"]


def test_failed_installation_continues_with_same_command(cfy: Cfy, blueprint_file: Path, tmp_path: Path) -> None:
    command = f"install {blueprint_file} -i port=1 -i host=h -i mark={tmp_path}/mark --deployment-labels a:b"
    cfy(command, code=5)
    (tmp_path / "mark").touch()
    cfy(command)
    assert "the installation continues" in cfy.errors
    executions = json.loads(cfy("executions list --json"))
    assert [item["workflow_id"] for item in executions].count("install") == 2


def test_installed_deployment_is_not_installed_again(cfy: Cfy, blueprint_file: Path) -> None:
    command = f"install {blueprint_file} -i port=1 -i host=h"
    cfy(command)
    cfy(command, code=1)
    assert "Deployment `app` already exists and is installed\n" in cfy.errors
    assert "Hint: Remove it: cfy uninstall app" in cfy.errors


@pytest.mark.parametrize(
    "change", ["-i port=2 -i host=h", "-i port=1 -i host=h --deployment-labels x:y", "-i port=1 -i host=h -l global"]
)
def test_other_values_are_refused(cfy: Cfy, blueprint_file: Path, change: str) -> None:
    cfy(f"install {blueprint_file} -i port=1 -i host=h -i mark=/nowhere", code=5)
    cfy(f"install {blueprint_file} -i mark=/nowhere {change}", code=1)
    assert "already exists with other values" in cfy.errors
    assert "cfy uninstall app" in cfy.errors


@pytest.mark.parametrize(("change", "named"), [("--blueprint-labels a:b", "label `a:b`"), ("-l global", "visibility")])
def test_other_values_of_blueprint_are_refused(cfy: Cfy, blueprint_file: Path, change: str, named: str) -> None:
    cfy(f"blueprints upload {blueprint_file}")
    cfy(f"install {blueprint_file} -i port=1 -i host=h {change}", code=1)
    assert f"Blueprint `app` already exists with other values (different: {named})" in cfy.errors
    cfy("blueprints delete app")
    cfy(f"install {blueprint_file} -i port=1 -i host=h {change}")


def test_changed_files_are_named_and_the_hint_works(cfy: Cfy, blueprint_file: Path) -> None:
    command = f"install {blueprint_file} -i port=1 -i host=h -i mark=/nowhere"
    cfy(command, code=5)
    (blueprint_file.parent / "create.sh").write_text("#!/bin/bash\n")
    cfy(command, code=1)
    assert "was uploaded from other files (different: create.sh)" in cfy.errors
    assert "Hint: Remove it: cfy uninstall app;" in cfy.errors
    cfy("uninstall app --force")
    cfy(command)


def test_blueprint_without_deployments_hints_its_deletion(cfy: Cfy, blueprint_file: Path) -> None:
    cfy(f"blueprints upload {blueprint_file}")
    (blueprint_file.parent / "more.txt").write_text("more")
    cfy(f"install {blueprint_file} -i port=1 -i host=h", code=1)
    assert "Hint: Remove it: cfy blueprints delete app;" in cfy.errors
    cfy("blueprints delete app")
    cfy(f"install {blueprint_file} -i port=1 -i host=h")


def test_deployment_of_another_blueprint_is_refused(cfy: Cfy, blueprint_file: Path) -> None:
    cfy(f"install {blueprint_file} -i port=1 -i host=h")
    cfy(f"install {blueprint_file} -b second -d app -i port=1 -i host=h", code=1)
    assert "Deployment `app` already exists, of blueprint `app`" in cfy.errors
    assert names(cfy, "blueprints") == ["app"]
