"""Functions while a deployment lives, and when it is created."""

from pathlib import Path
from typing import Any

import pytest

from cfy_cli import dsl
from tests.dsl.world import WiderWorld, World, blueprint

HEAD = """\
tosca_definitions_version: cloudify_dsl_1_5
inputs: {name: {default: web}, nest: {default: {a: [1, {b: deep}]}}}
relationships:
  cloudify.relationships.depends_on: {properties: {connection_type: {default: all_to_all}}}
  cloudify.relationships.contained_in: {derived_from: cloudify.relationships.depends_on}
node_types:
  t: {properties: {p: {default: {x: [10, 20]}}, lazy: {required: false}, port: {default: 80}}}
node_templates:
  web: {type: t, properties: {lazy: {get_attribute: [SELF, ip]}}}
  many: {type: t, capabilities: {scalable: {properties: {default_instances: 2}}}}
  user:
    type: t
    relationships: [{type: cloudify.relationships.depends_on, target: web}]
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World.of(
        blueprint(tmp_path, HEAD),
        secrets={"s": "hush", "json": '{"a": [1, {"b": 2}]}'},
        capabilities={"dep.cap": {"k": [5, 6]}, "parent.cap": "from above"},
        labels={"colour": ["blue", "green"], "csys-obj-parent": ["parent"]},
    )
    [web] = world.instance_ids("web")
    world.set(web, ip="10.0.0.1", nested={"l": [1, {"k": "v"}]}, zero=0, call={"get_secret": "s"})
    return world


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ({"get_attribute": ["web", "ip"]}, "10.0.0.1"),
        ({"get_attribute": ["web", "nested", "l", 1, "k"]}, "v"),
        ({"get_attribute": ["web", "nested", "l", "1", "k"]}, "v"),
        ({"get_attribute": ["web", "zero"]}, 0),
        ({"get_attribute": ["web", "none"]}, None),
        ({"get_attribute": ["web", "nested", "none", "at", "all"]}, None),
        ({"get_attribute": ["web", "port"]}, 80),
        ({"get_attribute": ["web", "p", "x", 1]}, 20),
        ({"get_attribute": ["web", "call"]}, "hush"),
        ({"get_attribute": ["web", "node_instance_index"]}, 1),
        ({"get_attribute": [{"get_input": "name"}, "ip"]}, "10.0.0.1"),
        ({"get_attributes_list": ["many", "port"]}, [80, 80]),
        ({"get_property": ["web", "lazy"]}, "10.0.0.1"),
        ({"get_property": ["web", "p", "x"]}, [10, 20]),
        ({"get_input": ["nest", "a", 1, "b"]}, "deep"),
        ({"get_secret": "s"}, "hush"),
        ({"get_secret": ["json", "a", 1, "b"]}, 2),
        ({"get_capability": ["dep", "cap", "k", 1]}, 6),
        ({"get_environment_capability": "cap"}, "from above"),
        ({"get_label": "colour"}, ["blue", "green"]),
        ({"get_label": ["colour", 1]}, "green"),
        ({"get_sys": ["deployment", "id"]}, "deployment/id"),
        (
            {"concat": ["http://", {"get_attribute": ["web", "ip"]}, ":", {"get_property": ["web", "port"]}]},
            "http://10.0.0.1:80",
        ),
        ({"concat": ["x-", {"get_attribute": ["web", "none"]}]}, "x-None"),
        ({"merge": [{"a": 1}, {"get_attribute": ["web", "nested"]}]}, {"a": 1, "l": [1, {"k": "v"}]}),
        ({"string_upper": {"get_secret": "s"}}, "HUSH"),
        ({"string_lower": "ABC"}, "abc"),
        ({"string_split": [{"get_attribute": ["web", "ip"]}, ".", 0]}, "10"),
        ({"string_find": [{"get_attribute": ["web", "ip"]}, "0.1"]}, 5),
        ({"string_replace": [{"get_attribute": ["web", "ip"]}, ".", "-", 2]}, "10-0-0.1"),
        ([{"k": {"get_attribute": ["web", "ip"]}}, 1], [{"k": "10.0.0.1"}, 1]),
        ({"get_attribute": ["web", "ip"], "other": 1}, {"get_attribute": ["web", "ip"], "other": 1}),
        ({"not_a_function": 1}, {"not_a_function": 1}),
    ],
)
def test_a_call_gives_its_value(world: World, call: Any, value: Any) -> None:
    assert dsl.evaluate(call, world) == value


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ({"get_attribute": ["nobody", "x"]}, "`get_attribute`: there is no node `nobody`"),
        (
            {"get_attribute": ["SELF", "x"]},
            "`get_attribute`: SELF is not defined here; it can be used in a node template or type",
        ),
        (
            {"get_attribute": ["many", "port"]},
            "`get_attribute`: the node `many` has 2 instances, and it is ambiguous which one is meant",
        ),
        ({"get_property": ["web", "none"]}, "`get_property`: the node `web` has no `none`"),
        ({"get_input": ["nest", "z"]}, "`get_input`: the input `nest` has no `z`"),
        ({"get_secret": "none"}, "`get_secret`: there is no secret `none`"),
        ({"get_capability": ["dep", "none"]}, "`get_capability`: there is no capability `dep.none`"),
        ({"get_label": "none"}, "`get_label`: the deployment has no label `none`"),
        ({"string_upper": {"get_property": ["web", "port"]}}, "`string_upper` takes one string"),
        ({"get_consumers": "count"}, "`get_consumers`: it is not available here"),
        ({"get_secret": ["s", "k"]}, "`get_secret`: the secret `s` is not JSON, so it has no keys"),
    ],
)
def test_a_call_that_cannot_be_made_says_why(world: World, call: Any, sentence: str) -> None:
    with pytest.raises(dsl.EvaluationFailed) as failure:
        dsl.evaluate({"value": [call]}, world)
    assert failure.value.message.startswith(sentence)


def test_self_source_and_target_are_the_instances_given(world: World) -> None:
    [web], [user] = world.instance_ids("web"), world.instance_ids("user")
    world.set(user, who="user")
    assert dsl.evaluate({"get_attribute": ["SELF", "ip"]}, world, self_id=web) == "10.0.0.1"
    assert dsl.evaluate({"get_property": ["SELF", "port"]}, world, self_id=web) == 80
    both = [
        {"get_attribute": ["SOURCE", "who"]},
        {"get_attribute": ["TARGET", "ip"]},
        {"get_property": ["TARGET", "port"]},
    ]
    assert dsl.evaluate(both, world, source_id=user, target_id=web) == ["user", "10.0.0.1", 80]


def test_a_property_that_calls_means_its_own_node_wherever_it_is_asked(world: World) -> None:
    [user] = world.instance_ids("user")
    assert dsl.evaluate({"get_property": ["web", "lazy"]}, world, self_id=user) == "10.0.0.1"
    assert dsl.evaluate({"get_attribute": ["web", "lazy"]}, world, self_id=user) == "10.0.0.1"


def test_attributes_of_all_instances_are_listed_by_their_ids(world: World) -> None:
    first, second = world.instance_ids("many")
    world.set(first, ip=1)
    assert dsl.evaluate({"get_attributes_dict": ["many", "ip", ["p", "x"]]}, world) == {
        first: {"ip": 1, "p.x": [10, 20]},
        second: {"ip": None, "p.x": [10, 20]},
    }


def test_of_several_instances_the_related_one_is_meant(tmp_path: Path) -> None:
    world = World.of(
        blueprint(
            tmp_path,
            HEAD
            + """\
  host: {type: t, capabilities: {scalable: {properties: {default_instances: 2}}}}
  guest: {type: t, relationships: [{type: cloudify.relationships.contained_in, target: host}]}
