"""Tests of `cfy blueprints` with an embedded manager."""

import json
import shutil
import tarfile
from pathlib import Path

import pytest

from cfy_cli.manager.worker import Worker
from tests.conftest import Cfy

BLUEPRINT = """\
tosca_definitions_version: cloudify_dsl_1_4
description: Two of a kind.
imports: [cloudify/types/types.yaml]
inputs:
  port: {type: integer, default: 8080, description: Where it listens.}
node_templates:
  one: {type: cloudify.nodes.Root}
  two: {type: cloudify.nodes.Root}
outputs:
  port: {value: {get_input: port}, description: Where it listens.}
capabilities:
  port: {value: {get_input: port}}
"""
pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture
def blueprint_file(tmp_path: Path) -> Path:
    folder = tmp_path / "my_app"
    folder.mkdir()
    (folder / "blueprint.yaml").write_text(BLUEPRINT)
    return folder / "blueprint.yaml"


def pack_archive(blueprint_file: Path) -> Path:
    return Path(
        shutil.make_archive(
            str(blueprint_file.parent), "gztar", blueprint_file.parent.parent, blueprint_file.parent.name
        )
    )


def test_blueprint_upload_to_delete(cfy: Cfy, blueprint_file: Path, tmp_path: Path) -> None:
    out = cfy(f"blueprints upload {blueprint_file} -b two --labels team:core,team:web -l global")
    assert "'upload_blueprint' workflow execution succeeded" in out
    assert out.endswith("Blueprint uploaded. The blueprint's id is two\n")
    assert "Showing 1 of 1 blueprints" in cfy("blueprints list")
    assert "Two of a kind." in cfy("blueprints get two")
    assert "|  port | integer |  8080   | Where it listens. |".replace("  ", " ") in cfy(
        "blueprints inputs two"
    ).replace("  ", " ")
    assert (
        cfy(f"blueprints download two -o {tmp_path}/two.tar.gz") == f"Blueprint downloaded as {tmp_path}/two.tar.gz\n"
    )
    with tarfile.open(tmp_path / "two.tar.gz") as tar:
        assert "my_app/blueprint.yaml" in tar.getnames()
    assert [item.name for item in tmp_path.glob("*.part")] == []
    assert cfy("blueprints delete two") == "Blueprint `two` deleted\n"
    cfy("blueprints get two", code=3)


def test_blueprint_upload_json_prints_blueprint(cfy: Cfy, blueprint_file: Path) -> None:
    blueprint = json.loads(cfy(f"blueprints upload {blueprint_file} --json"))
    assert (blueprint["id"], blueprint["state"]) == ("my-app", "uploaded")
    assert blueprint["plan"]["inputs"]["port"]["default"] == 8080


def test_archive_upload_id_defaults_to_folder_name(cfy: Cfy, blueprint_file: Path) -> None:
    assert "The blueprint's id is my-app" in cfy(f"blueprints upload {pack_archive(blueprint_file)}")


def test_archive_upload_uses_named_main_file(cfy: Cfy, blueprint_file: Path) -> None:
    blueprint_file.rename(blueprint_file.with_name("other.yaml"))
    archive = pack_archive(blueprint_file)
    cfy(f"blueprints upload {archive}", code=2)
    assert "There is no blueprint.yaml in my_app.tar.gz" in cfy.errors
    assert "The blueprint's id is my-app.other" in cfy(f"blueprints upload {archive} -n other.yaml")


def test_blueprint_labels_add_and_delete(cfy: Cfy, blueprint_file: Path) -> None:
    cfy(f"blueprints upload {blueprint_file} -b two --labels team:core")
    assert cfy("blueprints labels add env:dev,team:core two") == "Labels added to blueprint `two`: env:dev\n"
    assert json.loads(cfy("blueprints labels list two --json")) == {"team": ["core"], "env": ["dev"]}
    assert cfy("blueprints labels delete team two") == "Labels deleted from blueprint `two`: team:core\n"
    assert "it has none of them" in cfy("blueprints labels delete team two")


