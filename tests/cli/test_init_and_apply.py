"""Tests of `cfy init` and `cfy apply`."""

import contextlib
import json
import re
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from cfy_cli.dsl import compile_blueprint
from tests.conftest import Cfy

from .conftest import Run

ROOT = Path(__file__).parents[2]
BLUEPRINT = """\
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
inputs: {port: {type: integer, default: 80}}
node_templates: {page: {type: cloudify.nodes.Root}}
"""


@pytest.fixture
def blueprint(tmp_path: Path) -> Path:
    folder = tmp_path / "web"
    folder.mkdir()
    (folder / "blueprint.yaml").write_text(BLUEPRINT)
    return folder / "blueprint.yaml"


def test_init_uses_the_manager_of_this_machine(run: Run, workdir: Path) -> None:
    assert "Using profile `local`" in run("init", profile=None).out
    active = workdir / ".cloudify" / "active.profile"
    assert active.read_text().strip() == "local"
    again = run("init", profile=None, code=1).err
    assert "Profile `local` is in use already" in again
    assert "cfy init -r" in again
    assert run("init -r --json", profile=None).data == {"name": "local"}
    run("init --hard --enable-colors --install-plugins", profile=None)
    assert "cfy init BLUEPRINT_PATH" in run("init -r -b web", profile=None, code=2).err


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("template", ["hello", "minimal"])
def test_init_begins_a_project_that_can_be_installed(cfy: Cfy, tmp_path: Path, template: str) -> None:
    folder = tmp_path / "project"
    cfy(f"init {folder} --template {template}")
    settings = json.loads((folder / ".vscode/settings.json").read_text())
    [schema] = settings["yaml.schemas"]
    assert jsonschema_rs.is_valid(
        json.loads((folder / schema).read_text()), yaml.safe_load((folder / "blueprint.yaml").read_text())
    )
    job = yaml.safe_load((folder / ".github/workflows/blueprints.yaml").read_text())["jobs"]["check"]
    lines = [step["run"] for step in job["steps"] if step.get("run", "").startswith("cfy ")]
    assert len(lines) == 3
    with contextlib.chdir(folder):
        for line in lines:
            cfy(line.removeprefix("cfy "))


def test_hooks_of_other_tools_run_commands_that_exist(run: Run, tmp_path: Path, blueprint: Path) -> None:
    [hook] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert re.search(hook["files"], "app/blueprint.yaml")
    run(f"{hook['entry'].removeprefix('cfy ')} {blueprint}")
    steps = yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["steps"]
    [line] = [step["run"] for step in steps if "lint" in step.get("run", "")]
    words = line.replace("$CFY_LINT_PATH", str(blueprint)).replace("${CFY_LINT_STRICT:+--strict}", "--strict")
    run(words.removeprefix("cfy "))


@pytest.mark.parametrize("exists", [True, False])
def test_init_begins_a_project_that_lints(run: Run, tmp_path: Path, exists: bool) -> None:
    folder = tmp_path / "project"
    if exists:
        folder.mkdir()
    outcome = run(f"init {folder}")
    assert f"Created a project in {folder}" in outcome.out
    assert f"cfy install {folder}/blueprint.yaml" in outcome.err
    run(f"blueprints lint {folder}/blueprint.yaml")
    assert compile_blueprint(folder / "blueprint.yaml")["nodes"]
    assert not list(folder.rglob("__pycache__"))


def test_init_leaves_what_it_cannot_begin_alone(run: Run, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    assert "does not exist" in run(f"init {tmp_path}/full", code=2).err
    assert [file.name for file in (tmp_path / "full").iterdir()] == ["notes.txt"]
    assert "does not exist" in run(f"init {tmp_path}/absent.zip", code=2).err
    assert "Cannot download http://127.0.0.1:1/web.zip" in run("init http://127.0.0.1:1/web.zip", code=None).err
    assert "cannot be written" in run(f"init {tmp_path}/full/notes.txt/below", code=1).err


@pytest.mark.usefixtures("worker")
def test_init_prepares_a_blueprint_again_and_again(cfy: Cfy, blueprint: Path) -> None:
    cfy(f"init {blueprint} -i port=oops", code=1)
    cfy("deployments get web", code=3)
    assert "cfy executions start install -d web" in cfy(f"init {blueprint.parent} -i port=81")
    assert '"port": 81' in cfy("deployments inputs web --json")
    blueprint.write_text(BLUEPRINT.replace("80", "90"))
    cfy(f"init {blueprint}")
    assert "Blueprint `web` is replaced" in cfy.errors
    assert '"port": 90' in cfy("deployments inputs web --json")
    cfy("executions start install -d web")
    cfy(f"init {blueprint}", code=1)
    assert "live nodes" in cfy.errors
    cfy("deployments create other -b web")
    cfy(f"init {blueprint} -b other", code=1)
    assert "Deployment `other` belongs to the blueprint `web`" in cfy.errors


@pytest.mark.usefixtures("worker")
def test_apply_installs_then_updates(cfy: Cfy, blueprint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(blueprint.parent)
    assert "would create 1 node instance" in cfy("apply --preview -i port=81")
    cfy("deployments get web", code=3)
    cfy("apply -i port=81 --skip-install -r page --blueprint-labels a:b --deployment-labels c:d")
    assert "Deployment `web` does not exist yet" in cfy.errors
    assert '"active"' in cfy("deployments get web --json --query installation_status")
    assert '"port": 81' in cfy("deployments inputs web --json")
    assert "would change nothing" in cfy("apply --preview --detailed-exitcode")
    blueprint.write_text(BLUEPRINT.replace("80", "90"))
    shown = cfy("apply --preview --detailed-exitcode -i port=82", code=8)
    assert "~ input port: 81 -> 82" in shown
    assert cfy("blueprints list --json --query '[].id'").count("web-") == 0
    assert "Successfully updated deployment web" in cfy("apply -i port=82 --deployment-labels e:f")
    assert '"port": 82' in cfy("deployments inputs web --json")
    assert {"c", "e"} <= json.loads(cfy("deployments labels list web --json")).keys()
    cfy("apply")
    assert "of the deployment is from the same files" in cfy.errors
    cfy("apply -d other -w install -p skip=1 --allow-custom-parameters --blueprint-path blueprint.yaml -b two")
    assert "other" in cfy("deployments list -b two")
    cfy("apply --blueprint-path nowhere.yaml", code=2)


@pytest.mark.usefixtures("worker")
def test_preview_is_quiet_and_leaves_nothing(cfy: Cfy, blueprint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(blueprint.parent)
    cfy("apply -i port=81")
    blueprint.write_text(BLUEPRINT.replace("80", "90"))
    for command in ("apply --preview -i port=82", f"plan {blueprint} -d web -i port=82"):
        assert "blueprint.yaml` would change:" in cfy(command)
        assert cfy.errors == ""
    blueprint.write_text("node_templates: [1]")
    assert "expected a mapping" in (cfy("apply --preview", code=1) or cfy.errors)
    blueprint.write_text(BLUEPRINT.replace("80", "91"))
    cfy("apply --preview -i port=[1]", code=1)
    for name in ("temporary_blueprint.follow_upload", "deployment_updates._show_preview"):
        with monkeypatch.context() as during:
            during.setattr(f"cfy_cli.shell.{name}", interrupt)
            cfy("apply --preview", code=130)
    assert json.loads(cfy("blueprints list --json --query '[].id'")) == ["web"]


def interrupt(*_arguments: object, **_options: object) -> None:
    raise KeyboardInterrupt
