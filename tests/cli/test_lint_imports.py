"""Lint of blueprints that import plugins: from given files, from the manager in use, or with their names alone."""

import json
from pathlib import Path

import pytest

from tests.conftest import Cfy
from tests.wagons import YAML, package

from .conftest import Run

BLUEPRINT = """\
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml, '{imported}']
node_templates:
  mistake: {{type: cloudify.nodes.Compte}}
  box: {{type: {type}, properties: {{size: big}}}}
"""
PLUGIN = """\
plugins: {tiny: {executor: central_deployment_agent, package_name: tiny-plugin, package_version: '1'}}
node_types: {tiny.Box: {derived_from: cloudify.nodes.Root, properties: {size: {type: integer}}}}
"""
MISTAKE = "blueprint.yaml:4:19: there is no node type `cloudify.nodes.Compte`; did you mean `cloudify.nodes.Compute`?"
SIZE = "blueprint.yaml:5:38: expected a value of the type integer, got the string `big`"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plugins" / "tiny").mkdir(parents=True)
    (tmp_path / "plugins" / "tiny" / "plugin.yaml").write_text(PLUGIN)
    (tmp_path / "plugins" / "other.yaml").write_text("[")
    (tmp_path / "plugins" / "odd.yaml").write_text("plugins: {a: text, b: null, c: [1]}")
    return tmp_path


def write(imported: str, kind: str = "tiny.Box") -> None:
    Path("blueprint.yaml").write_text(BLUEPRINT.format(imported=imported, type=kind))


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("given", ["plugins/tiny/plugin.yaml", "plugins"])
@pytest.mark.parametrize("command", ["lint", "validate"])
def test_plugin_types_come_from_given_files(run: Run, given: str, command: str) -> None:
    write("plugin:tiny-plugin")
    outcome = run(f"blueprints {command} blueprint.yaml --plugin-yaml {given}", code=1)
    text = outcome.out + outcome.err
    assert MISTAKE in text
    assert SIZE in text


@pytest.mark.usefixtures("folder")
def test_plugin_file_that_is_missing_is_refused(run: Run) -> None:
    write("plugin:tiny-plugin")
    assert (
        "There is no file or folder nowhere" in run("blueprints lint blueprint.yaml --plugin-yaml nowhere", code=2).err
    )


@pytest.mark.usefixtures("folder")
def test_plugin_types_come_from_manager_in_use(cfy: Cfy) -> None:
    for version in ("1.0", "1.10", "1.9"):
        text = YAML.format(name="tiny-plugin", version=version)
        text += f"node_types: {{tiny.Box: {{properties: {{size{version}: {{type: string}}}}}}}}\n"
        Path("tiny.zip").write_bytes(package(version=version, yamls={"plugin.yaml": text}))
        cfy("plugins upload tiny.zip")
    for wanted, found in (
        ("", "1.10"),
        ("?version=<1.9", "1.0"),
        ("?version=1.9", "1.9"),
        ("?version=>=1.0,!=1.10", "1.9"),
    ):
        write(f"plugin:tiny-plugin{wanted}")
        out = cfy("blueprints lint blueprint.yaml", code=1)
        assert MISTAKE in out
        assert f"`size{found}`" in out
    write("plugin:tiny-plugin?version=7")
    assert "was not checked: the manager in use does not have it" in cfy("blueprints lint blueprint.yaml", code=1)


