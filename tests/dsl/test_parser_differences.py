"""Blueprints that the public parser refuses or compiles wrongly, and this one does not."""

from pathlib import Path
from typing import Any

import pytest

from cfy_cli import dsl
from cfy_cli.dsl import bundled
from tests.dsl.in_memory_lookups import write_blueprint

HEAD = "tosca_definitions_version: cloudify_dsl_1_5\n"
TYPES = "imports: [cloudify/types/types.yaml]\n"


def compile_text(folder: Path, text: str, name: str = "blueprint.yaml") -> dict[str, Any]:
    return dsl.compile_blueprint(write_blueprint(folder, HEAD + text, name))


def prepare_text(folder: Path, text: str) -> dict[str, Any]:
    plan = compile_text(folder, text)
    return dsl.prepare_deployment(plan, dsl.check_inputs(plan, {}))


@pytest.mark.parametrize("name", ["a b", "a+b", "a%20b", "a#b", "ä"])
def test_folder_name_may_have_special_characters(tmp_path: Path, name: str) -> None:
    write_blueprint(tmp_path / name, "node_types: {t: {}}\n", "my types.yaml")
    write_blueprint(tmp_path / name, "node_types: {u: {}}\n", f"{name}/types.yaml")
    plan = compile_text(
        tmp_path / name, f"imports: ['my types.yaml', '{name}/types.yaml']\nnode_templates: {{n: {{type: t}}}}\n"
    )
    assert plan["nodes"][0]["type"] == "t"


@pytest.mark.parametrize("path", sorted(bundled.FOLDER.glob("*.yaml")), ids=lambda path: path.name)
def test_basic_types_compile_alone(path: Path) -> None:
    assert dsl.lint(path) == []


def test_import_problem_has_location_in_imported_file(tmp_path: Path) -> None:
    write_blueprint(tmp_path, "node_types: {t: {propertys: {}}}\n", "lib/types.yaml")
    problems = dsl.lint(write_blueprint(tmp_path, HEAD + "imports: [lib/types.yaml]\n"))
    assert [str(problem) for problem in problems] == [
        "lib/types.yaml:1:18: unknown key `propertys`; did you mean `properties`?"
    ]


def test_operation_input_of_data_type_is_unchanged(tmp_path: Path) -> None:
    plan = compile_text(
        tmp_path,
        """\
plugins: {p: {executor: central_deployment_agent, install: false}}
data_types: {d: {properties: {a: {}}}}
node_types: {t: {interfaces: {i: {op: {implementation: p.m.op, inputs: {v: {type: d}}}}}}}
node_templates: {n: {type: t, interfaces: {i: {op: {inputs: {v: {a: 1}}}}}}}
""",
    )
    assert plan["nodes"][0]["operations"]["i.op"]["inputs"] == {"v": {"a": 1}}  # without a `type` in it


def test_two_relationships_to_one_node_both_exist(tmp_path: Path) -> None:
    plan = prepare_text(
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
    [instance] = [instance for instance in dsl.create_instances(plan) if instance["node_id"] == "b"]
    assert [link["type"].rpartition(".")[2] for link in instance["relationships"]] == [
        "connected_to",
        "depends_on",
    ]


def test_relationship_properties_are_evaluated(tmp_path: Path) -> None:
    plan = prepare_text(
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


def test_deferred_call_in_concat_stays_call(tmp_path: Path) -> None:
    plan = prepare_text(tmp_path, "outputs: {o: {value: {concat: [a, [b, {get_secret: s}]]}}}\n")
    assert plan["outputs"]["o"]["value"] == {"concat": ["a", ["b", {"get_secret": "s"}]]}


def test_error_message_is_used_despite_valid_default(tmp_path: Path) -> None:
    text = "inputs: {n: {type: integer, default: 1, constraints: [{less_than: 2, error_message: One.}]}}\n"
    with pytest.raises(dsl.InputsInvalid, match=r"One\."):
        dsl.check_inputs(compile_text(tmp_path, text), {"n": 5})


def test_input_of_reference_type_may_have_default(tmp_path: Path) -> None:
    assert (
        compile_text(tmp_path, "inputs: {b: {type: blueprint_id, default: app}}\n")["inputs"]["b"]["default"] == "app"
    )


def test_upload_resources_are_in_plan(tmp_path: Path) -> None:
    plan = compile_text(
        tmp_path,
        """\
upload_resources:
  plugin_resources: [one.wgn]
  dsl_resources: [{source_path: a.yaml, destination_path: b.yaml}]
  parameters: {fetch_timeout: 30}
""",
    )
    assert plan["upload_resources"]["plugin_resources"] == ["one.wgn"]


def test_circular_input_defaults_are_refused(tmp_path: Path) -> None:
    text = (
        "inputs: {a: {default: {get_input: b}}, b: {default: {get_input: a}}}\noutputs: {o: {value: {get_input: a}}}\n"
    )
    with pytest.raises(dsl.InputsInvalid, match="circular reference: input a -> input b -> input a"):
        prepare_text(tmp_path, text)


def test_node_beside_host_in_group_has_no_host(tmp_path: Path) -> None:
    plan = prepare_text(
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
    assert all("host_id" not in instance for instance in dsl.modify_instances(plan, existing, {"disk": 2}).added)
    added = {instance["node_id"]: instance for instance in dsl.modify_instances(plan, existing, {"vm": 2}).added}
    assert added["app"]["host_id"] == added["vm"]["id"]