""",
        )
    )
    for guest in world.instance_ids("guest"):
        host = world.instances[guest]["relationships"][0]["target_id"]
        world.set(host, mine=host)
        assert dsl.evaluate({"get_attribute": ["host", "mine"]}, world, self_id=guest) == host


def test_of_several_instances_the_one_in_the_same_group_is_meant(tmp_path: Path) -> None:
    world = World.of(
        blueprint(
            tmp_path,
            HEAD
            + """\
  a: {type: t}
  b: {type: t}
groups: {g: {members: [a, b]}}
policies: {scale: {type: cloudify.policies.scaling, targets: [g], properties: {default_instances: 2}}}
""",
        )
    )
    for each in world.instance_ids("b"):
        world.set(each, group=world.scaling_groups(each)[0]["id"])
    for each in world.instance_ids("a"):
        here = world.scaling_groups(each)[0]["id"]
        assert dsl.evaluate({"get_attribute": ["b", "group"]}, world, self_id=each) == here


def test_a_circle_of_attributes_is_found(world: World) -> None:
    [web] = world.instance_ids("web")
    world.set(web, a={"get_attribute": ["SELF", "b"]}, b={"get_attribute": ["SELF", "a"]})
    with pytest.raises(dsl.EvaluationFailed, match="circular reference"):
        dsl.evaluate({"get_attribute": ["web", "a"]}, world)


def test_what_a_secret_holds_is_not_called(world: World) -> None:
    world.kept["secrets"]["sly"] = {"get_secret": "s"}
    assert dsl.evaluate({"get_secret": "sly"}, world) == {"get_secret": "s"}


def test_a_wider_world_tells_more(tmp_path: Path) -> None:
    world = WiderWorld.of(blueprint(tmp_path, HEAD))
    assert dsl.evaluate({"get_attribute": ["web", "node_instance_index"]}, world) == 101
    assert dsl.evaluate({"get_consumers": "count"}, world) == 1
    assert dsl.evaluate({"get_group_capability": ["g", "cap", "dep"]}, world) == "g.cap"
    assert dsl.evaluate({"get_group_capability": ["g", ["a", "b"]]}, world) == [{"dep": "g.a"}, {"dep": "g.b"}]


def test_an_output_that_fails_spoils_no_other(tmp_path: Path) -> None:
    world = World.of(
        blueprint(
            tmp_path,
            HEAD
            + """\
