"""Where the public parser errs or refuses what is fine, and we do neither."""

from pathlib import Path
from typing import Any

import pytest

from cfy_cli import dsl
from cfy_cli.dsl import bundled
from tests.dsl.world import blueprint

HEAD = "tosca_definitions_version: cloudify_dsl_1_5\n"
TYPES = "imports: [cloudify/types/types.yaml]\n"


def compiled(folder: Path, text: str, name: str = "blueprint.yaml") -> dict[str, Any]:
    return dsl.compile_blueprint(blueprint(folder, HEAD + text, name))


def prepared(folder: Path, text: str) -> dict[str, Any]:
    plan = compiled(folder, text)
    return dsl.prepare_deployment(plan, dsl.check_inputs(plan, {}))


@pytest.mark.parametrize("name", ["a b", "a+b", "a%20b", "a#b", "ä"])
def test_the_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    blueprint(tmp_path / name, "node_types: {t: {}}\n", "my types.yaml")
    blueprint(tmp_path / name, "node_types: {u: {}}\n", f"{name}/types.yaml")
    plan = compiled(
        tmp_path / name, f"imports: ['my types.yaml', '{name}/types.yaml']\nnode_templates: {{n: {{type: t}}}}\n"
    )
    assert plan["nodes"][0]["type"] == "t"


@pytest.mark.parametrize("path", sorted(bundled.FOLDER.glob("*.yaml")), ids=lambda path: path.name)
def test_the_basic_types_compile_by_themselves(path: Path) -> None:
    assert dsl.lint(path) == []


def test_an_import_that_is_wrong_is_told_where_it_is_wrong(tmp_path: Path) -> None:
    blueprint(tmp_path, "node_types: {t: {propertys: {}}}\n", "lib/types.yaml")
    problems = dsl.lint(blueprint(tmp_path, HEAD + "imports: [lib/types.yaml]\n"))
    assert [str(problem) for problem in problems] == [
        "lib/types.yaml:1:18: unknown key `propertys`; did you mean `properties`?"
    ]


def test_an_operation_gets_its_input_as_it_was_given(tmp_path: Path) -> None:
    plan = compiled(
        tmp_path,
        """\
plugins: {p: {executor: central_deployment_agent, install: false}}
data_types: {d: {properties: {a: {}}}}
node_types: {t: {interfaces: {i: {op: {implementation: p.m.op, inputs: {v: {type: d}}}}}}}
node_templates: {n: {type: t, interfaces: {i: {op: {inputs: {v: {a: 1}}}}}}}
""",
    )
    assert plan["nodes"][0]["operations"]["i.op"]["inputs"] == {"v": {"a": 1}}  # and no `type` among it


def test_two_relationships_to_one_node_are_both_made(tmp_path: Path) -> None:
    plan = prepared(
        tmp_path,
        TYPES
        + """\
node_templates:
  a: {type: cloudify.nodes.Root}
  b:
    type: cloudify.nodes.Root
    relationships:
      - {type: cloudify.relationships.connected_to, target: a}
      - {type: cloudify.relationships.depends_on, target: a}
""",
    )
    [instance] = [each for each in dsl.create_instances(plan) if each["node_id"] == "b"]
    assert [each["type"].rpartition(".")[2] for each in instance["relationships"]] == ["connected_to", "depends_on"]


def test_calls_in_the_properties_of_relationships_are_made(tmp_path: Path) -> None:
    plan = prepared(
        tmp_path,
        TYPES
        + """\
inputs: {w: {default: 4}}
relationships: {r: {derived_from: cloudify.relationships.connected_to, properties: {weight: {}}}}
node_templates:
  a: {type: cloudify.nodes.Root}
  b: {type: cloudify.nodes.Root, relationships: [{type: r, target: a, properties: {weight: {get_input: w}}}]}
""",
    )
    [relationship] = plan["nodes"][1]["relationships"]
    assert relationship["properties"]["weight"] == 4


def test_no_call_that_must_wait_becomes_text(tmp_path: Path) -> None:
    plan = prepared(tmp_path, "outputs: {o: {value: {concat: [a, [b, {get_secret: s}]]}}}\n")
    assert plan["outputs"]["o"]["value"] == {"concat": ["a", ["b", {"get_secret": "s"}]]}


def test_an_authors_sentence_outlives_the_check_of_the_default(tmp_path: Path) -> None:
    text = "inputs: {n: {type: integer, default: 1, constraints: [{less_than: 2, error_message: One.}]}}\n"
    with pytest.raises(dsl.InputsInvalid, match=r"One\."):
        dsl.check_inputs(compiled(tmp_path, text), {"n": 5})


def test_inputs_that_name_what_a_manager_keeps_may_have_a_default(tmp_path: Path) -> None:
    assert compiled(tmp_path, "inputs: {b: {type: blueprint_id, default: app}}\n")["inputs"]["b"]["default"] == "app"


def test_resources_to_upload_are_known(tmp_path: Path) -> None:
    plan = compiled(
        tmp_path,
        """\
upload_resources:
  plugin_resources: [one.wgn]
  dsl_resources: [{source_path: a.yaml, destination_path: b.yaml}]
  parameters: {fetch_timeout: 30}
""",
    )
    assert plan["upload_resources"]["plugin_resources"] == ["one.wgn"]


def test_inputs_whose_defaults_go_in_a_circle_end_in_a_sentence(tmp_path: Path) -> None:
    text = (
        "inputs: {a: {default: {get_input: b}}, b: {default: {get_input: a}}}\noutputs: {o: {value: {get_input: a}}}\n"
    )
    with pytest.raises(dsl.InputsInvalid, match="circular reference: input a -> input b -> input a"):
        prepared(tmp_path, text)


def test_what_is_beside_a_host_in_a_group_is_not_on_it(tmp_path: Path) -> None:
    plan = prepared(
        tmp_path,
        TYPES
        + """\
node_templates:
  vm: {type: cloudify.nodes.Compute, properties: {agent_config: {install_method: none}}}
  app: {type: cloudify.nodes.Root, relationships: [{type: cloudify.relationships.contained_in, target: vm}]}
  disk: {type: cloudify.nodes.Root}
groups: {g: {members: [vm, disk]}}
policies: {p: {type: cloudify.policies.scaling, targets: [g]}}
""",
    )
    existing = dsl.create_instances(plan)
    assert all("host_id" not in each for each in dsl.modify_instances(plan, existing, {"disk": 2}).added)
    added = {each["node_id"]: each for each in dsl.modify_instances(plan, existing, {"vm": 2}).added}
    assert added["app"]["host_id"] == added["vm"]["id"]
