"""Tests of `cfy explain` and `cfy types list`."""

from pathlib import Path

import pytest

from cfy_cli import dsl
from cfy_cli.dsl import reference
from cfy_cli.dsl.functions.names import NAMES

from .conftest import Run

PLUGIN = """\
plugins: {db: {executor: central_deployment_agent, package_name: db}}
node_types:
  db.Server:
    derived_from: cloudify.nodes.SoftwareComponent
    properties: {port: {type: integer, description: Where it listens.}}
"""


def explained(run: Run, words: str) -> dict[str, str]:
    """Return the names of what is explained by their kinds; no manager is needed."""
    return {each["kind"]: each["name"] for each in run(f"explain {words} --json", profile=None).data}


def test_every_word_of_the_language_is_explained(run: Run, subtests: pytest.Subtests) -> None:
    definitions = dsl.find_definitions(reference.BASIC)
    words = {
        "function": NAMES,
        "rule": reference.rules(),
        "workflow": definitions.workflows,
        "node type": definitions.node_types,
        "relationship": definitions.relationships,
        "data type": definitions.data_types,
    }
    for kind, names in words.items():
        for name in names:
            with subtests.test(name):
                assert explained(run, name)[kind] == name


def test_explain_shows_what_a_type_inherits(run: Run) -> None:
    shown = run("explain webserver", profile=None).out
    assert "cloudify.nodes.WebServer (node type)" in shown
    assert "Derived from: cloudify.nodes.SoftwareComponent > cloudify.nodes.Root" in shown
    assert "cloudify/types/types.yaml:" in shown
    assert "use_external_resource" in shown  # of the first ancestor
    assert max(map(len, shown.splitlines())) <= 80


def test_explain_shows_all_things_of_a_name(run: Run) -> None:
    assert explained(run, "install") == {"workflow": "install", "command": "install"}
    assert explained(run, "deployments create") == {"command": "deployments create"}


def test_explain_proposes_the_closest_word(run: Run) -> None:
    assert "did you mean `get_attribute`?" in run("explain get_atribute", profile=None, code=3).err
    assert "cfy types list" in run("explain nothing-of-the-kind", profile=None, code=3).err


def test_explain_knows_types_of_blueprints_and_plugins(run: Run, tmp_path: Path) -> None:
    (tmp_path / "plugin.yaml").write_text(PLUGIN)
    blueprint = tmp_path / "blueprint.yaml"
    blueprint.write_text(f"{reference.HEAD}  - plugin:db\nnode_types: {{own: {{derived_from: db.Server}}}}\n")
    of_plugin = f"--plugin-yaml {tmp_path}/plugin.yaml"
    shown = run(f"explain Server --plugin db {of_plugin}", profile=None).out
    assert "port  " in shown
    assert "integer, required. Where it listens." in shown
    assert "port: integer" in shown.partition("Example:")[2]
    shown = run(f"explain own --blueprint-path {blueprint} {of_plugin}", profile=None).out
    assert "blueprint.yaml:5" in shown
    listed = run(f"types list --plugin db {of_plugin} --json", profile=None).data
    assert [each["name"] for each in listed] == ["db.Server"]
    every = run(f"types list --blueprint-path {blueprint} {of_plugin} --json", profile=None).data
    assert {"own", "db.Server", "cloudify.nodes.Root"} < {each["name"] for each in every}


@pytest.mark.parametrize("command", ["explain Server", "types list"])
def test_types_that_are_not_at_hand_are_named(run: Run, tmp_path: Path, command: str) -> None:
    assert "plugin:db" in run(f"{command} --plugin db", profile=None, code=1).err
    assert "does not exist" in run(f"{command} --blueprint-path {tmp_path}/absent.yaml", profile=None, code=2).err
    run(f"{command} --blueprint-path {tmp_path} --plugin db", profile=None, code=2)
    (tmp_path / "list.yaml").write_text("- 1\n")
    assert "list.yaml:1:1" in run(f"{command} --blueprint-path {tmp_path}/list.yaml", profile=None, code=1).err