outputs:
  fine: {value: {get_property: [web, port]}}
  broken: {value: {get_attribute: [many, ip]}}
""",
        )
    )
    assert world.outputs() == {
        "fine": 80,
        "broken": "<ERROR: `get_attribute`: the node `many` has 2 instances, and it is ambiguous which one is meant>",
    }


def test_string_functions_wait_for_what_is_known_at_run_time(tmp_path: Path) -> None:
    world = World.of(
        blueprint(
            tmp_path,
            HEAD
            + """\
outputs: {shout: {value: {string_upper: {get_attribute: [web, {concat: [i, p]}]}}}}
""",
        )
    )
    assert world.plan["outputs"]["shout"]["value"] == {"string_upper": {"get_attribute": ["web", "ip"]}}
    [web] = world.instance_ids("web")
    world.set(web, ip="abc")
    assert world.outputs() == {"shout": "ABC"}


def test_an_operation_is_noted_when_calls_in_its_inputs_are_left(tmp_path: Path) -> None:
    world = World.of(
        blueprint(
            tmp_path,
            """\
tosca_definitions_version: cloudify_dsl_1_3
plugins: {p: {executor: central_deployment_agent, install: false}}
node_types: {t: {}}
node_templates:
  n:
    type: t
    interfaces:
      i:
        left: {implementation: p.m.f, inputs: {a: {get_attribute: [SELF, x]}}}
        made: {implementation: p.m.f, inputs: {a: {concat: [a, b]}}}
""",
        )
    )
    operations = world.node("n")["operations"]
    assert [operations[name]["has_intrinsic_functions"] for name in ("left", "made", "i.left")] == [True, False, True]
    assert operations["made"]["inputs"] == {"a": "ab"}


def test_inputs_that_make_calls_impossible_are_refused_all_at_once(tmp_path: Path) -> None:
    plan = dsl.compile_blueprint(
        blueprint(
            tmp_path,
            HEAD
            + """\
outputs:
  a: {value: {get_input: [nest, a, 7]}}
  b: {value: {string_split: ['x', ',', {get_input: name}]}}
""",
        )
    )
    with pytest.raises(dsl.InputsInvalid) as refusal:
        dsl.prepare_deployment(plan, dsl.check_inputs(plan, {}))
    assert refusal.value.problems == [
        "outputs.a: `get_input`: the input `nest`['a'] has no `7`",
        "outputs.b: `string_split` takes a string, a separator, and optionally the index of a part, and `web` is not "
        "an integer",
    ]
    assert refusal.value.code == "deployment_creation_error"


def test_preparing_leaves_the_plan_as_it_was(tmp_path: Path) -> None:
    plan = dsl.compile_blueprint(blueprint(tmp_path, HEAD + "outputs: {o: {value: [{get_input: name}]}}\n"))
    before = repr(plan)
    prepared = dsl.prepare_deployment(plan, dsl.check_inputs(plan, {"name": "x"}))
    assert prepared["outputs"] == {"o": {"value": ["x"]}}
    assert repr(plan) == before


def test_a_call_that_is_left_still_means_the_node_it_was_written_in(tmp_path: Path) -> None:
    text = HEAD + "outputs: {o: {value: [{get_property: [web, lazy]}]}}\n"
    assert World.of(blueprint(tmp_path, text)).plan["outputs"]["o"]["value"] == [{"get_attribute": ["web", "ip"]}]