@pytest.mark.usefixtures("folder", "wire")
@pytest.mark.parametrize(
    "imported",
    [
        "plugin:cloudify-aws-plugin",
        "plugin:cloudify-aws-plugin?version=>=3.0",
        "http://www.getcloudify.org/spec/aws-plugin/3.0/plugin.yaml",
        "https://github.com/cloudify-cosmo/cloudify-aws-plugin/releases/download/3.0.6/plugin.yaml",
    ],
)
def test_public_plugin_is_known_by_its_names(run: Run, imported: str) -> None:
    write(imported, "cloudify.nodes.aws.ec2.Subnet")
    lines = run("blueprints lint blueprint.yaml", code=1).out.splitlines()
    assert [line.partition(": ")[0] for line in lines] == ["blueprint.yaml:2:38", "blueprint.yaml:4:19"]
    assert f"note: `{imported}` was not checked: " in lines[0]
    assert "--plugin-yaml FILE" in lines[0]
    write(imported, "cloudify.nodes.aws.ec2.Subnets")
    warning = run("blueprints lint blueprint.yaml", code=1).out
    assert "blueprint.yaml:5:15: warning: the node type `cloudify.nodes.aws.ec2.Subnets` is not known" in warning
    assert "did you mean `cloudify.nodes.aws.ec2.Subnet`?" in warning


@pytest.mark.usefixtures("folder", "wire")
def test_unknown_type_of_unread_plugin_is_a_note(run: Run) -> None:
    write("plugin:of-somebody")
    text = Path("blueprint.yaml").read_text().replace("cloudify.nodes.Compte", "cloudify.nodes.Compute")
    Path("blueprint.yaml").write_text(text)
    outcome = run("blueprints lint blueprint.yaml --strict")
    assert "blueprint.yaml:5:15: note: the node type `tiny.Box` was not checked" in outcome.out
    assert outcome.out.endswith("blueprint.yaml: 2 notes\n")
    findings = json.loads(run("blueprints lint blueprint.yaml --json").out)
    assert [finding["severity"] for finding in findings] == ["note", "note"]
    assert run("blueprints lint blueprint.yaml --format github").out.startswith("::notice file=blueprint.yaml,line=2,")


@pytest.mark.usefixtures("folder", "wire")
def test_plugins_define_no_nodes(run: Run) -> None:
    write("plugin:of-somebody")
    with Path("blueprint.yaml").open("a") as file:
        file.write("outputs: {o: {value: {get_property: [bx, size]}}, i: {value: {get_input: nosuch}}}\n")
    out = run("blueprints lint blueprint.yaml", code=1).out
    assert "there is no node `bx`" in out
    assert "there is no input `nosuch`" in out


@pytest.mark.usefixtures("folder")
def test_unreachable_manager_leaves_a_note(run: Run) -> None:
    write("plugin:cloudify-aws-plugin", "cloudify.nodes.aws.ec2.Subnet")
    assert "was not checked: " in run("blueprints lint blueprint.yaml", code=1).out
    assert MISTAKE in run("blueprints lint blueprint.yaml", code=1).out


@pytest.mark.usefixtures("folder", "worker")
def test_imported_blueprint_comes_from_manager_in_use(cfy: Cfy, tmp_path: Path) -> None:
    base = tmp_path / "base"
    (base / "parts").mkdir(parents=True)
    (base / "parts" / "types.yaml").write_text("node_types: {tiny: {derived_from: cloudify.nodes.Root}}\n")
    head = "tosca_definitions_version: cloudify_dsl_1_4\nimports: [cloudify/types/types.yaml, parts/types.yaml]\n"
    (base / "blueprint.yaml").write_text(f"{head}node_templates: {{a: {{type: tiny}}}}\n")
    cfy("blueprints upload base/blueprint.yaml -b base")
    write("lib--blueprint:base", "lib--tinny")
    out = cfy("blueprints lint blueprint.yaml", code=1)
    assert MISTAKE in out
    assert "blueprint.yaml:5:15: there is no node type `lib--tinny`; did you mean `lib--tiny`?" in out
    write("lib--blueprint:bases", "lib--tiny")
    out = cfy("blueprints lint blueprint.yaml", code=1)
    assert "note: `blueprint:bases` was not checked: the manager in use does not have it; upload it first" in out
    assert MISTAKE in out


@pytest.mark.usefixtures("folder", "wire")
def test_imported_blueprint_without_manager_is_a_note(run: Run) -> None:
    write("lib--blueprint:base", "lib--tiny")
    out = run("blueprints lint blueprint.yaml", code=1).out
    assert "note: `blueprint:base` was not checked: " in out
    assert MISTAKE in out
