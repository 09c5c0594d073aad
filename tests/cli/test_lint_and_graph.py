"""Blueprints on this machine: lint, graph, package and requirements."""

import tarfile
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.conftest import Cfy

from .conftest import Run

HEAD = "tosca_definitions_version: cloudify_dsl_1_3\n"
GOOD = (
    HEAD
    + """\
imports: [cloudify/types/types.yaml]
node_templates:
  vm: {type: cloudify.nodes.Compute, properties: {agent_config: {install_method: none}}}
  app:
    type: cloudify.nodes.Root
    instances: {deploy: 2}
    relationships:
      - {type: cloudify.relationships.contained_in, target: vm}
      - {type: cloudify.relationships.connected_to, target: "data & <base>"}
  "data & <base>": {type: cloudify.nodes.Root}
"""
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two blueprints, one of which imports a file; that would not compile by itself."""
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "good.yaml": GOOD,
        "sub/bad.yaml": HEAD + "imports: [part.yaml]\nnode_templates: {n: {type: tt}}\nworkflow: {}\n",
        "sub/part.yaml": HEAD + "node_templates: {m: {type: t}}\n",
        "sub/notes.yaml": "a: 1\n",
        ".hidden/bad.yaml": HEAD + "wrong: {}\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_lint_checks_several_files(run: Run) -> None:
    outcome = run("blueprints lint good.yaml sub/bad.yaml", code=1)
    assert [line.partition(": ")[0] for line in outcome.out.splitlines()] == [
        "sub/bad.yaml:3:28", "sub/bad.yaml:4:1", "sub/part.yaml:2:28",
    ]  # fmt: skip
    assert "sub/bad.yaml has 3 problems" in outcome.err


@pytest.mark.usefixtures("folder")
def test_lint_of_warnings_fails_when_strict_only(run: Run) -> None:
    Path("twice.yaml").write_text(HEAD + "description: one\ndescription: two\n")
    outcome = run("blueprints lint good.yaml twice.yaml")
    assert outcome.out.splitlines() == [
        "twice.yaml:3:1: warning: `description` is already set at twice.yaml:2:1, and only this value counts; "
        "remove one of them [duplicate-key]",
        "good.yaml: no problems",
        "twice.yaml: 1 warning",
    ]
    strict = run("blueprints lint good.yaml twice.yaml --strict", code=1)
    assert strict.out == outcome.out.splitlines()[0] + "\n"
    assert "twice.yaml has 1 warning" in strict.err
    assert "good.yaml" not in strict.err


@pytest.mark.usefixtures("folder")
def test_lint_reads_imports_within_the_current_folder(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("sub/main.yaml").write_text(HEAD + "imports: [../good.yaml]\n")
    outcome = run("blueprints lint sub/main.yaml")
    assert "sub/main.yaml:2:11: warning: `../good.yaml` is outside the blueprint's folder" in outcome.out
    monkeypatch.chdir("sub")
    refused = run("blueprints lint main.yaml", code=1)
    assert "main.yaml:2:11: `../good.yaml` is outside the blueprint's folder; pack a folder that" in refused.out


@pytest.mark.usefixtures("folder")
def test_lint_knows_published_addresses_of_the_types(run: Run) -> None:
    address = "http://www.getcloudify.org/spec/cloudify/4.5.5/types.yaml"
    Path("old.yaml").write_text(HEAD + f"imports: [{address}]\nnode_templates: {{n: {{type: cloudify.nodes.Root}}}}\n")
    assert run("blueprints lint old.yaml").out == "old.yaml: no problems\n"


@pytest.mark.usefixtures("folder")
def test_lint_data_has_severity_and_hint(run: Run) -> None:
    Path("both.yaml").write_text(HEAD + "wrong: 1\ndescription: one\ndescription: two\n")
    outcome = run("blueprints lint both.yaml --json", code=1)
    assert [(found["rule"], found["severity"], found["hint"]) for found in outcome.data] == [
        ("unknown-key", "error", ""),
        ("duplicate-key", "warning", "remove one of them"),
    ]
    assert "both.yaml has 1 problem, 1 warning" in outcome.err
    lines = run("blueprints lint both.yaml --format github", code=1).out.splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["::error", "::warning"]


@pytest.mark.usefixtures("folder")
def test_validation_notes_warnings(run: Run) -> None:
    Path("twice.yaml").write_text(HEAD + "description: one\ndescription: two\n")
    outcome = run("blueprints validate twice.yaml")
    assert outcome.out == "Blueprint validated successfully\n"
    assert "twice.yaml:3:1: warning: `description` is already set" in outcome.err
    assert run("blueprints validate twice.yaml -q").err == ""


@pytest.mark.usefixtures("folder")
def test_lint_of_folder_skips_imported_files(run: Run) -> None:
    found = run("blueprints lint . --format json", code=1).data
    assert {each["file"] for each in found} == {"sub/bad.yaml", "sub/part.yaml"}
    assert len(found) == 3


def test_lint_of_folder_without_blueprints_is_refused(run: Run, tmp_path: Path) -> None:
    assert "The file absent.yaml does not exist" in run("blueprints lint absent.yaml", code=2).err
    assert f"There is no blueprint in {tmp_path}" in run(f"blueprints lint {tmp_path}", code=2).err


@pytest.mark.usefixtures("folder")
def test_lint_prints_github_annotations(run: Run) -> None:
    Path("odd,name.yaml").write_text(HEAD + "100%: {}\n")
    line = run("blueprints lint odd,name.yaml --format github", code=1).out
    assert line == ("::error file=odd%2Cname.yaml,line=2,col=1,title=unknown-key::unknown section `100%25`\n")


@pytest.mark.usefixtures("folder")
def test_lint_shows_excerpt_on_a_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cfy_cli.output.render.terminal_width", lambda: 80)
    lines = run("blueprints lint sub/bad.yaml", code=1).out.splitlines()
    assert lines[1:3] == [
        "    3 | node_templates: {n: {type: tt}}",
        "      |                            ^",
    ]  # fmt: skip


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("form", ["mermaid", "dot", "svg"])
def test_graph_of_blueprint_in_every_format(run: Run, form: str) -> None:
    picture = run(f"blueprints graph good.yaml --format {form}").out
    assert "app x2" in picture.replace("#120;", "x")
    run(f"blueprints graph good.yaml --format {form} -o picture")
    assert Path("picture").read_text() == picture


@pytest.mark.usefixtures("folder")
def test_graph_is_valid_in_its_language(run: Run) -> None:
    run("blueprints graph good.yaml -o g.svg")
    root = ElementTree.parse("g.svg").getroot()
    texts = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"vm", "app x2", "data & <base>"} <= set(texts)
    assert run("blueprints graph good.yaml").out.splitlines()[3:] == [
        "flowchart TB",
        '  subgraph n0["vm<br/>cloudify.nodes.Compute"]',
        '    n1["app x2<br/>cloudify.nodes.Root"]',
        "  end",
        '  n2["data #38; #60;base#62;<br/>cloudify.nodes.Root"]',
        "  n1 --> n2",
    ]
    run("blueprints graph good.yaml -o g.gv")
    assert Path("g.gv").read_text().startswith("digraph {")


@pytest.mark.usefixtures("folder")
def test_graph_requires_exactly_one_source(run: Run) -> None:
    assert "Give one source for the graph" in run("blueprints graph", code=2).err
    assert "Give one source for the graph" in run("blueprints graph good.yaml -d dep", code=2).err
    data = run("blueprints graph good.yaml --json").data
    assert data["nodes"] == 3
    assert "Cannot write nowhere/g.svg" in run("blueprints graph good.yaml -o nowhere/g.svg", code=1).err


@pytest.mark.usefixtures("folder", "worker")
def test_graph_of_deployment_shows_states(cfy: Cfy) -> None:
    cfy("blueprints upload good.yaml -b app")
    cfy("deployments create dep -b app")
    drawn = cfy("blueprints graph -d dep")
    assert drawn.count("uninitialized") == 4
    assert drawn.count("subgraph") == 1
    assert drawn.count("-->") == 2
    assert "vm<br/>cloudify.nodes.Compute" in cfy("blueprints graph -b app")
    cfy("blueprints graph -d none", code=3)


def test_a_package_holds_the_folder_and_not_itself(run: Run, folder: Path) -> None:
    for _again in range(2):
        out = run("blueprints package good.yaml --validate -o pack.tar.gz").out
        assert out == "Blueprint packaged as pack.tar.gz\n"
        with tarfile.open("pack.tar.gz") as tar:
            names = tar.getnames()
        assert f"{folder.name}/sub/part.yaml" in names
        assert not [name for name in names if "pack" in name.partition("/")[2]]
    run("blueprints package . -o pack.zip")
    with zipfile.ZipFile("pack.zip") as archive:
        assert f"{folder.name}/good.yaml" in archive.namelist()
    run("blueprints package good.yaml -o plain")
    assert Path("plain.tar.gz").exists()
    run("blueprints package sub/bad.yaml --validate -o bad.tar.gz", code=1)
    assert not Path("bad.tar.gz").exists()
    assert "Cannot write nowhere/x.zip" in run("blueprints package . -o nowhere/x.zip", code=1).err


PLUGINS = (
    HEAD
    + """\
plugins:
  a: {executor: central_deployment_agent, source: 'https://plugins.example/a.zip'}
  b: {executor: central_deployment_agent, source: b-plugin}
  c: {executor: central_deployment_agent, package_name: c, package_version: '1'}
node_types: {t: {interfaces: {i: {a: a.m.x, b: b.m.x, c: c.m.x}}}}
node_templates: {n: {type: t}}
"""
)


def test_requirements_are_the_sources_of_plugins(run: Run, folder: Path) -> None:
    Path("plugged.yaml").write_text(PLUGINS)
    wanted = [str(folder / "plugins" / "b-plugin"), "https://plugins.example/a.zip"]
    assert run("blueprints create-requirements plugged.yaml").out.splitlines() == wanted
    run("blueprints create-requirements plugged.yaml -o r.txt")
    assert Path("r.txt").read_text().splitlines() == wanted
    assert "The file r.txt already exists" in run("blueprints create-requirements plugged.yaml -o r.txt", code=2).err
