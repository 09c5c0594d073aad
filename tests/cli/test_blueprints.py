"""Blueprints, from a file to the manager and back."""

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
def app_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "my_app"
    folder.mkdir()
    (folder / "blueprint.yaml").write_text(BLUEPRINT)
    return folder / "blueprint.yaml"


def archived(app_folder: Path) -> Path:
    return Path(shutil.make_archive(str(app_folder.parent), "gztar", app_folder.parent.parent, app_folder.parent.name))


def test_a_blueprint_lives(cfy: Cfy, app_folder: Path, tmp_path: Path) -> None:
    out = cfy(f"blueprints upload {app_folder} -b two --labels team:core,team:web -l global")
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


def test_under_json_the_blueprint_itself_is_printed(cfy: Cfy, app_folder: Path) -> None:
    blueprint = json.loads(cfy(f"blueprints upload {app_folder} --json"))
    assert (blueprint["id"], blueprint["state"]) == ("my-app", "uploaded")
    assert blueprint["plan"]["inputs"]["port"]["default"] == 8080


def test_an_archive_is_called_like_the_folder_in_it(cfy: Cfy, app_folder: Path) -> None:
    assert "The blueprint's id is my-app" in cfy(f"blueprints upload {archived(app_folder)}")


def test_another_file_in_an_archive_is_named(cfy: Cfy, app_folder: Path) -> None:
    app_folder.rename(app_folder.with_name("other.yaml"))
    archive = archived(app_folder)
    cfy(f"blueprints upload {archive}", code=2)
    assert "There is no blueprint.yaml in my_app.tar.gz" in cfy.errors
    assert "The blueprint's id is my-app.other" in cfy(f"blueprints upload {archive} -n other.yaml")


def test_labels_come_and_go(cfy: Cfy, app_folder: Path) -> None:
    cfy(f"blueprints upload {app_folder} -b two --labels team:core")
    assert cfy("blueprints labels add env:dev,team:core two") == "Labels added to blueprint `two`: env:dev\n"
    labels = json.loads(cfy("blueprints labels list two --json"))
    assert {(label["key"], label["value"]) for label in labels} == {("team", "core"), ("env", "dev")}
    assert cfy("blueprints labels delete team two") == "Labels deleted from blueprint `two`: team:core\n"
    assert "it has none of them" in cfy("blueprints labels delete team two")


def test_a_broken_blueprint_is_refused_with_the_reason(cfy: Cfy, app_folder: Path) -> None:
    app_folder.write_text(BLUEPRINT.replace("cloudify.nodes.Root}", "acme.Nothing}", 1))
    cfy(f"blueprints upload {app_folder} -b broken", code=1)
    assert "Error: Invalid blueprint: " in cfy.errors
    assert "acme.Nothing" in cfy.errors


def test_lint_names_every_problem_with_its_place(cfy: Cfy, app_folder: Path) -> None:
    assert cfy(f"blueprints lint {app_folder}") == f"{app_folder}: no problems\n"
    app_folder.write_text(BLUEPRINT.replace("cloudify.nodes.Root", "acme.Nothing"))
    lines = cfy(f"blueprints lint {app_folder}", code=1).splitlines()
    assert [line.split(": ")[0] for line in lines] == [f"{app_folder}:7:15", f"{app_folder}:8:15"]
    problems = json.loads(cfy(f"blueprints lint {app_folder} --format json", code=1))
    assert [(item["file"], item["line"], item["column"]) for item in problems] == [
        (str(app_folder), 7, 15), (str(app_folder), 8, 15),
    ]  # fmt: skip


def test_validation_is_offline_or_on_the_manager(cfy: Cfy, app_folder: Path) -> None:
    assert cfy(f"blueprints validate {app_folder}") == "Blueprint validated successfully\n"
    assert cfy(f"blueprints validate {app_folder} --on-manager") == "Blueprint validated successfully\n"
    app_folder.write_text(BLUEPRINT.replace("cloudify.nodes.Root", "acme.Nothing"))
    cfy(f"blueprints validate {app_folder}", code=1)
    cfy(f"blueprints validate {app_folder} --on-manager", code=5)
    assert "Showing 0 of 0" in cfy("blueprints list")


def test_what_is_no_source_is_refused(cfy: Cfy, app_folder: Path) -> None:
    cfy("blueprints upload nothere.yaml", code=2)
    assert "There is no file nothere.yaml" in cfy.errors
    cfy(f"blueprints upload {app_folder.parent}", code=2)
    assert "is a folder" in cfy.errors


def test_visibility_is_widened(cfy: Cfy, app_folder: Path, worker: Worker) -> None:
    cfy(f"blueprints upload {app_folder} -b two --private-resource")
    assert cfy("blueprints set-visibility two -l global") == "Blueprint `two` was set to global\n"