def test_upload_invalid_blueprint_reports_reason(cfy: Cfy, blueprint_file: Path) -> None:
    blueprint_file.write_text(BLUEPRINT.replace("cloudify.nodes.Root}", "acme.Nothing}", 1))
    cfy(f"blueprints upload {blueprint_file} -b broken", code=1)
    assert "Error: Invalid blueprint: " in cfy.errors
    assert "acme.Nothing" in cfy.errors


def test_upload_logs_warnings_and_succeeds(cfy: Cfy, blueprint_file: Path) -> None:
    blueprint_file.write_text(BLUEPRINT + "description: The last one.\n")
    out = cfy(f"blueprints upload {blueprint_file} -b two")
    assert "WARNING: blueprint.yaml:13:1: `description` is already set at blueprint.yaml:2:1" in out
    assert out.endswith("Blueprint uploaded. The blueprint's id is two\n")
    assert "The last one." in cfy("blueprints get two")


def test_validation_on_manager_notes_warnings(cfy: Cfy, blueprint_file: Path) -> None:
    blueprint_file.write_text(BLUEPRINT + "description: The last one.\n")
    assert cfy(f"blueprints validate {blueprint_file} --on-manager") == "Blueprint validated successfully\n"
    assert "Warning: blueprint.yaml:13:1: `description` is already set at blueprint.yaml:2:1" in cfy.errors


def test_lint_reports_every_problem_with_position(cfy: Cfy, blueprint_file: Path) -> None:
    assert cfy(f"blueprints lint {blueprint_file}") == f"{blueprint_file}: no problems\n"
    blueprint_file.write_text(BLUEPRINT.replace("cloudify.nodes.Root", "acme.Nothing"))
    lines = cfy(f"blueprints lint {blueprint_file}", code=1).splitlines()
    assert [line.split(": ")[0] for line in lines] == [f"{blueprint_file}:7:15", f"{blueprint_file}:8:15"]
    problems = json.loads(cfy(f"blueprints lint {blueprint_file} --format json", code=1))
    assert [(item["file"], item["line"], item["column"]) for item in problems] == [
        (str(blueprint_file), 7, 15), (str(blueprint_file), 8, 15),
    ]  # fmt: skip


def test_validate_runs_offline_or_on_manager(cfy: Cfy, blueprint_file: Path) -> None:
    assert cfy(f"blueprints validate {blueprint_file}") == "Blueprint validated successfully\n"
    assert cfy(f"blueprints validate {blueprint_file} --on-manager") == "Blueprint validated successfully\n"
    blueprint_file.write_text(BLUEPRINT.replace("cloudify.nodes.Root", "acme.Nothing"))
    cfy(f"blueprints validate {blueprint_file}", code=1)
    cfy(f"blueprints validate {blueprint_file} --on-manager", code=5)
    assert "Showing 0 of 0" in cfy("blueprints list")


def test_upload_rejects_missing_file_and_folder(cfy: Cfy, blueprint_file: Path) -> None:
    cfy("blueprints upload nothere.yaml", code=2)
    assert "The file nothere.yaml does not exist" in cfy.errors
    cfy(f"blueprints upload {blueprint_file.parent}", code=2)
    assert "is a folder" in cfy.errors


def test_blueprint_set_visibility_to_global(cfy: Cfy, blueprint_file: Path, worker: Worker) -> None:
    cfy(f"blueprints upload {blueprint_file} -b two --private-resource")
    assert cfy("blueprints set-visibility two -l global") == "Blueprint `two` was set to global\n"


def test_quiet_upload_prints_only_its_result(cfy: Cfy, blueprint_file: Path) -> None:
    assert cfy(f"blueprints upload {blueprint_file} -b two -q") == "Blueprint uploaded. The blueprint's id is two\n"
    assert cfy.errors == ""
